"""How a stretch of time is asked for: the fewest requests that the service accepts. Pure.

Rule: windows are UTC instants cut from Pacific trade days, so a day of 23 or 25 hours is whole and is asked once.
Spec: OASIS 5.1.8 (31 days; one hour, or one trade day, for all nodes). Interpretation: the 31 days are counted in
calendar days touched, so 30 Pacific days are asked, which touch 31 days of UTC at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from caiso_ads.core.price import Market
from caiso_ads.wire.oasis import trade_day
from caiso_ads.wire.oasis.reports import HISTORY

ALL = ("ALL",)
"""Stands for every node of the market in place of a list."""
ALL_APNODES = ("ALL_APNODES",)
"""Stands for every aggregated node."""
GROUPS = (ALL, ALL_APNODES)
MOST_DAYS = 30
NODES_A_REQUEST = 200
"""How many nodes one request names at first. Spec: 10; lists of 200 were answered in 2025 and 2026."""
FEWEST_NODES_A_REQUEST = 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: these nodes from ``start`` until before ``end``, aware UTC."""

    nodes: tuple[str, ...]
    start: datetime
    end: datetime


def requests(
    market: Market, nodes: Sequence[str], start: datetime, end: datetime,
    nodes_a_request: int = NODES_A_REQUEST,
) -> tuple[Ask, ...]:  # fmt: skip
    """Return the requests for a stretch of time, oldest first; the first and last may reach beyond it.

    ``nodes`` may be ALL. Times are aware; an empty stretch needs no request.
    """
    if start >= end or not nodes:
        return ()
    step = timedelta(seconds=HISTORY[market].interval_s)
    start, end = _down(start, step), _up(end, step)
    if tuple(nodes) in GROUPS:
        return tuple(Ask(tuple(nodes), *each) for each in _group_windows(market, start, end))
    return tuple(Ask(some, *window) for window in _windows(start, end) for some in chunks(nodes, nodes_a_request))


def chunks(nodes: Sequence[str], most: int) -> Iterator[tuple[str, ...]]:
    """Yield the nodes, so many at a time."""
    for first in range(0, len(nodes), most):
        yield tuple(nodes[first : first + most])


def halves(ask: Ask, market: Market) -> tuple[Ask, ...]:
    """Return a request in two of half the time, else of half the nodes; empty when it cannot be made smaller."""
    step = timedelta(seconds=HISTORY[market].interval_s)
    if ask.nodes in GROUPS:
        return ()
    if ask.end - ask.start > step:
        middle = ask.start + max(step, step * ((ask.end - ask.start) // step // 2))
        return Ask(ask.nodes, ask.start, middle), Ask(ask.nodes, middle, ask.end)
    if len(ask.nodes) > 1:
        half = len(ask.nodes) // 2
        return tuple(Ask(some, ask.start, ask.end) for some in (ask.nodes[:half], ask.nodes[half:]))
    return ()


def _windows(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    while start < end:
        until = min(end, trade_day.bounds(trade_day.day_of(start) + timedelta(days=MOST_DAYS))[0])
        yield start, until
        start = until


def _group_windows(market: Market, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    if market is Market.DAM:
        day = trade_day.day_of(start)
        while trade_day.bounds(day)[0] < end:
            yield trade_day.bounds(day)
            day += timedelta(days=1)
        return
    hour = timedelta(seconds=HISTORY[market].all_nodes_s)
    start = _down(start, hour)
    while start < end:
        yield start, start + hour
        start += hour


def _down(at: datetime, step: timedelta) -> datetime:
    return _EPOCH + step * ((at - _EPOCH) // step)


def _up(at: datetime, step: timedelta) -> datetime:
    return _EPOCH - step * ((_EPOCH - at) // step)
