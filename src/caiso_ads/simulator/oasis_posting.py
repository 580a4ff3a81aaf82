"""When a price can first be seen: real-time ones around the start of their interval, the others well before it.

Rule: whether real-time prices appear before or after their interval begins is not documented, so it is a switch; the
jitter comes from the seed. Spec: Market Instruments BPM (day ahead 13:00 Pacific, FMM 22.5 min, hour ahead 52.5 min).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from caiso_ads.core.price import Market
from caiso_ads.simulator.grid import HOUR, floor
from caiso_ads.simulator.noise import unit
from caiso_ads.simulator.oasis_market import STEPS, trade_day_start
from caiso_ads.simulator.switches import Switches

_LEADS = {Market.FMM: timedelta(minutes=22.5), Market.HASP: timedelta(minutes=52.5)}
_SEARCH = timedelta(hours=2)


class Posting:
    """The publication times of one simulated ISO."""

    def __init__(self, switches: Switches, seed: int = 1) -> None:
        self._switches, self._seed = switches, seed

    def at(self, market: Market, start: datetime) -> datetime:
        """Return when the interval that begins then becomes visible."""
        late = timedelta(seconds=self._switches.price_jitter_s * unit(self._seed, "posted", market, start.isoformat()))
        if market is Market.DAM:
            day = trade_day_start(start)
            return trade_day_start(day - HOUR) + timedelta(hours=13) + late
        if market is Market.HASP:
            return floor(start, HOUR) - _LEADS[market] - late
        if market is Market.FMM:
            return start - _LEADS[market] - late
        shift = timedelta(seconds=self._switches.rtd_posting_s)
        return start + (shift if self._switches.rtd_posting == "late" else -shift) + late

    def starts(self, market: Market, start: datetime, end: datetime) -> Iterator[datetime]:
        """Yield the grid's intervals that begin in [start, end)."""
        step = STEPS[market]
        begin = floor(start, step)
        begin = begin if begin == start else begin + step
        while begin < end:
            yield begin
            begin += step

    def visible(self, market: Market, start: datetime, end: datetime, now: datetime) -> list[datetime]:
        """Return the starts in [start, end) that can be seen now."""
        long_ago = now - timedelta(seconds=self._switches.rtd_posting_s + self._switches.price_jitter_s)
        starts = self.starts(market, start, end)
        return [begin for begin in starts if begin <= long_ago or self.at(market, begin) <= now]

    def newest(self, market: Market, now: datetime) -> datetime | None:
        """Return the newest start that can be seen now; None when nothing of the last two hours can."""
        return max(self.visible(market, now - _SEARCH, now + _SEARCH, now), default=None)
