"""The evidence chain and what belongs to one instruction, read beside a running gateway.

Rule: as ``reader``: read-only, no read transaction longer than one query, no SQLAlchemy, and the chain in pages, so
that a year of it needs no memory. What a database of an older schema did not record is not made up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from caiso_ads.core.intervals import Span
from caiso_ads.core.model import Instruction
from caiso_ads.errors import WireError
from caiso_ads.store.chain import FIRST_HASH, AuditRow, matches
from caiso_ads.store.evidence import intact, original
from caiso_ads.store.looking import ReadOnly, microseconds, moment_of
from caiso_ads.wire.payload import decode_batch

PAGE = 1000
_FAR = 1 << 62
_ROW = "a.id, a.at, a.kind, a.who, a.resource, a.text, a.detail, a.previous_hash, a.hash"
_AFTER = f"SELECT {_ROW} FROM audit a WHERE a.id > ? ORDER BY a.id LIMIT ?"  # noqa: S608 - constants
_BETWEEN = f"SELECT {_ROW} FROM audit a WHERE a.id > ? AND a.at >= ? AND a.at < ? ORDER BY a.id LIMIT ?"  # noqa: S608 - constants
_CHOSEN = f"""
    SELECT {_ROW} FROM audit a {{by_time}} WHERE a.id > ? AND a.at >= ? AND a.at < ? AND (? IS NULL OR a.kind = ?)
    ORDER BY a.id LIMIT ?"""  # noqa: S608 - constants
_OF_BATCH = f"SELECT {_ROW} FROM audit_subject s JOIN audit a ON a.id = s.audit WHERE s.uid = ? ORDER BY a.id"  # noqa: S608 - constants
_HIDDEN = """
    SELECT a.id FROM audit a LEFT JOIN audit_subject s ON s.audit = a.id AND s.uid = json_extract(a.detail, '$.{0}')
    WHERE json_extract(a.detail, '$.{0}') IS NOT NULL AND s.uid IS NULL ORDER BY a.id LIMIT 1"""
_OF_RESOURCE = "SELECT batch_uid FROM v_instruction WHERE instruction_uid = ? LIMIT 1"
_VALIDATION = "SELECT last_try, result, done FROM outbox WHERE kind = 'validate' AND batch_uid = ? ORDER BY id"
_VERSIONS = "SELECT received_at, sha256, form, body, error FROM payload WHERE stream = 1 AND uid = ? ORDER BY id"


@dataclass(frozen=True, slots=True)
class Version:
    """An instruction as one stored payload tells it. ``intact`` is False, ``said`` None, when that copy is damaged."""

    received_at: datetime
    sha256: str
    intact: bool
    said: Instruction | None


@dataclass(frozen=True, slots=True)
class Found:
    """What is stored of one instruction. ``validated``: (last try, result, done) of each message to the ISO."""

    instruction_uid: str
    batch_uid: str
    versions: tuple[Version, ...]
    rows: tuple[AuditRow, ...]
    validated: tuple[tuple[datetime, str, bool], ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """The chain as it is. ``broken``: the first row that is not what was written; ``kept``: where a kept hash stands.

    ``hidden`` is the first row that its batch or instruction does not lead to any more; None when all are found.
    """

    rows: int
    newest: AuditRow | None
    broken: AuditRow | None
    kept: int | None
    hidden: int | None = None


class EvidenceReader(ReadOnly):
    """What ``caiso-ads evidence`` asks."""

    def check(self, kept_hash: bytes | None = None) -> Checked:
        """Walk the whole chain up to the first row that is not what was written, or does not follow the one before."""
        previous, number, newest, kept = FIRST_HASH, 0, None, None
        for row in self.rows():
            if row.row != number + 1 or row.previous_hash != previous or not matches(row):
                return Checked(number, newest, row, kept)
            previous, number, newest = row.hash, row.row, row
            if row.hash == kept_hash:
                kept = row.row
        return Checked(number, newest, None, kept, self._hidden())

    def _hidden(self) -> int | None:
        found = (self._ask_of("audit_subject", _HIDDEN.format(name), ()) for name in ("uid", "instruction"))
        return min((rows[0][0] for rows in found if rows), default=None)

    def rows(self) -> Iterator[AuditRow]:
        """Yield every row in order."""
        yield from self._paged(_AFTER, ())

    def rows_between(self, start: datetime, end: datetime) -> Iterator[AuditRow]:
        """Yield the rows whose time is in that stretch, in order of their numbers."""
        yield from self._paged(_BETWEEN, (microseconds(start), microseconds(end)))

    def page(self, span: Span | None, after: int, limit: int, *, kind: str | None = None) -> list[AuditRow]:
        """Return up to ``limit`` rows behind a number, of that time and that kind where they are given."""
        start, end = (-_FAR, _FAR) if span is None else (microseconds(span.start), microseconds(span.end))
        query = _CHOSEN.format(by_time="" if span is None else "INDEXED BY ix_audit_at")
        return [AuditRow(*row) for row in self._ask_of("audit", query, (after, start, end, kind, kind, limit))]

    def instruction(self, uid: str) -> Found | None:
        """Return what is stored of an instruction; None when no stored batch holds it."""
        for batch_uid in self._batches(uid):
            versions = tuple(self._versions(uid, batch_uid))
            if any(version.said is not None for version in versions):
                rows = tuple(AuditRow(*row) for row in self._ask_of("audit_subject", _OF_BATCH, (batch_uid,)))
                tries = self._ask_of("outbox", _VALIDATION, (batch_uid,))
                validated = tuple(
                    (moment_of(at), str(result), bool(done)) for at, result, done in tries if at is not None
                )
                return Found(uid, batch_uid, versions, rows, validated)
        return None

    def _batches(self, uid: str) -> Iterator[str]:
        """Yield where it may be: by the form of its UID first, which is an index search, then through the rows."""
        head, mark, _ = uid.rpartition("-I")
        if mark:
            yield head
        yield from (str(row[0]) for row in self._ask_of("instruction", _OF_RESOURCE, (uid,)))

    def _versions(self, uid: str, batch_uid: str) -> Iterator[Version]:
        for received_at, digest, form, body, _ in self._ask_of("payload", _VERSIONS, (batch_uid,)):
            text = original(form, body)
            good = intact(text, digest)
            said = _instruction(text, uid) if good else None
            if said is not None or not good:
                yield Version(moment_of(received_at), digest.hex(), good, said)

    def _paged(self, query: str, values: tuple[object, ...]) -> Iterator[AuditRow]:
        last = -_FAR
        while page := self._ask_of("audit", query, (last, *values, PAGE)):
            yield from (AuditRow(*row) for row in page)
            last = page[-1][0]


def _instruction(text: bytes, uid: str) -> Instruction | None:
    """Return the instruction of a verified payload; None where it is not in it, or the payload cannot be read."""
    try:
        held = decode_batch(text.decode("utf-8")).instructions
    except (WireError, UnicodeDecodeError):
        return None
    return next((item for item in held if item.instruction_uid == uid), None)
