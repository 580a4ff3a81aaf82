"""What is told of an instruction that takes answers: whether it can still be answered, what stands, and all of it as JSON.

Rule: what is shown is as it was stored last, with that time; what is not known is null, never 0.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from caiso_ads.core.answering import closes_at, iso_answer, period_refusal
from caiso_ads.core.answers import OCCUPIED, Answer
from caiso_ads.core.plain import plain
from caiso_ads.store.hourly import Asked


def is_open(row: Asked, now: datetime) -> bool:
    """Whether it may still be answered, and nobody has: neither through us nor at the ISO."""
    waits = period_refusal(row.batch, now, margin_s=0.0) is None
    return waits and standing(row) is None and iso_answer(row.instruction) is None


def standing(row: Asked) -> Answer | None:
    """Return our answer that keeps anybody else from answering this revision, or None."""
    revision = row.instruction.revision_number
    return next((each for each in row.answers if each.revision_no == revision and each.state in OCCUPIED), None)


def as_json(row: Asked, now: datetime) -> dict[str, Any]:
    """Return one instruction for programs; times in UTC."""
    told, end = row.instruction, closes_at(row.batch)
    left = None if end is None else max(0.0, (end - now).total_seconds())
    return {
        "instruction_uid": told.instruction_uid,
        "batch_uid": row.batch.batch_uid,
        "resource_id": told.resource_id,
        "revision": told.revision_number,
        "start_time": plain(told.start_time or row.batch.start_time),
        "end_time": plain(told.end_time),
        "dot_mw": told.dot_mw,
        "schedule_mw": told.hourly_mw,
        "min_accept_mw": told.min_accept_mw,
        "batch_status": plain(row.batch.batch_status),
        "closes_at": plain(end),
        "seconds_left": left,
        "open": is_open(row, now),
        "iso": {
            "accept_status": told.accept_status,
            "accept_dot_mw": told.accept_dot_mw,
            "responder": told.responder,
            "reason_code": plain(told.reason_code),
        },
        "answers": plain(row.answers),
        "stored_at": plain(row.stored_at),
    }
