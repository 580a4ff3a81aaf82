"""When a price can first be seen: real-time ones around the start of their interval, the others well before it.

Rule: whether real-time prices appear before or after their interval begins is not documented, so it is a switch; the
jitter comes from the seed. Spec: Market Instruments BPM (day ahead 13:00 Pacific, FMM 22.5 min, hour ahead 52.5 min).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from caiso_ads.core.price import Market
from caiso_ads.simulator.grid import HOUR, floor
from caiso_ads.simulator.noise import unit
from caiso_ads.simulator.oasis_market import STEPS, trade_day_start
from caiso_ads.simulator.switches import Switches

_LEADS = {Market.FMM: timedelta(minutes=22.5), Market.HASP: timedelta(minutes=52.5)}
_BACK, _AHEAD = timedelta(days=1), timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class PriceDelay:
    """What would become visible in [start, end) comes ``by`` later."""

    market: Market
    start: datetime
    end: datetime
    by: timedelta


class Posting:
    """The publication times of one simulated ISO."""

    def __init__(self, switches: Switches, seed: int = 1, delays: Sequence[PriceDelay] = ()) -> None:
        self._switches, self._seed, self._delays = switches, seed, delays

    def at(self, market: Market, start: datetime) -> datetime:
        """Return when the interval that begins then becomes visible."""
        usual = self._usual(market, start)
        delays = (delay.by for delay in self._delays if delay.market is market and delay.start <= usual < delay.end)
        return usual + sum(delays, timedelta())

    def _usual(self, market: Market, start: datetime) -> datetime:
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
        longest_s = self._switches.rtd_posting_s + self._switches.price_jitter_s
        long_ago = now - timedelta(seconds=longest_s) - sum((delay.by for delay in self._delays), timedelta())
        starts = self.starts(market, start, end)
        return [begin for begin in starts if begin <= long_ago or self.at(market, begin) <= now]

    def newest(self, market: Market, now: datetime) -> datetime | None:
        """Return the newest start that can be seen now; None when nothing of the last day can."""
        return max(self.visible(market, now - _BACK, now + _AHEAD, now), default=None)
