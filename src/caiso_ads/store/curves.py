"""What the ISO asked of one resource over a stretch of time: its targets and its operating points, as they count.

Rule: as ``reader``: read-only, short queries, no SQLAlchemy. The rows become the core's own nouns and the core decides
what counts (``core.setpoint``, ``core.trajectory``): nothing is decided here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from caiso_ads.core.codes import BatchStatus, BatchType, DispatchMode, InstructionType, ReasonCode
from caiso_ads.core.model import DispatchBatch, Instruction, InstructionDetail, is_yes
from caiso_ads.core.setpoint import TARGET_BATCH_TYPES, TARGET_ORDER, Target, standing, targets_of, withdrawn_of
from caiso_ads.core.trajectory import Curve, Leg, merge
from caiso_ads.store.looking import ReadOnly, microseconds, moment_of

_NUMBER = "(SELECT id FROM resource WHERE resource_id = ?)"
_TYPES = ", ".join(str(int(kind)) for kind in sorted(TARGET_BATCH_TYPES))
_TARGETS = f"""
    SELECT b.batch_uid, b.batch_status, b.batch_received, b.batch_type, b.start_time, b.binding_flag, i.start_time,
        m.end_time, i.dot_mw, i.status_code, i.accept_dot_mw, i.accept_status, m.reason_code,
        (SELECT l.segments FROM detail_layout l WHERE l.id = i.layout), i.detail
    FROM instruction i JOIN batch b ON b.id = i.batch LEFT JOIN instruction_more m
        ON m.resource = i.resource AND m.start_time = i.start_time AND m.batch = i.batch AND m.n = i.n
    WHERE i.resource = {_NUMBER} AND i.start_time >= ? AND i.start_time < ? AND b.effective
        AND b.batch_type IN ({_TYPES}) AND i.instruction_type = {int(InstructionType.DOT)}
    ORDER BY i.start_time"""  # noqa: S608 - constants of this module
_DOPS = f"""
    SELECT d.trajectory, d.target_time, d.dop_mw, t.batch_uid, t.batch_received, t.binding_flag
    FROM dop d JOIN trajectory t ON t.id = d.trajectory
    WHERE d.resource = {_NUMBER} AND d.target_time >= ? AND d.target_time < ? AND t.effective
    ORDER BY d.trajectory, d.target_time, d.sequence_number"""  # noqa: S608 - constants of this module
_POINTS = f"""
    SELECT d.target_time, d.trajectory, d.n, d.dop_mw, d.sequence_number, d.configuration_id, t.batch_uid,
        t.batch_received, t.binding_flag, t.effective
    FROM dop d JOIN trajectory t ON t.id = d.trajectory
    WHERE d.resource = {_NUMBER} AND (d.target_time, d.trajectory, d.n) < (?, ?, ?)
    ORDER BY d.target_time DESC, d.trajectory DESC, d.n DESC LIMIT ?"""  # noqa: S608 - constants of this module
_AROUND = timedelta(hours=1)
"""How much more is read, so that a curve is whole at the ends of the span."""
NEWEST = (1 << 62, 1 << 62, 1 << 62)
"""The place before the newest operating point."""

Place = tuple[int, int, int]
"""Where a point stands among all: target time (us), number of the trajectory, place in it."""


@dataclass(frozen=True, slots=True)
class StoredPoint:
    """One operating point as one trajectory batch gave it. ``effective`` is False where a newer copy counts."""

    place: Place
    target_time: datetime
    dop_mw: float
    sequence_number: int
    configuration_id: str | None
    batch_uid: str
    batch_received: datetime
    binding: bool | None
    effective: bool


class CurveReader(ReadOnly):
    """What the timeline asks."""

    def targets(self, resource_id: str, start: datetime, end: datetime) -> list[Target]:
        """Return the target that counts at each target time in the span, in order."""
        asked = (resource_id, microseconds(start), microseconds(end))
        found: list[Target] = []
        gone: list[Target] = []
        for row in self._ask(_TARGETS, asked):
            batch = _batch(row, resource_id)
            found += [target for _, target in targets_of(batch)]
            gone += [target for _, target in withdrawn_of(batch)]
        found.sort(key=TARGET_ORDER)
        kept = standing(tuple(found), tuple(sorted(gone, key=TARGET_ORDER)))
        return list({target.target: target for target in kept}.values())

    def curve(self, resource_id: str, start: datetime, end: datetime) -> Curve:
        """Return the operating points of all trajectories that touch the span, merged as the gateway merges them."""
        asked = (resource_id, microseconds(start - _AROUND), microseconds(end + _AROUND))
        return merge(_legs(self._ask(_DOPS, asked)))

    def points(self, resource_id: str, after: Place, limit: int) -> list[StoredPoint]:
        """Return up to ``limit`` operating points behind a place, newest target first, of every trajectory."""
        return [_point(row) for row in self._ask(_POINTS, (resource_id, *after, limit))]


def _legs(rows: Sequence[Any]) -> Iterator[Leg]:
    for _, group in groupby(rows, key=lambda row: row[0]):
        points = list(group)
        _, _, _, uid, received, binding = points[0]
        pairs = tuple((at / 1e6, mw) for _, at, mw, *_ in points)
        yield Leg(uid, moment_of(received), is_yes(binding) is True, pairs)


def _point(row: Sequence[Any]) -> StoredPoint:
    target, trajectory, n, mw, sequence, configuration, uid, received, binding, effective = row
    return StoredPoint(
        (target, trajectory, n), moment_of(target), mw, sequence, configuration, uid, moment_of(received),
        is_yes(binding), bool(effective),
    )  # fmt: skip


def _batch(row: Sequence[Any], resource_id: str) -> DispatchBatch:
    uid, status, received, kind, start, binding, target, end, dot, state, accepted, said, reason, *detail = row
    instruction = Instruction(
        instruction_uid="",
        batch_uid=uid,
        resource_id=resource_id,
        start_time=moment_of(target),
        end_time=None if end is None else moment_of(end),
        dot_mw=dot,
        instruction_type=InstructionType.DOT,
        accept_dot_mw=accepted,
        accept_status=said,
        reason_code=None if reason is None else ReasonCode(reason),
        revision_number=0,
        status_code=BatchStatus(state),
        detail=tuple(_segments(*detail)),
    )
    return DispatchBatch(
        batch_uid=uid,
        market_id="",
        batch_status=BatchStatus(status),
        batch_received=moment_of(received),
        batch_type=BatchType(kind),
        start_time=moment_of(start),
        dispatch_mode=DispatchMode.INTERVAL,
        binding_flag=binding,
        revision_no=0,
        instructions=(instruction,),
    )


def _segments(layout: str | None, detail: str | None) -> Iterator[InstructionDetail]:
    if layout is not None and detail is not None:
        for (number, service), mw in zip(json.loads(layout), json.loads(detail), strict=True):
            yield InstructionDetail(seg_no=number, service_type=service, mw=mw)
