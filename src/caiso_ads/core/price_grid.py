"""The grid of a market's intervals, and which of them are missing from what is known.

Rule: an interval is known when its price is stored, or when it was asked for after it was final; nothing else counts.
All in UTC, where every hour has its twelve intervals of 5 minutes: the changes of daylight saving time do not exist
here. Pure: times are aware arguments. Spec: OASIS 5.1.8, PRC_INTVL_LMP, PRC_RTPD_LMP, PRC_HASP_LMP, PRC_LMP.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from caiso_ads.core.price import Market

Stretch: TypeAlias = tuple[datetime, datetime]
"""From the first instant until before the second."""

LENGTHS = {
    Market.RTD: timedelta(minutes=5),
    Market.FMM: timedelta(minutes=15),
    Market.HASP: timedelta(minutes=15),
    Market.DAM: timedelta(hours=1),
}
"""How long an interval lasts. Each divides the hour, and Pacific time is whole hours from UTC: one grid serves both."""

PATIENCE = timedelta(hours=24)
"""How long after the end of an interval its absence from an answer proves that there is no price.

Interpretation: the specification names no time by which a price must be there. Prices are seen minutes after an
interval, and hours after it when the service had trouble; a day is longer than any trouble seen, and asking once more
within it costs one request.
"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def begin(market: Market, moment: datetime) -> datetime:
    """Return the start of the interval that contains this moment."""
    return _moment(market, _slot(market, moment))


def next_begin(market: Market, moment: datetime) -> datetime:
    """Return the first start of an interval at or after this moment."""
    return _moment(market, _next_slot(market, moment))


def answered(market: Market, start: datetime, end: datetime, at: datetime) -> Stretch | None:
    """Return which whole intervals an answer of ``at`` to the question ``start`` until ``end`` settles; None if none.

    Those that ended less than PATIENCE before may still be published.
    """
    first, after = next_begin(market, start), begin(market, min(end, at - PATIENCE))
    return (first, after) if first < after else None


def union(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Return the same time as the fewest stretches, in order; those that touch become one, empty ones vanish."""
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def missing(
    market: Market, start: datetime, end: datetime, stored: Iterable[datetime], settled: Iterable[Stretch]
) -> list[Stretch]:
    """Return, in order, the stretches of intervals beginning in that time that one node has neither of.

    ``stored`` are the starts of its stored intervals in any order (one that is not on the grid fills nothing),
    ``settled`` what ``answered`` gave. The future counts as missing: the caller ends where a price can exist.
    """
    first, after = _next_slot(market, start), _next_slot(market, end)
    known, length = bytearray(max(0, after - first)), LENGTHS[market]
    for moment in stored:
        slot, rest = divmod(moment - _EPOCH, length)
        if not rest and first <= slot < after:
            known[slot - first] = 1
    for since, until in settled:
        low, high = max(first, _next_slot(market, since)), min(after, _slot(market, until))
        if low < high:
            known[low - first : high - first] = b"\x01" * (high - low)
    return [(_moment(market, first + low), _moment(market, first + high)) for low, high in _runs_of_zero(known)]


def _runs_of_zero(marks: bytearray) -> list[tuple[int, int]]:
    runs, low = list[tuple[int, int]](), marks.find(0)
    while low >= 0:
        high = marks.find(1, low)
        high = len(marks) if high < 0 else high
        runs.append((low, high))
        low = marks.find(0, high)
    return runs


def _slot(market: Market, moment: datetime) -> int:
    return (moment - _EPOCH) // LENGTHS[market]


def _next_slot(market: Market, moment: datetime) -> int:
    return -((_EPOCH - moment) // LENGTHS[market])


def _moment(market: Market, slot: int) -> datetime:
    return _EPOCH + slot * LENGTHS[market]
