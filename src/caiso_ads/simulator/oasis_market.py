"""Prices as a pure function of seed, node, market, interval and time of asking: any of them can be computed alone.

Rule: components are whole numbers of 1e-5 USD/MWh, so that their sum is the LMP exactly; nothing here knows a request.
The shapes (negative at noon, a peak after sunset, spikes) are invented in the image of published ones.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from caiso_ads.core.price import AffectedHour, Market, Price
from caiso_ads.simulator.grid import HOUR, INTERVAL, QUARTER, epoch_minutes, floor, pacific, pacific_minute
from caiso_ads.simulator.noise import between, smooth, unit
from caiso_ads.simulator.oasis_nodes import is_external

STEPS = {Market.RTD: INTERVAL, Market.FMM: QUARTER, Market.HASP: QUARTER, Market.DAM: HOUR}
SCALE = 100_000
_KNOTS_USD = (
    (0, 34),
    (240, 29),
    (390, 42),
    (480, 22),
    (600, -2),
    (750, -14),
    (900, -1),
    (1020, 30),
    (1170, 82),
    (1440, 34),
)
_SPIKE_SHARE, _SPIKE_USD = 0.012, (150.0, 1000.0)
_ROUGHNESS_USD = {Market.RTD: 9.0, Market.FMM: 5.0, Market.HASP: 4.0, Market.DAM: 1.5}
_CORRECTED_SHARE = 0.25
_CORRECTED_AFTER = timedelta(days=3, hours=12)  # from local midnight of the trade date, as far as noon of the third day


@dataclass(frozen=True, slots=True)
class PriceChange:
    """A correction: prices of that market that begin in [start, end) move by ``add_usd_per_mwh`` from ``at`` on.

    ``node`` empty for all; ``announced`` is when the correction report names it.
    """

    market: Market
    start: datetime
    end: datetime
    add_usd_per_mwh: float
    at: datetime
    announced: datetime
    node: str = ""
    reason: str = "Simulated data input error"

    def covers(self, market: Market, start: datetime, asked_at: datetime) -> bool:
        """Whether it changes an interval for somebody who asks then."""
        return self.market is market and self.start <= start < self.end and self.at <= asked_at


class PriceMarket:
    """Prices of one simulated ISO. ``seeded_corrections``: one trade date in four has an hour that is corrected."""

    def __init__(self, seed: int = 1, *, changes: Iterable[PriceChange] = (), seeded_corrections: bool = True) -> None:
        self.seed, self._changes, self._seeded = seed, list(changes), seeded_corrections

    def change(self, correction: PriceChange) -> None:
        """Add a correction of a story or of a test."""
        self._changes.append(correction)

    def prices(
        self, nodes: Collection[str], market: Market, starts: Sequence[datetime], asked_at: datetime
    ) -> list[Price]:
        """Return the prices as somebody sees them who asks then, by node and start."""
        step = STEPS[market]
        moments = [
            (start, _system(self.seed, market, start), self._changes_of(market, start, asked_at)) for start in starts
        ]
        return [
            _price(node, market, (start, start + step), _parts(_local(self.seed, node), system, changes, node))
            for node in nodes
            for start, system, changes in moments
        ]

    def affected(self, trade_date: datetime, asked_at: datetime) -> list[AffectedHour]:
        """Return the trade hours a correction report names for the day that begins at that local midnight (UTC)."""
        end = trade_day_end(trade_date)
        return [
            AffectedHour(change.market, hour, hour + HOUR, change.reason)
            for change in (*self._changes, *self._of_day(trade_date))
            if change.announced <= asked_at
            for hour in _hours(change.start, change.end)
            if trade_date <= hour < end
        ]

    def _changes_of(self, market: Market, start: datetime, asked_at: datetime) -> list[PriceChange]:
        day = trade_day_start(start)
        return [c for c in (*self._changes, *self._of_day(day)) if c.covers(market, start, asked_at)]

    def _of_day(self, day: datetime) -> tuple[PriceChange, ...]:
        return _seeded_changes(self.seed, day) if self._seeded else ()


def trade_day_start(at: datetime) -> datetime:
    """Return the local midnight (UTC) at or before an instant: 07:00Z in summer, 08:00Z in winter."""
    local = pacific(at)
    midnight = at - timedelta(
        hours=local.hour, minutes=local.minute, seconds=local.second, microseconds=local.microsecond
    )
    shift = pacific(midnight)
    return midnight - timedelta(hours=shift.hour if shift.hour < 12 else shift.hour - 24)


def trade_day_end(day: datetime) -> datetime:
    """Return the local midnight after that one: 23, 24 or 25 hours later."""
    return trade_day_start(day + timedelta(hours=26))


def _hours(start: datetime, end: datetime) -> list[datetime]:
    first = floor(start, HOUR)
    return [first + n * HOUR for n in range(math.ceil((end - first) / HOUR))]


@lru_cache(maxsize=4096)
def _seeded_changes(seed: int, day: datetime) -> tuple[PriceChange, ...]:
    key = str(day.date())
    if unit(seed, "corrected", key) >= _CORRECTED_SHARE:
        return ()
    start = day + int(unit(seed, "corrected hour", key) * 23) * HOUR
    at = day + _CORRECTED_AFTER
    add = round(between(-8.0, 8.0, unit(seed, "corrected by", key)), 5)
    return (PriceChange(Market.RTD, start, start + HOUR, add, at, at),)


@lru_cache(maxsize=8192)
def _system(seed: int, market: Market, start: datetime) -> tuple[int, float, float, float]:
    """Return energy (1e-5 USD/MWh), then congestion and loss per unit of a node's share, and the GHG price (USD/MWh)."""
    minute, now = pacific_minute(start), epoch_minutes(start)
    energy = _daily(minute) + (smooth(seed, "day", now, 1440) - 0.5) * 20
    energy += (smooth(seed, f"rough {market}", now, 20) - 0.5) * 2 * _ROUGHNESS_USD[market]
    chance = unit(seed, "spike", market.value, int(now))
    if chance < _SPIKE_SHARE and market is not Market.DAM:
        energy += between(*_SPIKE_USD, unit(seed, "spike size", market.value, int(now)))
    congestion = max(0.0, smooth(seed, f"congestion {market}", now, 45) - 0.6) * 60
    return round(energy * SCALE), congestion, energy, 6.0 + 4 * smooth(seed, "ghg", now, 1440)


