"""Pacific trade days and hours ending <-> UTC.

Rule: a trade day runs from local midnight to local midnight, 23 or 25 hours when the clock changes. The short day has
no hour ending 3, the long day an hour ending 25. Spec: OASIS 5.1.8 §11.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from caiso_ads.errors import LocalError

_SKIPPED = 3


@cache
def pacific() -> ZoneInfo:
    """Return the ISO's time zone; raises LocalError on a machine without time zones."""
    try:
        return ZoneInfo("America/Los_Angeles")
    except ZoneInfoNotFoundError:
        error = LocalError("this machine has no time zones, so trade days cannot be told")
        error.cure = "pip install tzdata"
        raise error from None


@cache
def bounds(day: date) -> tuple[datetime, datetime]:
    """Return the UTC instants at which a trade day begins and ends."""
    begins, ends = (datetime.combine(each, time(), pacific()) for each in (day, day + timedelta(days=1)))
    return begins.astimezone(UTC), ends.astimezone(UTC)


def hours(day: date) -> int:
    """Return how many hours a trade day has: 24, or 23 or 25."""
    start, end = bounds(day)
    return (end - start) // timedelta(hours=1)


def hour_start(day: date, hour_ending: int) -> datetime:
    """Return the UTC instant at which an hour ending begins; raises ValueError when the day has no such hour."""
    count = hours(day)
    before = hour_ending - 1
    if count == 23 and hour_ending >= _SKIPPED:
        before -= 1
    if not 0 <= before < count or (count == 23 and hour_ending == _SKIPPED):
        raise ValueError(f"{day} has no hour ending {hour_ending}")
    return bounds(day)[0] + timedelta(hours=before)


def day_of(instant: datetime) -> date:
    """Return the trade day of a UTC instant."""
    return instant.astimezone(pacific()).date()


def hour_ending(instant: datetime) -> int:
    """Return the hour ending, 1 to 25, that holds a UTC instant."""
    day = day_of(instant)
    passed = (instant - bounds(day)[0]) // timedelta(hours=1)
    return passed + (2 if hours(day) == 23 and passed >= _SKIPPED - 1 else 1)
