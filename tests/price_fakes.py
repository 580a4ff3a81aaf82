"""Fakes of the price ports: a store in memory, a source made of a function, and a clock whose sleepers never wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from caiso_ads.core.instant import Instant
from caiso_ads.core.price import AffectedHour, Correction, FailedCheck, Market, NodeInfo, Price
from caiso_ads.ports.prices import PriceAnswer, StoredPrice
from caiso_ads.wire.oasis.reports import HISTORY

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


class HurriedClock:
    """A clock that moves by each sleep at once; ``slept`` is the ledger (s)."""

    def __init__(self, start: datetime = NOW) -> None:
        self._now = Instant(start, 1000.0)
        self.slept: list[float] = []

    def now(self) -> Instant:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        self._now = self._now.plus(seconds)


def price(node: str, start: datetime, lmp: float = 30.0, market: Market = Market.RTD) -> Price:
    """Make a price of the market's own length."""
    return Price(node, market, start, start + timedelta(seconds=HISTORY[market].interval_s), lmp)


def grid(market: Market, start: datetime, end: datetime) -> list[datetime]:
    """Return the begin of each interval from start until before end."""
    step = timedelta(seconds=HISTORY[market].interval_s)
    return [start + step * n for n in range(int((end - start) / step))]


@dataclass
class MemoryPriceStore:
    """A PriceStore that keeps everything in dictionaries."""

    kept: dict[tuple[Market, str, datetime], StoredPrice] = field(default_factory=dict)
    changes: list[Correction] = field(default_factory=list)
    asked: list[tuple[Market, tuple[str, ...], datetime, datetime, datetime]] = field(default_factory=list)
    lists: dict[str, tuple[Sequence[NodeInfo], datetime]] = field(default_factory=dict)

    async def record_prices(self, answer: PriceAnswer) -> Sequence[Correction]:
        found = []
        for each in answer.prices:
            key = (each.market, each.node, each.start)
            old = self.kept.get(key)
            if old is None:
                self.kept[key] = StoredPrice(each, answer.received_at, answer.received_at, answer.request)
                continue
            changed = old.price != each
            if changed:
                found.append(Correction(old.price, each, answer.received_at))
            self.kept[key] = replace(old, price=each, last_seen=answer.received_at, revisions=old.revisions + changed)
        self.changes += found
        return found

    async def prices(
        self, market: Market, nodes: Sequence[str], start: datetime, end: datetime
    ) -> Sequence[StoredPrice]:
        found = [
            each for (run, node, at), each in self.kept.items() if run is market and node in nodes and start <= at < end
        ]
        return sorted(found, key=lambda each: (each.price.node, each.price.start))

    async def corrections(self, market: Market, start: datetime, end: datetime) -> Sequence[Correction]:
        return [each for each in self.changes if each.after.market is market and start <= each.after.start < end]

    async def record_asked(
        self, market: Market, nodes: Sequence[str], start: datetime, end: datetime, at: datetime
    ) -> None:
        self.asked.append((market, tuple(nodes), start, end, at))

    async def price_gaps(
        self, market: Market, nodes: Sequence[str], start: datetime, end: datetime
    ) -> Sequence[tuple[datetime, datetime]]:
        step = timedelta(seconds=HISTORY[market].interval_s)
        gaps: list[tuple[datetime, datetime]] = []
        for at in grid(market, start, end):
            if all(self._known(market, node, at) for node in nodes):
                continue
            if gaps and gaps[-1][1] == at:
                gaps[-1] = (gaps[-1][0], at + step)
            else:
                gaps.append((at, at + step))
        return gaps

    def _known(self, market: Market, node: str, at: datetime) -> bool:
        return (market, node, at) in self.kept or any(
            run is market and node in nodes and start <= at < end for run, nodes, start, end, _ in self.asked
        )

    async def record_catalogue(self, kind: str, rows: Sequence[NodeInfo], at: datetime) -> None:
        self.lists[kind] = (tuple(rows), at)

    async def catalogue(self, kind: str) -> tuple[Sequence[NodeInfo], datetime | None]:
        return self.lists.get(kind, ((), None))


@dataclass
class ScriptedPriceSource:
    """A PriceSource that has a price of 30 for every interval begun; ``fail`` may raise for a request."""

    now: datetime = NOW
    fail: Callable[[Market, tuple[str, ...], datetime, datetime], None] = lambda *_: None
    missing: frozenset[datetime] = frozenset()
    absent: frozenset[str] = frozenset()
    failed_checks: tuple[FailedCheck, ...] = ()
    calls: list[tuple[Market, tuple[str, ...], datetime, datetime]] = field(default_factory=list)
    lists: dict[str, Sequence[NodeInfo] | Exception] = field(default_factory=dict)
    lmp: float = 30.0

    async def current(self, nodes: Sequence[str]) -> PriceAnswer:
        return self._answer(Market.RTD, [price(node, self.now - timedelta(minutes=5), self.lmp) for node in nodes])

    async def history(
        self, market: Market, nodes: Sequence[str], start: datetime, end: datetime, *, live: bool = False
    ) -> PriceAnswer:
        self.calls.append((market, tuple(nodes), start, end))
        self.fail(market, tuple(nodes), start, end)
        starts = [at for at in grid(market, start, end) if at <= self.now and at not in self.missing]
        return self._answer(
            market, [price(node, at, self.lmp, market) for node in nodes for at in starts if node not in self.absent]
        )

    def _answer(self, market: Market, prices: list[Price]) -> PriceAnswer:
        return PriceAnswer(
            "scripted", market, 3, self.now, tuple(prices), posted=bool(prices), failed_checks=self.failed_checks
        )

    async def affected_hours(self, trade_date: date) -> Sequence[AffectedHour]:
        return ()

    async def catalogue(self, kind: str) -> Sequence[NodeInfo]:
        found = self.lists.get(kind, ())
        if isinstance(found, Exception):
            raise found
        return found