def _daily(minute: float) -> float:
    for (left, low), (right, high) in itertools.pairwise(_KNOTS_USD):
        if minute < right:
            return low + (high - low) * (minute - left) / (right - left)
    return float(_KNOTS_USD[-1][1])


@lru_cache(maxsize=1 << 15)
def _local(seed: int, node: str) -> tuple[float, float, float]:
    """Return a node's share of congestion (-1..1), of losses (-6..6 %), and of the GHG price (0 in California)."""
    loss = between(-0.06, 0.06, unit(seed, "loss", node))
    return between(-1.0, 1.0, unit(seed, "share", node)), loss, -1.0 if is_external(node) else 0.0


def _parts(
    local: tuple[float, float, float],
    system: tuple[int, float, float, float],
    changes: Sequence[PriceChange],
    node: str,
) -> tuple[int, int, int, int]:
    """Return energy, congestion, loss and GHG; a correction is one of congestion."""
    energy, congestion, base, ghg = system
    moved = sum(change.add_usd_per_mwh for change in changes if change.node in {"", node}) if changes else 0.0
    return (
        energy,
        round((congestion * local[0] + moved) * SCALE),
        round(base * local[1] * SCALE),
        round(ghg * local[2] * SCALE),
    )


def _price(node: str, market: Market, interval: tuple[datetime, datetime], parts: tuple[int, int, int, int]) -> Price:
    return Price(node, market, *interval, sum(parts) / SCALE, *(part / SCALE for part in parts))
