"""Nouns -> rows: pure, so that what lands in which column can be read and tested without a database.

Rule: every field of the noun ends in a column or, when the model does not know it, in ``unknown`` as [path, text].
Rows are dicts by column name; the caller adds the numbers of batch and resource through ``Numbers``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from caiso_ads.core.model import (
    ComplianceInterval,
    DispatchBatch,
    DispatchOperatingPoint,
    Instruction,
    InstructionDetail,
    TrajectoryBatch,
    Unknown,
)
from caiso_ads.store import schema

Row = dict[str, Any]


class Numbers(Protocol):
    """Gives each resource and each layout of segments its number."""

    def resource(self, name: str) -> int:
        """Return the number of a resource id."""

    def layout(self, segments: str) -> int:
        """Return the number of a list of [segNo, serviceType] pairs in JSON."""


def _plain(table: Any, noun: type) -> tuple[str, ...]:
    names = {field.name for field in noun.__dataclass_fields__.values()} - {"unknown", "detail"}  # type: ignore[attr-defined]
    return tuple(column.name for column in table.columns if column.name in names)


_BATCH = _plain(schema.batch, DispatchBatch)
_MAIN = tuple(name for name in _plain(schema.instruction, Instruction) if name not in ("instruction_uid", "start_time"))
_TRAJECTORY = _plain(schema.trajectory, TrajectoryBatch)
_TAIL = re.compile(r"0|[1-9][0-9]{0,17}")


def batch_row(batch: DispatchBatch) -> Row:
    """Return the columns of a batch that its content decides."""
    row = {name: getattr(batch, name) for name in _BATCH}
    row["unknown"] = unknown_json(batch.unknown)
    return row


def instruction_rows(batch: DispatchBatch, number: int, numbers: Numbers) -> tuple[list[Row], list[Row]]:
    """Return the rows of ``instruction`` and of ``instruction_more`` for one batch."""
    main, more = [], []
    for n, item in enumerate(batch.instructions):
        start = item.start_time
        key = {
            "resource": numbers.resource(item.resource_id),
            "start_time": batch.start_time if start is None else start,
            "batch": number,
            "n": n,
        }
        main.append({**key, **_instruction(item, batch.batch_uid, numbers)})
        rare = {name: getattr(item, name) for name in schema.MORE}
        if any(value is not None for value in rare.values()):
            more.append({**key, **rare})
    return main, more


def _instruction(item: Instruction, batch_uid: str, numbers: Numbers) -> Row:
    row = {name: getattr(item, name) for name in _MAIN}
    row["start_given"] = item.start_time is not None
    row["instruction_no"], row["instruction_uid"] = uid_parts(item.instruction_uid, batch_uid, "-I")
    row["other_batch_uid"] = None if item.batch_uid == batch_uid else item.batch_uid
    row["layout"] = row["detail"] = None
    if item.detail:
        row["layout"] = numbers.layout(layout(item.detail))
        row["detail"] = [short(segment.mw) for segment in item.detail]
    row["unknown"] = _instruction_unknown(item)
    return row


def _instruction_unknown(item: Instruction) -> list[list[str]] | None:
    pairs = [[other.name, other.text] for other in item.unknown]
    for n, segment in enumerate(item.detail):
        pairs += [[f"detail[{n}]/{other.name}", other.text] for other in segment.unknown]
    return pairs or None


def layout(detail: Sequence[InstructionDetail]) -> str:
    """Return the names of the segments as JSON: [[segNo, serviceType], ...]."""
    return json.dumps([[segment.seg_no, segment.service_type] for segment in detail], separators=(",", ":"))


def short(mw: float | None) -> float | int | None:
    """Return the same number so that JSON writes 47 instead of 47.0."""
    return int(mw) if mw is not None and mw.is_integer() and abs(mw) < 1e15 else mw


def trajectory_row(batch: TrajectoryBatch) -> Row:
    """Return the columns of a trajectory batch that its content decides."""
    row = {name: getattr(batch, name) for name in _TRAJECTORY}
    row["unknown"] = unknown_json(batch.unknown)
    return row


def dop_rows(batch: TrajectoryBatch, number: int, numbers: Numbers) -> list[Row]:
    """Return the rows of ``dop`` for one trajectory batch."""
    return [_dop(n, item, batch.batch_uid, number, numbers) for n, item in enumerate(batch.dops)]


def _dop(n: int, item: DispatchOperatingPoint, batch_uid: str, number: int, numbers: Numbers) -> Row:
    dop_no, dop_uid = uid_parts(item.dop_uid, batch_uid, "-D")
    return {
        "resource": numbers.resource(item.resource_id),
        "target_time": item.target_time,
        "trajectory": number,
        "n": n,
        "dop_no": dop_no,
        "dop_uid": dop_uid,
        "dop_mw": item.dop_mw,
        "sequence_number": item.sequence_number,
        "configuration_id": item.configuration_id,
        "unknown": unknown_json(item.unknown),
    }


def compliance_rows(batch: TrajectoryBatch, number: int, numbers: Numbers) -> list[Row]:
    """Return the rows of ``compliance`` for one trajectory batch."""
    return [_compliance(n, item, batch.batch_uid, number, numbers) for n, item in enumerate(batch.compliance)]


def _compliance(n: int, item: ComplianceInterval, batch_uid: str, number: int, numbers: Numbers) -> Row:
    compliance_no, compliance_uid = uid_parts(item.compliance_uid, batch_uid, "-C")
    return {
        "resource": numbers.resource(item.resource_id),
        "start_time": item.start_time,
        "trajectory": number,
        "n": n,
        "compliance_no": compliance_no,
        "compliance_uid": compliance_uid,
        "expected_energy_mwh": item.expected_energy_mwh,
        "compl_flag": item.compl_flag,
        "configuration_id": item.configuration_id,
        "unknown": unknown_json(item.unknown),
    }


def uid_parts(uid: str, batch_uid: str, mark: str) -> tuple[int | None, str | None]:
    """Split a UID into (number, None) when it is its batch's UID, the mark and a number; else (None, UID)."""
    prefix = batch_uid + mark
    tail = uid[len(prefix) :] if uid.startswith(prefix) else ""
    return (int(tail), None) if _TAIL.fullmatch(tail) else (None, uid)


def unknown_json(unknown: Iterable[Unknown]) -> list[list[str]] | None:
    """Return unknown elements as [[name, text], ...], or None when there are none."""
    return [[other.name, other.text] for other in unknown] or None
