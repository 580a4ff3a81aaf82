"""What the command ``mss`` does: a metered subsystem's load-following request, sent once.

Rule: what will be sent is in the evidence before it leaves, and its outcome after; the ISO offers no way to read it
back, so that an outcome that is not known stays unknown, is called that, and nothing is ever sent again by itself.
Spec: ADS API v7 §2 (SubmitMSSLFRequest).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from caiso_ads.core.model import LoadFollowingRequest, MssLfRequest, MssLfResponse
from caiso_ads.core.override import read_time
from caiso_ads.errors import CommandError, LocalError, RemoteError, StoreError
from caiso_ads.loop.commands import Command, Result
from caiso_ads.loop.desk import Handlers
from caiso_ads.ports import Clock
from caiso_ads.ports.answers import AnswerStore, Fact, Responder

log = logging.getLogger("caiso_ads.responder")

MOST_ROWS = 1000
LONGEST_ID = 80
MOST_MW = 100_000
"""More is no resource; it also refuses what is no finite number."""
_ROW = frozenset({"id", "resource", "start", "end", "mw"})


@dataclass(frozen=True, slots=True)
class LoadFollowing:
    """The handler. ``note`` takes what the store would not take at once."""

    iso: Responder
    store: AnswerStore
    clock: Clock
    note: Callable[[Fact], None]

    @property
    def slow(self) -> bool:
        """It waits for the ISO."""
        return True

    def handlers(self) -> Handlers:
        """Return what to register."""
        return {"mss": self}

    async def __call__(self, command: Command, now: datetime) -> Result:
        """Record, send, record, tell. Raises CommandError naming row and field, or StoreError: nothing was sent."""
        request = read_request(command.said)
        intent = self._fact("mss request", command, request, f"{len(request.requests)} rows to be sent", now)
        await self.store.append_facts([intent])
        try:
            response = await self.iso.submit_mss_lf_request(request)
        except LocalError as problem:
            result = Result(done=False, text=f"nothing was sent: {problem}")
        except RemoteError as problem:
            result = Result(
                done=False,
                text="unknown whether the ISO took it; it is not sent again: ask the ISO before you submit it once "
                f"more ({problem})",
            )  # fmt: skip
        else:
            result = told(request, response)
        await self._record(self._fact("mss result", command, request, result.text, self.clock.now().wall, result))
        return result

    def _fact(
        self, kind: str, command: Command, request: MssLfRequest, text: str, at: datetime, result: Result | None = None
    ) -> Fact:
        batch = request.sc_mss_batch_id
        rows = [_plain(row) for row in request.requests] if result is None else [dict(row) for row in result.rows]
        return Fact(kind, at, command.author, text, detail={**command.origin, "batch": batch, "rows": rows})

    async def _record(self, fact: Fact) -> None:
        try:
            await self.store.append_facts([fact])
        except StoreError as problem:
            log.error("result of a load-following request is recorded later: %s", problem)  # noqa: TRY400 - says it all
            self.note(fact)


def read_request(said: Mapping[str, object]) -> MssLfRequest:
    """Return the request a command asks for. Raises CommandError naming row and field."""
    batch, rows = _identifier(said.get("batch"), "batch"), said.get("rows")
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_ROWS:
        raise CommandError(f"give 1 to {MOST_ROWS} rows", field="rows")
    made = tuple(_read_row(batch, row, f"rows[{number}]") for number, row in enumerate(rows, start=1))
    twice = [name for name, count in Counter(row.sc_instruction_id for row in made).items() if count > 1]
    if twice:
        raise CommandError(f"{twice[0]!r} stands twice; each row has an id of its own", field="rows")
    return MssLfRequest(sc_mss_batch_id=batch, requests=made)


def told(request: MssLfRequest, response: MssLfResponse) -> Result:
    """Return the ISO's verdict on each row, and how many rows it said nothing about."""
    rows = tuple(
        {
            "id": row.sc_instruction_id[:LONGEST_ID], "caiso_id": row.caiso_instruction_id[:LONGEST_ID],
            "caiso_batch": row.caiso_mss_batch_id[:LONGEST_ID], "valid": row.validated,
        }
        for row in response.results[:MOST_ROWS]
    )  # fmt: skip
    valid = sum(row.validated for row in response.results)
    missing = {row.sc_instruction_id for row in request.requests} - {row.sc_instruction_id for row in response.results}
    silent = f"; nothing was said about {len(missing)} rows" if missing else ""
    other = "" if response.sc_mss_batch_id == request.sc_mss_batch_id else "; the answer names another batch of ours"
    text = f"CAISO batch {response.caiso_mss_batch_id[:LONGEST_ID]}: {valid} of {len(request.requests)} rows valid"
    return Result(done=not (silent or other), text=f"{text}{silent}{other}", rows=rows)


def _read_row(batch: str, row: object, where: str) -> LoadFollowingRequest:
    if not isinstance(row, dict) or row.keys() != _ROW:
        raise CommandError(f"must have {', '.join(sorted(_ROW))}", field=where)
    start, end = (read_time(str(row[key]), f"{where}.{key}") for key in ("start", "end"))
    if start >= end:
        raise CommandError("is not after start", field=f"{where}.end")
    mw = row["mw"]
    if isinstance(mw, bool) or not isinstance(mw, int | float) or not abs(mw) <= MOST_MW:
        raise CommandError(f"must be a number of at most {MOST_MW:,} MW", field=f"{where}.mw")
    return LoadFollowingRequest(
        sc_mss_batch_id=batch, sc_instruction_id=_identifier(row["id"], f"{where}.id"),
        resource_id=_identifier(row["resource"], f"{where}.resource"), start_time=start, end_time=end,
        load_following_mw=float(mw),
    )  # fmt: skip


def _identifier(said: object, field: str) -> str:
    text = said.strip() if isinstance(said, str) else ""
    if not text or not text.isprintable() or len(text) > LONGEST_ID:
        raise CommandError(f"must be 1 to {LONGEST_ID} characters of plain text", field=field)
    return text


def _plain(row: LoadFollowingRequest) -> dict[str, object]:
    return {
        "id": row.sc_instruction_id, "resource": row.resource_id, "start": row.start_time.isoformat(),
        "end": row.end_time.isoformat(), "mw": row.load_following_mw,
    }  # fmt: skip
