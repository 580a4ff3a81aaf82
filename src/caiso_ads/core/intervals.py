"""The interval ledger: for each resource and five-minute interval, the DOT and when it came, or why there is none.

Rule: "the ISO sent none" is said only where a complete poll proves it: one at or after the target time, at which the
ISO's 24 h cache still held what it had sent for that interval. Anything else that is missing was not fetched, could
not be read, or is not known. Pure: no clock and no file; times are aware.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import Enum

from caiso_ads.core.setpoint import TARGET_TIME, Target

INTERVAL = timedelta(minutes=5)
TARGET = timedelta(seconds=150)
"""From the begin of an interval to its target; a DOT that comes later is of no use, and one not there is missing."""
EARLIEST = timedelta(minutes=5)
"""How long before its interval a DOT is sent at the earliest. Observed: 197 to 253 s."""
CACHE = timedelta(hours=24)
"""How long the ISO gives back what it sent. Spec: ADS API v7 §2.1."""
PATIENCE = timedelta(minutes=2)
"""How long after the target a missing DOT may still be on its way to the store, since polls are noted in steps."""
CYCLE = timedelta(minutes=10)
"""How long a poll may take that back-fills a day: what it receives comes that much later than the time it is known by."""
NOT_RECORDED = "not recorded"
"""Reason of an outage that stands for times of which nobody knows when we polled: an older program's."""
_INTERVAL_S, _TARGET_S = INTERVAL.total_seconds(), TARGET.total_seconds()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Fate(Enum):
    """What became of one interval."""

    RECEIVED = "received"
    LATE = "late"
    BACK_FILLED = "back-filled"
    WAITING = "waiting"
    NONE_SENT = "iso sent none"
    NOT_FETCHED = "not fetched"
    NOT_READABLE = "not readable"
    NOT_KNOWN = "not known"

    @property
    def missing(self) -> bool:
        """Whether the DOT should be there and is not."""
        return self in _MISSING

    @property
    def has_dot(self) -> bool:
        """Whether the DOT is there, in time or not."""
        return self in _HAS_DOT


_HAS_DOT = frozenset({Fate.RECEIVED, Fate.LATE, Fate.BACK_FILLED})
_MISSING = frozenset(Fate) - _HAS_DOT - {Fate.WAITING}


