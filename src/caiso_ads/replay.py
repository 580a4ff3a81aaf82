"""The market again: stored documents run against a fast clock, through the same fold and snapshot as the gateway's.

Rule: no truth is computed here. This module only says which event comes when, folds it, and asks ``core`` what the plant
would have read; so a replay cannot be kinder than the gateway was. Documents received before the start are the past that
a running gateway already knows.

What is assumed, where no record says otherwise (``core.lived``): polls keep their interval, each is complete at once,
the store takes writes, the clock is right, nobody forced anything. While
the link is supposed to be down nothing arrives; afterwards the first poll brings what was missed, trajectories first,
as the gateway fetches it. (The gateway's back-off may delay that poll by up to a minute; a replay does not guess it.)
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

from caiso_ads.core import happenings as facts
from caiso_ads.core import lived as life
from caiso_ads.core.directive import DEFAULT_LIMITS, AgeLimits, Environment, LinkFault
from caiso_ads.core.instant import Instant
from caiso_ads.core.model import DispatchBatch, TrajectoryBatch
from caiso_ads.core.points import Snapshot, index_of, values_of
from caiso_ads.core.quality import Directive, Quality, Reason
from caiso_ads.core.resource import Resource
from caiso_ads.core.snapshot import snapshot
from caiso_ads.core.state import State, fold, initial
from caiso_ads.core.still import Memory
from caiso_ads.errors import WireError

POLL_INTERVAL_S = 10.0
_TRAJECTORY, _BATCH, _POLL = range(3)


@dataclass(frozen=True, slots=True)
class Document:
    """One thing the ISO sent and when it was received (aware); a WireError stands for one that could not be read.

    ``dispatch`` tells of what could not be read whether it may hold a dispatch batch.
    """

    received_at: datetime
    content: DispatchBatch | TrajectoryBatch | WireError
    dispatch: bool = True


@dataclass(frozen=True, slots=True)
class Outage:
    """A stretch of time without a link: every poll from ``start`` on fails, the first at or after ``end`` works."""

    start: datetime
    end: datetime


class View(NamedTuple):
    """What one resource reads at one instant. Powers in MW; None where nothing is known.

    Each field is the point of that name in the catalogue.
    """

    directive: Directive
    reasons: Reason
    quality: Quality
    setpoint_mw: float | None
    dop_mw: float | None
    dot_mw: float | None
    next_dot_mw: float | None


@dataclass(frozen=True, slots=True)
class Frame:
    """One instant of a replay: everything a plant would have read, as the gateway publishes it."""

    snapshot: Snapshot

    @property
    def at(self) -> datetime:
        """The instant, aware UTC."""
        return self.snapshot.at

    @property
    def resource_ids(self) -> Iterable[str]:
        """The resources, in the order they were given."""
        return self.snapshot.resources.keys()

    def view(self, resource_id: str) -> View:
        """Return what that resource reads; KeyError for one that is not replayed."""
        return View(*_OF_VIEW(values_of(self.snapshot.resources[resource_id])))


_OF_VIEW = itemgetter(*(index_of(name) for name in View._fields))


def replay(
    documents: Iterable[Document],
    resources: Mapping[str, Resource],
    *,
    start: datetime,
    end: datetime,
    step_s: float = 1.0,
    limits: AgeLimits = DEFAULT_LIMITS,
    environment: Environment = Environment.PRODUCTION,
    outages: Sequence[Outage] = (),
    lived: life.Lived = life.NOTHING,
    poll_interval_s: float = POLL_INTERVAL_S,
) -> Iterator[Frame]:
    """Yield a frame for each ``step_s`` (s) from ``start`` until before ``end``; documents may come in any order.

    The first poll is at ``start``. ``outages`` are supposed, and delay what would have come in them; ``lived`` is what a
    gateway recorded, and delays nothing, because documents have the time at which they really came. The same arguments give the same frames. Raises ValueError for a step or a poll
    interval that is not positive, or a time without a zone.
    """
    if step_s <= 0.0 or poll_interval_s <= 0.0:
        raise ValueError("step_s and poll_interval_s must be above zero")
    if start.tzinfo is None or end.tzinfo is None:
        raise ValueError("start and end need a time zone")
    origin = Instant(start, 0.0)
    arrivals = _arrivals(documents, origin, outages, poll_interval_s)
    polls = _polls(origin, end, outages, lived, poll_interval_s)
    past = (_Step(*item) for item in life.events(lived, origin))
    steps = heapq.merge(past, arrivals, polls, key=_moment)
    return _frames(initial(resources, environment), steps, origin, end, step_s, limits)


@dataclass(frozen=True, slots=True)
class _Step:
    """An event and its moment (s from the start); ``rank`` orders those of one moment."""

    at_s: float
    rank: int
    event: facts.Event


def _moment(step: _Step) -> tuple[float, int]:
    return step.at_s, step.rank


def _frames(
    state: State, steps: Iterator[_Step], origin: Instant, end: datetime, step_s: float, limits: AgeLimits
) -> Iterator[Frame]:
    length_s = (end - origin.wall).total_seconds()
    coming = next(steps, None)
    number, memory = 0, Memory()
    while (at_s := number * step_s) < length_s:
        while coming is not None and coming.at_s <= at_s:
            state = fold(state, coming.event)
            coming = next(steps, None)
        number += 1
        now = origin.plus(at_s)
        shot = snapshot(state, now, limits, generation=number, heartbeat=number, unacknowledged=0, memory=memory)
        yield Frame(shot)


def _arrivals(
    documents: Iterable[Document], origin: Instant, outages: Sequence[Outage], interval_s: float
) -> list[_Step]:
    """Return the documents as events, in the order a gateway would have folded them."""
    received = sorted(documents, key=lambda document: document.received_at)
    moments = ((_delivered(document.received_at, origin, outages, interval_s), document) for document in received)
    # One poll reads the trajectories before the batches; within a stream the order of reception stays.
    steps = [_Step(at_s, _rank(document), _event(document, origin.plus(at_s))) for at_s, document in moments]
    return sorted(steps, key=_moment)


def _rank(document: Document) -> int:
    return _TRAJECTORY if isinstance(document.content, TrajectoryBatch) else _BATCH


def _event(document: Document, arrived: Instant) -> facts.BatchSeen | facts.TrajectorySeen | facts.PayloadUnreadable:
    content = document.content
    if isinstance(content, WireError):
        return facts.PayloadUnreadable(arrived, document.dispatch)
    if isinstance(content, TrajectoryBatch):
        return facts.TrajectorySeen(content, arrived)
    return facts.BatchSeen(content, arrived)


def _delivered(received_at: datetime, origin: Instant, outages: Sequence[Outage], interval_s: float) -> float:
    """Return when a document arrives (s from the start): at once, or with the first poll after the outage it fell in."""
    at_s = _seconds(received_at, origin)
    while (outage := _outage_at(at_s, origin, outages)) is not None:
        at_s = max(at_s, math.ceil(_seconds(outage.end, origin) / interval_s) * interval_s)
    return at_s


def _polls(
    origin: Instant, end: datetime, outages: Sequence[Outage], lived: life.Lived, interval_s: float
) -> Iterator[_Step]:
    """Yield what each poll ends in; they begin at the start, or before the first outage where that is earlier."""
    before = min((_seconds(outage.start, origin) for outage in outages), default=0.0)
    number = min(0, math.floor(before / interval_s) - 1)
    length_s = _seconds(end, origin)
    while (at_s := number * interval_s) < length_s:
        event = _polled(origin.plus(at_s), origin, outages, lived)
        if event is not None:
            yield _Step(at_s, _POLL, event)
        number += 1


def _polled(
    at: Instant, origin: Instant, outages: Sequence[Outage], lived: life.Lived
) -> facts.PollCompleted | facts.PollFailed | None:
    """Return what a poll at that time ends in; None where there was none."""
    if _outage_at(_seconds(at.wall, origin), origin, outages) is not None:
        return facts.PollFailed(LinkFault.UNREACHABLE)
    recorded = lived.at(at.wall)
    return facts.PollCompleted(at) if recorded is None else life.poll_inside(recorded)


def _outage_at(at_s: float, origin: Instant, outages: Sequence[Outage]) -> Outage | None:
    for outage in outages:
        if _seconds(outage.start, origin) <= at_s < _seconds(outage.end, origin):
            return outage
    return None


def _seconds(moment: datetime, origin: Instant) -> float:
    return (moment - origin.wall).total_seconds()
