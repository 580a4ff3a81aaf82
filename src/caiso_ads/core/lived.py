"""What a gateway lived through beside what it received, as facts for a replay: overrides, outages, clock and store.

Rule: a replay fed with it never looks better than the gateway was. Where a record is coarse the worse is taken: of a
restart nobody knows how long the plant read a dead value, so all of the time without a complete poll counts as such.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from caiso_ads.core.directive import LinkFault
from caiso_ads.core.happenings import (
    ClockSampled,
    ClockStepped,
    OverridesChanged,
    PollCompleted,
    PollFailed,
    Restarted,
    Stopping,
    StoreChanged,
)
from caiso_ads.core.instant import Instant
from caiso_ads.core.intervals import NOT_RECORDED, Outage, Span
from caiso_ads.core.override import Cleared, Override, after

RESTART = "restart"
STORE_FAILED = "store failed"
CHANGE, POLL = -1, 2
"""Where such an event stands among others of one moment: before the documents, or with the polls behind them."""

Event = (
    ClockSampled | ClockStepped | OverridesChanged | PollCompleted | PollFailed | Restarted | Stopping | StoreChanged
)


@dataclass(frozen=True, slots=True)
class Forced:
    """An override that stood; ``ended_at`` is when an operator ended or replaced it, None where its time ended it."""

    override: Override
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Distrust:
    """A time in which our clock was not trusted; no ``end``: nobody saw one. Offsets (s) are the ISO's minus ours."""

    start: datetime
    end: datetime | None
    offset_s: float | None
    end_offset_s: float | None


@dataclass(frozen=True, slots=True)
class Lived:
    """All that is recorded; ``outages`` are times without a complete poll, with one at their start and end."""

    outages: tuple[Outage, ...] = ()
    forced: tuple[Forced, ...] = ()
    distrusts: tuple[Distrust, ...] = ()
    store_failures: tuple[Span, ...] = ()

    @property
    def known_outages(self) -> tuple[Outage, ...]:
        """Those of which the reason is known; of the others nobody can say whether there was a poll."""
        return tuple(outage for outage in self.outages if outage.reason != NOT_RECORDED)

    def at(self, moment: datetime) -> Outage | None:
        """Return the outage of which that moment is neither the start nor the end but the inside."""
        return next((outage for outage in self.known_outages if outage.start < moment < outage.end), None)


NOTHING = Lived()


def events(lived: Lived, origin: Instant) -> list[tuple[float, int, Event]]:
    """Return what happened as (seconds from the origin, rank among events of one moment, event), in order."""
    found = [*_of_outages(lived, origin), *_of_overrides(lived, origin), *_of_clock(lived, origin)]
    for span in lived.store_failures:
        found += [
            (_seconds(span.start, origin), CHANGE, StoreChanged(ok=False)),
            (_seconds(span.end, origin), CHANGE, StoreChanged(ok=True)),
        ]
    return sorted(found, key=lambda item: item[:2])


def poll_inside(outage: Outage) -> PollFailed | None:
    """Return what a poll ended in during an outage; None where none was tried, or it failed on our side."""
    return None if outage.reason in {RESTART, STORE_FAILED} else PollFailed(LinkFault.UNREACHABLE)


def _of_outages(lived: Lived, origin: Instant) -> Iterator[tuple[float, int, Event]]:
    """Yield the last complete poll before each, what follows from its reason, and the first complete poll after."""
    for outage in lived.known_outages:
        start_s, end_s = _seconds(outage.start, origin), _seconds(outage.end, origin)
        yield start_s, POLL, PollCompleted(origin.plus(start_s))
        if outage.reason == RESTART:
            yield start_s, POLL, Stopping()
            yield end_s, CHANGE, Restarted()
        elif outage.reason == STORE_FAILED:
            yield start_s, POLL, StoreChanged(ok=False)
            yield end_s, CHANGE, StoreChanged(ok=True)
        yield end_s, POLL, PollCompleted(origin.plus(end_s))


def _of_overrides(lived: Lived, origin: Instant) -> Iterator[tuple[float, int, Event]]:
    """Yield all that stands after each change; an end by time needs no event, as in the gateway."""
    changes: list[tuple[datetime, Override | Cleared]] = []
    for item in lived.forced:
        changes.append((item.override.since, item.override))
        if item.ended_at is not None:
            changes.append((item.ended_at, Cleared(item.override.resource_id, "", item.override.who, item.ended_at)))
    standing: tuple[Override, ...] = ()
    # Where one replaced another, both at one time, the end of the old comes first.
    for at, change in sorted(changes, key=lambda item: (item[0], isinstance(item[1], Override))):
        standing = after(standing, change)
        yield _seconds(at, origin), CHANGE, OverridesChanged(standing)


def _of_clock(lived: Lived, origin: Instant) -> Iterator[tuple[float, int, Event]]:
    """Yield begin and end of each distrust; times that were lived twice, since our clock was set back, count too."""
    for item in lived.distrusts:
        frozen_s = _seconds(item.start, origin)
        start_s = frozen_s if item.end is None else min(frozen_s, _seconds(item.end, origin))
        at = origin.plus(start_s)
        yield start_s, CHANGE, ClockStepped(at, Instant(item.start, at.mono))
        if item.offset_s is not None:
            yield start_s, CHANGE, ClockSampled(item.offset_s, at, limit_s=-1.0)  # beyond any limit: not trusted
        if item.end is not None:
            end_s = max(frozen_s, _seconds(item.end, origin))
            offset_s = item.end_offset_s
            yield end_s, CHANGE, ClockSampled(offset_s, origin.plus(end_s), limit_s=abs(offset_s or 0.0))


def _seconds(moment: datetime, origin: Instant) -> float:
    return (moment - origin.wall).total_seconds()
