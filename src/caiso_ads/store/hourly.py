"""Instructions that take answers, with what was answered, read beside a running gateway or without one.

Rule: as ``reader``: read-only, short queries, no SQLAlchemy. An instruction comes from the payload, verified and decoded
anew; a batch whose copy is damaged is counted, never guessed. A header of a newer revision overrules the batch's status.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from caiso_ads.core.answering import ANSWERED_TYPES
from caiso_ads.core.answers import Answer, AnswerKind, AnswerState
from caiso_ads.core.codes import BatchStatus, ReasonCode, ResponseResult
from caiso_ads.core.model import DispatchBatch, Instruction
from caiso_ads.errors import WireError
from caiso_ads.store.evidence import intact, original
from caiso_ads.store.looking import ReadOnly, microseconds, moment_of
from caiso_ads.wire.payload import read_result

_TYPES = ", ".join(str(int(kind)) for kind in sorted(ANSWERED_TYPES))
_BATCHES = f"""
    SELECT p.operation, p.argument, p.received_at, p.sha256, p.form, p.body, p.corrupt
    FROM payload p JOIN batch b ON b.id = p.id
    WHERE p.received_at >= ? AND b.effective AND b.batch_type IN ({_TYPES}) ORDER BY b.start_time, b.id"""  # noqa: S608 - constants of this module
_HEADERS = f"""
    SELECT b.batch_uid, b.revision_no, b.batch_status, b.batch_expires
    FROM payload p JOIN batch b ON b.id = p.id
    WHERE p.received_at >= ? AND b.header_only AND b.batch_type IN ({_TYPES}) ORDER BY b.revision_no, b.id"""  # noqa: S608 - constants of this module
_ANSWER = """
    SELECT id, batch_uid, instruction_uid, resource_id, revision_no, kind, who, given_at, closes_at, mw, reason_code,
        state, result, text, seconded_by
    FROM answer"""
_ANSWERS = f"{_ANSWER} WHERE given_at >= ? ORDER BY id"
_ANSWERS_TO = f"{_ANSWER} WHERE instruction_uid IN (SELECT value FROM json_each(?)) ORDER BY id"  # noqa: S608 - constants of this module
_NEWEST = f"""
    SELECT p.operation, p.argument, p.received_at, p.sha256, p.form, p.body, p.corrupt, b.start_time, b.id
    FROM batch b JOIN payload p ON b.id = p.id
    WHERE b.effective AND b.batch_type IN ({_TYPES}) AND (b.start_time, b.id) <= (?, ?) AND p.received_at >= ?
    ORDER BY b.start_time DESC, b.id DESC LIMIT ?"""  # noqa: S608 - constants of this module
_HEADER = """
    SELECT revision_no, batch_status, batch_expires FROM batch
    WHERE batch_uid = ? AND header_only ORDER BY revision_no DESC, id DESC LIMIT 1"""
_PAGE_OF_BATCHES = 20
NEWEST = (1 << 62, 1 << 62, -1)
"""The place before the newest instruction."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One instruction as it was stored last (``stored_at``, UTC), and every answer to it, oldest first."""

    batch: DispatchBatch
    instruction: Instruction
    stored_at: datetime
    answers: tuple[Answer, ...] = ()


Place = tuple[int, int, int]
"""Where an instruction stands among all: start of its batch (us), number of the batch, place in it."""


@dataclass(frozen=True, slots=True)
class AllAsked:
    """What was found; ``damaged`` counts the batches whose stored copy cannot be read."""

    rows: tuple[Asked, ...]
    damaged: int


class HourlyReader(ReadOnly):
    """What ``caiso-ads instructions`` asks the database."""

    def asked(self, since: datetime) -> AllAsked:
        """Return what takes answers and was received since then, by its start. Raises StoreError."""
        answers = self.answers(since)
        headers = {row[0]: row[1:] for row in self._ask_of("batch", _HEADERS, (microseconds(since),))}
        rows: list[Asked] = []
        damaged = 0
        for row in self._ask_of("batch", _BATCHES, (microseconds(since),)):
            batch = _batch(row)
            if batch is None:
                damaged += 1
                continue
            now = _with_header(batch, headers.get(batch.batch_uid))
            for each in batch.instructions:
                given = tuple(item for item in answers if item.instruction_uid == each.instruction_uid)
                rows.append(Asked(now, each, moment_of(row[2]), given))
        return AllAsked(tuple(rows), damaged)

    def newest(self, after: Place, since: datetime) -> Iterator[tuple[Place, Asked]]:
        """Yield what takes answers and was received since then, newest hour first, from behind a place on.

        A batch whose copy is damaged is left out. Raises StoreError.
        """
        start, number, n = after
        while page := self._ask_of("batch", _NEWEST, (start, number, microseconds(since), _PAGE_OF_BATCHES)):
            for row in page:
                batch = _batch(row)
                for place, asked in enumerate(self._of_batch(batch, row[2]) if batch is not None else ()):
                    if (row[7], row[8]) < (start, number) or place > n:
                        yield (row[7], row[8], place), asked
            start, number, n = page[-1][7], page[-1][8] - 1, -1

    def _of_batch(self, batch: DispatchBatch, received_at: int) -> Iterator[Asked]:
        header = self._ask(_HEADER, (batch.batch_uid,))
        now = _with_header(batch, header[0] if header else None)
        uids = json.dumps([each.instruction_uid for each in batch.instructions])
        answers = [_answer(row) for row in self._ask_of("answer", _ANSWERS_TO, (uids,))]
        for each in batch.instructions:
            given = tuple(item for item in answers if item.instruction_uid == each.instruction_uid)
            yield Asked(now, each, moment_of(received_at), given)

    def answers(self, since: datetime) -> list[Answer]:
        """Return every answer given since then, oldest first; none in a database of before schema 0006."""
        return [_answer(row) for row in self._ask_of("answer", _ANSWERS, (microseconds(since),))]


def _batch(row: Sequence[Any]) -> DispatchBatch | None:
    operation, argument, _, digest, form, body, corrupt, *_ = row
    payload = original(form, body)
    if corrupt or not intact(payload, digest):
        return None
    try:
        found = read_result(operation, payload.decode("utf-8"), argument)
    except (UnicodeDecodeError, WireError):
        return None
    return found if isinstance(found, DispatchBatch) else None


def _with_header(batch: DispatchBatch, header: Sequence[Any] | None) -> DispatchBatch:
    if header is None or header[0] <= batch.revision_no:
        return batch
    revision_no, status, expires = header
    return replace(
        batch,
        revision_no=revision_no,
        batch_status=BatchStatus(status),
        batch_expires=None if expires is None else moment_of(expires),
    )


def _answer(row: Sequence[Any]) -> Answer:
    number, batch, uid, resource, revision, kind, who, given, closes, mw, reason, state, result, text, second = row
    return Answer(
        answer_id=number,
        batch_uid=batch,
        instruction_uid=uid,
        resource_id=resource,
        revision_no=revision,
        kind=AnswerKind(kind),
        who=who,
        given_at=moment_of(given),
        closes_at=None if closes is None else moment_of(closes),
        mw=mw,
        reason_code=None if reason is None else ReasonCode(reason),
        state=AnswerState(state),
        result=None if result is None else ResponseResult(result),
        text=text,
        seconded_by=second,
    )
