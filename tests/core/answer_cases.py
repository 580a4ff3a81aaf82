"""One hourly batch and one answer to it, to be changed field by field."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from caiso_ads.core.answers import Answer, AnswerKind
from caiso_ads.core.codes import BatchStatus, BatchType, DispatchMode, InstructionType
from caiso_ads.core.model import DispatchBatch, Instruction

HOUR = datetime(2026, 7, 1, 20, 0, tzinfo=UTC)
CLOSES = HOUR - timedelta(minutes=30)
NOW = CLOSES - timedelta(minutes=10)


def row(**changes: Any) -> Instruction:
    """Return an intertie's hourly DOT of 100 MW over a schedule of 80 MW, not answered, at revision 3."""
    known: dict[str, Any] = {
        "instruction_uid": "B1-I1", "batch_uid": "B1", "resource_id": "TIE_1", "start_time": HOUR,
        "end_time": HOUR + timedelta(hours=1), "dot_mw": 100.0, "instruction_type": InstructionType.DOT,
        "revision_number": 3, "status_code": BatchStatus.ACTIVE, "hourly_mw": 80.0,
    }  # fmt: skip
    return Instruction(**(known | changes))


def batch(*rows: Instruction, **changes: Any) -> DispatchBatch:
    """Return the hourly batch while its window is open, with one row unless others are given."""
    known: dict[str, Any] = {
        "batch_uid": "B1", "market_id": "M1", "batch_status": BatchStatus.ACTIVE,
        "batch_received": HOUR - timedelta(minutes=63), "batch_expires": CLOSES,
        "batch_type": BatchType.HOURLY_PRE_DISPATCH, "start_time": HOUR, "dispatch_mode": DispatchMode.INTERVAL,
        "binding_flag": "Y", "revision_no": 803, "instructions": rows or (row(),),
    }  # fmt: skip
    return DispatchBatch(**(known | changes))


def answer(kind: AnswerKind = AnswerKind.ACCEPT, **changes: Any) -> Answer:
    """Return an answer of a person to that row."""
    known: dict[str, Any] = {
        "answer_id": 1, "batch_uid": "B1", "instruction_uid": "B1-I1", "resource_id": "TIE_1", "revision_no": 3,
        "kind": kind, "who": "alice", "given_at": NOW, "closes_at": CLOSES,
    }  # fmt: skip
    return Answer(**(known | changes))
