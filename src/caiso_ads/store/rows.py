"""Nouns -> rows: pure, so that what lands in which column can be read and tested without a database.

Rule: every field of the noun ends in a column or, when the model does not know it, in ``unknown`` as [path, text].
Rows of the long tables are tuples in the order of the table's columns; ``Numbers`` gives resources and layouts theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Protocol, TypeAlias

from sqlalchemy import Table

from caiso_ads.core.model import (
    ComplianceInterval,
    DispatchBatch,
    DispatchOperatingPoint,
    Instruction,
    TrajectoryBatch,
    Unknown,
)
from caiso_ads.store import schema

Row: TypeAlias = tuple[Any, ...]
Layout: TypeAlias = tuple[tuple[int, str | None], ...]


class Numbers(Protocol):
    """Gives each resource and each layout of segments its number."""

    def resource(self, name: str) -> int:
        """Return the number of a resource id."""

    def layout(self, segments: Layout) -> int:
        """Return the number of a list of (segNo, serviceType) pairs."""


def _between(table: Table, first: str, last: str) -> tuple[str, ...]:
    names = list(table.columns.keys())
    return tuple(names[names.index(first) + 1 : names.index(last)])


_BATCH = _between(schema.batch, "id", "header_only")
_TRAJECTORY = _between(schema.trajectory, "n", "digest")
_MAIN: Callable[[Instruction], Row] = attrgetter(*_between(schema.instruction, "other_batch_uid", "layout"))
_MORE: Callable[[Instruction], Row] = attrgetter(*schema.instruction_more.columns.keys()[4:])
_DOP: Callable[[DispatchOperatingPoint], Row] = attrgetter(*_between(schema.dop, "dop_uid", "unknown"))
_COMPLIANCE: Callable[[ComplianceInterval], Row] = attrgetter(*_between(schema.compliance, "compliance_uid", "unknown"))


def batch_row(batch: DispatchBatch) -> dict[str, Any]:
    """Return the columns of a batch that its content decides."""
    return {**{name: getattr(batch, name) for name in _BATCH}, "unknown": unknown_pairs(batch.unknown)}


def trajectory_row(batch: TrajectoryBatch) -> dict[str, Any]:
    """Return the columns of a trajectory batch that its content decides."""
    return {**{name: getattr(batch, name) for name in _TRAJECTORY}, "unknown": unknown_pairs(batch.unknown)}


def instruction_rows(batch: DispatchBatch, number: int, numbers: Numbers) -> tuple[list[Row], list[Row]]:
    """Return the rows of ``instruction`` and of ``instruction_more`` for one batch."""
    main, more = [], []
    for n, item in enumerate(batch.instructions):
        start = item.start_time
        key = (numbers.resource(item.resource_id), batch.start_time if start is None else start, number, n)
        main.append(key + _instruction(item, batch.batch_uid, numbers))
        rare = _MORE(item)
        if any(value is not None for value in rare):
            more.append(key + rare)
    return main, more


def _instruction(item: Instruction, batch_uid: str, numbers: Numbers) -> Row:
    detail = item.detail
    return (
        item.start_time is not None,
        *uid_parts(item.instruction_uid, batch_uid, "-I"),
        None if item.batch_uid == batch_uid else item.batch_uid,
        *_MAIN(item),
        numbers.layout(tuple([(segment.seg_no, segment.service_type) for segment in detail])) if detail else None,
        [short(segment.mw) for segment in detail] if detail else None,
        _instruction_unknown(item),
    )


def _instruction_unknown(item: Instruction) -> list[list[str]] | None:
    pairs = [[other.name, other.text] for other in item.unknown]
    for n, segment in enumerate(item.detail):
        if segment.unknown:
            pairs += [[f"detail[{n}]/{other.name}", other.text] for other in segment.unknown]
    return pairs or None


def short(mw: float | None) -> float | int | None:
    """Return the same number so that JSON writes 47 instead of 47.0."""
    return int(mw) if mw is not None and mw.is_integer() and abs(mw) < 1e15 else mw


def dop_rows(batch: TrajectoryBatch, number: int, numbers: Numbers) -> list[Row]:
    """Return the rows of ``dop`` for one trajectory batch."""
    return [
        (
            *(numbers.resource(item.resource_id), item.target_time, number, n),
            *uid_parts(item.dop_uid, batch.batch_uid, "-D"),
            *_DOP(item),
            unknown_pairs(item.unknown),
        )
        for n, item in enumerate(batch.dops)
    ]


def compliance_rows(batch: TrajectoryBatch, number: int, numbers: Numbers) -> list[Row]:
    """Return the rows of ``compliance`` for one trajectory batch."""
    return [
        (
            *(numbers.resource(item.resource_id), item.start_time, number, n),
            *uid_parts(item.compliance_uid, batch.batch_uid, "-C"),
            *_COMPLIANCE(item),
            unknown_pairs(item.unknown),
        )
        for n, item in enumerate(batch.compliance)
    ]


def uid_parts(uid: str, batch_uid: str, mark: str) -> tuple[int | None, str | None]:
    """Split a UID into (number, None) when it is its batch's UID, the mark and a plain number; else (None, UID)."""
    prefix = batch_uid + mark
    tail = uid[len(prefix) :] if uid.startswith(prefix) else ""
    plain = tail.isascii() and tail.isdigit() and len(tail) <= 18 and (tail[0] != "0" or tail == "0")
    return (int(tail), None) if plain else (None, uid)


def unknown_pairs(unknown: Sequence[Unknown]) -> list[list[str]] | None:
    """Return unknown elements as [[name, text], ...], or None when there are none."""
    return [[other.name, other.text] for other in unknown] or None
