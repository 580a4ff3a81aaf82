"""Market time: grids of 5, 15 and 60 minutes in UTC, and the Pacific wall clock that people's habits follow.

Rule: everything is aware UTC; the Pacific offset is computed from the daylight-saving rule in force since 2007, so
that no time-zone database is needed (Windows ships none).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

INTERVAL = timedelta(minutes=5)
HALF_INTERVAL = timedelta(seconds=150)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def floor(at: datetime, step: timedelta) -> datetime:
    """Return the last boundary of that grid at or before the instant."""
    return at - (at - EPOCH) % step


def epoch_minutes(at: datetime) -> float:
    """Return minutes since 1970."""
    return (at - EPOCH) / timedelta(minutes=1)


def pacific(at: datetime) -> datetime:
    """Return the Pacific wall clock as a naive-looking value: the instant shifted by -7 or -8 hours."""
    begins = _sunday(at.year, 3, 2) + timedelta(hours=10)
    ends = _sunday(at.year, 11, 1) + timedelta(hours=9)
    return at - timedelta(hours=7 if begins <= at < ends else 8)


def pacific_minute(at: datetime) -> float:
    """Return minutes since midnight of the Pacific wall clock."""
    local = pacific(at)
    return local.hour * 60 + local.minute + local.second / 60


def market_id(at: datetime) -> str:
    """Return a nine-digit run identifier: 1, date, hour ending. Interpretation of one captured value."""
    local = pacific(at)
    return f"1{local:%y%m%d}{local.hour + 1:02d}"


def _sunday(year: int, month: int, number: int) -> datetime:
    first = datetime(year, month, 1, tzinfo=UTC)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (number - 1))