@dataclass(frozen=True, slots=True)
class Delivery:
    """One stored version of a DOT: its target time (mostly mid-interval), when it was received, and its MW."""

    resource_id: str
    target: datetime
    received_at: datetime
    dot_mw: float
    batch_uid: str


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, both ends included."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Outage:
    """A time without a complete poll; there was one at its start and one at its end.

    A poll is known by the time it began, for what it lists is what the ISO had sent until then.
    """

    start: datetime
    end: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Polls:
    """When we were polling: from the first complete poll to the last, but for the outages. None: nothing is known."""

    first: datetime | None = None
    last: datetime | None = None
    outages: tuple[Outage, ...] = ()

    def first_from(self, at: datetime) -> datetime | None:
        """Return the first time at or after that instant at which a poll is known to have been complete."""
        if self.first is None or self.last is None:
            return None
        found = max(at, self.first)
        for outage in sorted(self.outages, key=lambda item: (item.start, item.end)):
            if outage.start < found < outage.end:
                found = outage.end
        return found if found <= self.last else None

    def out_at(self, at: datetime) -> bool:
        """Whether we were not polling at that instant, as far as is known."""
        if self.first is not None and at < self.first:
            return True
        return any(item.start <= at < item.end and item.reason != NOT_RECORDED for item in self.outages)

    def unrecorded(self, start: datetime, end: datetime) -> bool:
        """Whether nobody knows when we polled for some of that time."""
        if self.first is None:
            return True
        return any(item.reason == NOT_RECORDED and item.start < end and item.end > start for item in self.outages)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger. A DOT is expected for every interval.

    ``received_at``, ``dot_mw`` and ``batch_uid`` are those of the first version; ``revisions`` counts the later ones
    and ``last_mw`` is what the last of them said. ``delay_s`` is how long after the begin of the interval it came,
    None when it came before.
    """

    resource_id: str
    start: datetime
    fate: Fate
    received_at: datetime | None = None
    dot_mw: float | None = None
    batch_uid: str | None = None
    revisions: int = 0
    last_mw: float | None = None
    delay_s: float | None = None


def day_span(day: date, zone: tzinfo) -> Span:
    """Return the first instant of a day and of the next, in UTC; a Pacific trade day has 23, 24 or 25 hours."""
    start, end = (datetime.combine(each, time(), zone).astimezone(UTC) for each in (day, day + timedelta(days=1)))
    return Span(start, end)


def starts_between(start: datetime, end: datetime) -> list[datetime]:
    """Return the begin of every five-minute interval from ``start`` until before ``end``, in UTC."""
    first = -((_EPOCH - start) // INTERVAL)
    last = -((_EPOCH - end) // INTERVAL)
    return [_EPOCH + INTERVAL * n for n in range(first, last)]


def interval_of(target: datetime) -> datetime:
    """Return the begin of the five-minute interval in which an instant lies, in UTC."""
    return _EPOCH + INTERVAL * ((target - _EPOCH) // INTERVAL)


def ledger(
    resource_ids: Iterable[str], starts: Sequence[datetime], deliveries: Iterable[Delivery], polls: Polls,
    now: datetime, unreadable: Sequence[Span] = (),
) -> list[Entry]:  # fmt: skip
    """Return one entry for each resource and interval, in that order.

    ``unreadable`` is when something came in which a DOT may be that could not be read.
    """
    found: dict[tuple[str, datetime], list[Delivery]] = {}
    for delivery in deliveries:
        found.setdefault((delivery.resource_id, interval_of(delivery.target)), []).append(delivery)
    without = {start: absent(start, polls, now, unreadable) for start in starts}
    late = {start: Fate.BACK_FILLED if polls.out_at(start) else Fate.LATE for start in starts}
    return [
        _received(start, versions, late[start])
        if (versions := found.get((resource_id, start)))
        else Entry(resource_id, start, without[start])
        for resource_id in resource_ids
        for start in starts
    ]


def absent(start: datetime, polls: Polls, now: datetime, unreadable: Sequence[Span] = ()) -> Fate:
    """Return what it means that the store has no DOT for an interval."""
    due, forgotten = start + TARGET, start - EARLIEST + CACHE
    if now < due:
        return Fate.WAITING
    proof = polls.first_from(due)
    if proof is not None and proof <= min(forgotten, now):
        hidden = any(item.start <= proof + CYCLE and item.end >= start - EARLIEST for item in unreadable)
        return Fate.NOT_READABLE if hidden else Fate.NONE_SENT
    if now < due + PATIENCE:
        return Fate.WAITING
    return Fate.NOT_KNOWN if polls.unrecorded(due, forgotten) else Fate.NOT_FETCHED


def due_number(now: float) -> int:
    """Return the number of the newest interval whose target is due (intervals since 1970; unix seconds)."""
    return math.floor((now - _TARGET_S) / _INTERVAL_S)


def newest_number(targets: Sequence[Target], due: int) -> int | None:
    """Return the number of the newest interval that has a target, up to the one due; None where there is none."""
    if not targets:
        return None
    known = bisect_left(targets, (due + 1) * _INTERVAL_S, key=TARGET_TIME)
    return math.floor(targets[known - 1].target / _INTERVAL_S) if known else None


def missing(newest: int | None, due: int, *, since: float) -> int:
    """Return how many intervals in a row have no target: those after the newest with one, up to the one due.

    Intervals that began before ``since`` (unix seconds) do not count, so that a start is no alarm.
    """
    if newest == due:  # nearly always
        return 0
    before = math.ceil(since / _INTERVAL_S) - 1
    return max(0, due - (before if newest is None else max(newest, before)))


def _received(start: datetime, versions: Sequence[Delivery], late: Fate) -> Entry:
    ordered = sorted(versions, key=lambda item: item.received_at)
    first = ordered[0]
    delay = (first.received_at - start).total_seconds()
    return Entry(
        first.resource_id, start, late if delay > 0 else Fate.RECEIVED, first.received_at, first.dot_mw,
        first.batch_uid, len(ordered) - 1, ordered[-1].dot_mw, delay if delay > 0 else None,
    )  # fmt: skip
