"""What a resource's targets and events show that stands still from one edge to the next, and the memory of it.

Rule: a memory saves work and changes no answer. What it holds is used again only for the very objects it was worked out
from, and only inside the span of time in which no target, event or interval begins or ends; so it never needs to be
told of anything, and a clock may freeze or go back. Times are unix seconds.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from math import inf
from typing import NamedTuple

from caiso_ads.core.events import NOTHING, Situation, situation, unannounced
from caiso_ads.core.intervals import newest_number
from caiso_ads.core.points import RESOURCE_POINTS, Value
from caiso_ads.core.ramp import Piece, piece_at
from caiso_ads.core.resource import Resource, ResourceState
from caiso_ads.core.setpoint import Targets, choose, standing

_NONE: dict[str, Value] = dict.fromkeys(point.key for point in RESOURCE_POINTS)
_FOLLOW_CODES = {None: 0, False: 1, True: 2}


class Still(NamedTuple):
    """What holds for one resource from ``begin`` until before ``end``, while the interval number ``due`` is due.

    ``newest`` is the number of the newest interval that has a target, a refused one counts. ``shown`` has every point
    of the catalogue, in its order: None where it moves.
    """

    resource: Resource
    known: ResourceState
    due: int
    begin: float
    end: float
    targets: Targets
    piece: Piece | None
    situation: Situation
    newest: int | None
    shown: dict[str, Value]

    def holds(self, resource: Resource, known: ResourceState, when: float, due: int) -> bool:
        """Whether it still holds: of that resource at that time, as it is known now."""
        mine = self.known
        return (
            self.begin <= when < self.end
            and self.due == due
            and mine.targets is known.targets
            and mine.events is known.events
            and mine.withdrawn is known.withdrawn
            and mine.refused_targets is known.refused_targets
            and self.resource is resource
        )


class Memory:
    """The last ``Still`` of each resource. Whoever takes snapshots one after the other owns one."""

    def __init__(self) -> None:
        self._last: dict[str, Still] = {}

    def still(self, resource: Resource, known: ResourceState, when: float, due: int) -> Still:
        """Return what stands still around that time; ``due`` is the number of the interval due at it."""
        found = self._last.get(resource.resource_id)
        if found is None or not found.holds(resource, known, when, due):
            found = self._last[resource.resource_id] = worked_out(resource, known, when, due)
        return found


def worked_out(resource: Resource, known: ResourceState, when: float, due: int) -> Still:
    """Return what stands still around that time, from nothing but what is known."""
    stand = standing(known.targets, known.withdrawn)
    targets, now = choose(stand, when), situation(known.events, when)
    odd = unannounced(targets, known.events)
    if odd:
        now = replace(now, notices=now.notices | odd)
    begin, end = _span(targets, known, when)
    newest, refused = newest_number(known.targets, due), newest_number(known.refused_targets, due)
    if refused is not None:
        newest = refused if newest is None else max(newest, refused)
    shown = {
        **_NONE,
        **_of_targets(targets, renewable=resource.renewable),
        **_of_situation(now),
        "pmin_mw": resource.pmin_mw,
        "pmax_mw": resource.pmax_mw,
    }
    return Still(
        resource, known, due, begin, end, targets, piece_at(stand, when, resource.machine), now,
        newest, shown,
    )  # fmt: skip


def _span(targets: Targets, known: ResourceState, when: float) -> tuple[float, float]:
    """Return the last edge up to that time and the first one after it: target times, begins and ends of events."""
    begin = -inf if targets.active is None else targets.active.target
    end = inf if targets.following is None else targets.following.target
    for event in known.events:
        for edge in (event.start, event.end):
            if edge <= when:
                begin = max(begin, edge)
            else:
                end = min(end, edge)
    return begin, end


def _of_targets(targets: Targets, *, renewable: bool) -> dict[str, Value]:
    active, following, previous = targets
    supplemental = None if active is None else active.supplemental_mw
    follows = None if active is None else active.follow_dot
    return {
        "dot_mw": None if active is None else active.dot_mw,
        "dot_target_time": None if active is None else shown_time(active.target),
        "supplemental_mw": supplemental,
        "follow_dot_flag": _FOLLOW_CODES[follows],
        "curtailed": int(renewable and follows is True and supplemental is not None and supplemental < 0.0),
        "previous_dot_mw": None if previous is None else previous.dot_mw,
        "dot_delta_mw": None if active is None or following is None else following.dot_mw - active.dot_mw,
        "next_dot_mw": None if following is None else following.dot_mw,
        "next_dot_target_time": None if following is None else shown_time(following.target),
    }


def _of_situation(now: Situation) -> dict[str, Value]:
    if now is NOTHING:
        return {}
    return {
        "min_constraint_mw": now.min_mw,
        "max_constraint_mw": now.max_mw,
        "start_up_time": shown_time(now.start_up),
        "shut_down_time": shown_time(now.shut_down),
        "transition_end_time": shown_time(now.transition_end),
        "as_award_mw": now.award_mw,
    }


@lru_cache(maxsize=4096)  # the same few times are shown by every resource
def shown_time(unix_seconds: float | None) -> datetime | None:
    """Return a time as it is published: aware UTC."""
    return None if unix_seconds is None else datetime.fromtimestamp(unix_seconds, UTC)
