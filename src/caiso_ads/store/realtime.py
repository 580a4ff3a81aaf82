"""Real-time instructions, newest target first, in pages, read beside a running gateway.

Rule: as ``reader``: read-only, short queries, no SQLAlchemy. Only the newest revision of a batch counts, and a page is
found by the key of the table, so that a year of rows does not slow it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any

from caiso_ads.core.answering import ANSWERED_TYPES
from caiso_ads.core.codes import BatchStatus, BatchType, DispatchMode, InstructionType
from caiso_ads.core.setpoint import WITHDRAWN
from caiso_ads.store.looking import ReadOnly, microseconds, moment_of

_HOURLY = ", ".join(str(int(kind)) for kind in sorted(ANSWERED_TYPES))
_KEYS = f"""
    SELECT i.start_time, i.batch, i.resource, i.n FROM instruction i JOIN batch b ON b.id = i.batch
    WHERE i.resource = ? AND (i.start_time, i.batch, i.n) < (?, ?, ?) AND i.start_time >= ?
        AND b.effective AND b.batch_type NOT IN ({_HOURLY})
    ORDER BY i.start_time DESC, i.batch DESC, i.n DESC LIMIT ?"""  # noqa: S608 - constants of this module
_ROW = """
    SELECT b.batch_uid, coalesce(i.instruction_uid, b.batch_uid || '-I' || i.instruction_no), i.revision_number,
        b.batch_type, i.instruction_type, p.received_at, b.start_time, i.start_time, r.resource_id, i.dot_mw,
        i.pre_goto_mw, i.follow_dot_flag, b.dispatch_mode, b.contingency_type, b.batch_status, i.status_code,
        b.conflict, (SELECT l.segments FROM detail_layout l WHERE l.id = i.layout), i.detail
    FROM instruction i JOIN batch b ON b.id = i.batch JOIN payload p ON p.id = b.id JOIN resource r ON r.id = i.resource
    WHERE i.start_time = ? AND i.batch = ? AND i.resource = ? AND i.n = ?"""

Place = tuple[int, int, int, int]
"""Where a row stands among all: target time (us), batch, resource, place in the batch; the newest has the largest."""
NEWEST: Place = (1 << 62, 1 << 62, 1 << 62, 1 << 62)


@dataclass(frozen=True, slots=True)
class RealTime:
    """One instruction; MW, times aware UTC. ``segments`` are (service, MW). ``disputed``: two contents of one revision.

    ``withdrawn``: the ISO cancelled or deferred it. ``start_time`` is that of its batch.
    """

    place: Place
    batch_uid: str
    instruction_uid: str
    revision: int
    batch_type: BatchType
    instruction_type: InstructionType
    received_at: datetime
    start_time: datetime
    target_time: datetime
    resource_id: str
    dot_mw: float | None
    previous_dot_mw: float | None
    follow_dot_flag: str | None
    contingency: bool
    withdrawn: bool
    disputed: bool
    segments: tuple[tuple[str | None, float | None], ...]

    @property
    def exceptional(self) -> bool:
        """Whether it is an exceptional dispatch."""
        return self.batch_type is BatchType.OUT_OF_SEQUENCE

    @property
    def supplemental_mw(self) -> float | None:
        """MW of the first SUPP segment, as the setpoint takes it; None without one."""
        return next((mw for service, mw in self.segments if service == "SUPP"), None)


class RealTimeReader(ReadOnly):
    """What the page of real-time instructions asks."""

    def page(self, resource_id: str | None, since: datetime | None, after: Place, limit: int) -> list[RealTime]:
        """Return up to ``limit`` rows behind a place, of one resource or of all, with targets from ``since`` on."""
        numbers = self._numbers(resource_id)
        oldest = -(1 << 62) if since is None else microseconds(since)
        keys = (self._ask(_KEYS, (number, *_bound(number, after), oldest, limit)) for number in numbers)
        chosen = islice(merge(*keys, reverse=True), limit)
        return [_row((key[0], key[1], key[2], key[3]), found) for key in chosen for found in self._ask(_ROW, key)]

    def _numbers(self, resource_id: str | None) -> list[int]:
        if resource_id is None:
            return [row[0] for row in self._ask("SELECT id FROM resource")]
        return [row[0] for row in self._ask("SELECT id FROM resource WHERE resource_id = ?", (resource_id,))]


def _bound(number: int, after: Place) -> tuple[int, int, int]:
    """Return below which (time, batch, place) the rows of that resource stand behind a place."""
    start, batch, resource, n = after
    if number == resource:
        return start, batch, n
    return start, batch, (1 << 62 if number < resource else -1)


def _row(place: Place, found: Sequence[Any]) -> RealTime:
    uid, instruction, revision, kind, what, received, start, target, resource_id, dot, before, follow, *rest = found
    mode, contingency, batch_status, status, conflict, layout, detail = rest
    return RealTime(
        place=place,
        batch_uid=uid,
        instruction_uid=instruction,
        revision=revision,
        batch_type=BatchType(kind),
        instruction_type=InstructionType(what),
        received_at=moment_of(received),
        start_time=moment_of(start),
        target_time=moment_of(target),
        resource_id=resource_id,
        dot_mw=dot,
        previous_dot_mw=before,
        follow_dot_flag=follow,
        contingency=DispatchMode(mode) is DispatchMode.CONTINGENCY or bool(contingency),
        withdrawn=BatchStatus(batch_status) in WITHDRAWN or BatchStatus(status) in WITHDRAWN,
        disputed=bool(conflict),
        segments=_segments(layout, detail),
    )


def _segments(layout: str | None, detail: str | None) -> tuple[tuple[str | None, float | None], ...]:
    if layout is None or detail is None:
        return ()
    return tuple((service, mw) for (_, service), mw in zip(json.loads(layout), json.loads(detail), strict=True))
