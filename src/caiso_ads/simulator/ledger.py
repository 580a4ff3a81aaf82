"""The simulator's memory of what it issued and what it was asked: the witness a test compares with.

Rule: append only, in one order; with a file, each line is on its way to the disk before the answer leaves, so a test may
kill any process and compare afterwards. It holds no secret: identifiers, common names and digests only in the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TextIO

from caiso_ads.errors import ConfigError
from caiso_ads.ports import Clock

ISSUE = "issue"
CHANGE = "change"
RESPONSE = "response"


@dataclass(frozen=True, slots=True)
class Record:
    """One line.

    ``operation`` is ``issue``, ``change``, ``response`` (an answer that arrived, see ``answered``) or the name of a
    service operation; ``uid`` what it is about. ``order`` grows by one; ``mono`` is the simulator's monotonic clock in
    seconds; ``payload`` the text of the SOAP result as served (empty when not kept), ``digest`` its SHA-256 in hex;
    ``fault`` the fault put on the wire, if any; ``arguments`` those after the first; ``result`` a code or flag.
    """

    order: int
    operation: str
    uid: str
    common_name: str
    wall: datetime
    mono: float
    payload: str = ""
    digest: str = ""
    fault: str = ""
    arguments: tuple[str, ...] = ()
    result: str = ""


class Ledger:
    """All records, or the newest ``keep``; optionally copied to a file as JSON lines."""

    def __init__(self, clock: Clock, *, file: Path | None = None, keep: int | None = None) -> None:
        self._clock, self._keep = clock, keep
        self._records: list[Record] = []
        self._order = 0
        self._file: TextIO | None = _opened(file) if file else None

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(tuple(self._records))

    def record(
        self,
        operation: str,
        uid: str,
        *,
        common_name: str = "",
        wall: datetime | None = None,
        payload: str = "",
        fault: str = "",
        arguments: Sequence[str] = (),
        result: str = "",
    ) -> Record:
        """Append one record; ``wall`` defaults to now."""
        now = self._clock.now()
        self._order += 1
        bounded = self._keep is not None
        entry = Record(
            order=self._order,
            operation=operation,
            uid=uid,
            common_name=common_name,
            wall=wall or now.wall,
            mono=now.mono,
            payload="" if bounded else payload,
            digest=sha256(payload.encode("utf-8", "surrogatepass")).hexdigest() if payload else "",
            fault=fault,
            arguments=tuple(arguments),
            result=result,
        )
        self._records.append(entry)
        if self._keep is not None and len(self._records) > 2 * self._keep:
            del self._records[: -self._keep]
        self._write(entry)
        return entry

    def of(self, operation: str) -> list[Record]:
        """Return the records of one operation, oldest first."""
        return [record for record in self._records if record.operation == operation]

    def issued(self, prefix: str = "DISP-") -> list[str]:
        """Return the identifiers issued in one stream, in order of arrival."""
        return [record.uid for record in self.of(ISSUE) if record.uid.startswith(prefix)]

    def close(self) -> None:
        """Close the file; the records stay readable."""
        if self._file:
            self._file.close()
            self._file = None

    def _write(self, entry: Record) -> None:
        if self._file:
            row = {name: getattr(entry, name) for name in Record.__slots__ if name != "payload"}
            row["wall"] = entry.wall.isoformat()
            self._file.write(json.dumps(row) + "\n")
            self._file.flush()


def _opened(file: Path) -> TextIO:
    try:
        return file.open("a", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write the ledger: {error.strerror}", file=str(file)) from error
