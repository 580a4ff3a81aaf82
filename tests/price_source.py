"""Fakes of the price service and of the store of prices, for tests of the loop; and prices to fill them with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from caiso_ads.core.price import AffectedHour, Correction, FailedCheck, Market, NodeInfo, Price
from caiso_ads.errors import StoreError
from caiso_ads.ports.prices import PriceAnswer, StoredPrice
from tests.fakes import START, FakeClock

NODE, OTHER = "TH_NP15_GEN-APND", "SUNRDG_7_N001"
INTERVAL = timedelta(minutes=5)


def price(minute: float = 0.0, usd: float = 31.5, *, node: str = NODE, market: Market = Market.RTD) -> Price:
    """Make the price of the interval that begins so many minutes after START; its components add up."""
    start = START + timedelta(minutes=minute)
    return Price(node, market, start, start + INTERVAL, usd, usd - 1.0, 1.5, -0.5)


@dataclass
class ScriptedPrices:
    """A price service made of lists: each call of ``current`` takes the next of ``answers``, the last one stays."""

    clock: FakeClock
    answers: list[Sequence[Price] | Exception] = field(default_factory=list)
    failed_checks: tuple[FailedCheck, ...] = ()
    clock_ahead_s: float | None = None
    past: list[Price] = field(default_factory=list)
    hours: Mapping[date, Sequence[AffectedHour] | Exception] = field(default_factory=dict)
    catalogues: Mapping[str, Sequence[NodeInfo]] = field(default_factory=dict)
    fail: dict[str, Exception] = field(default_factory=dict)
    calls: list[tuple[object, ...]] = field(default_factory=list)

    def _called(self, *call: object) -> None:
        self.calls.append(call)
        if call[0] in self.fail:
            raise self.fail[str(call[0])]

    def _answer(self, prices: Sequence[Price]) -> PriceAnswer:
        now = self.clock.now().wall
        date = None if self.clock_ahead_s is None else now + timedelta(seconds=self.clock_ahead_s)
        return PriceAnswer("query", Market.RTD, 1, now, tuple(prices), bool(prices), self.failed_checks, date)

    async def current(self, nodes: Sequence[str]) -> PriceAnswer:
        self._called("current", tuple(nodes))
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(found, Exception):
            raise found
        return self._answer([item for item in found if item.node in nodes])

    async def history(
        self, market: Market, nodes: Sequence[str], start: datetime, end: datetime, *, live: bool = False
    ) -> PriceAnswer:
        self._called("live history" if live else "history", market, tuple(nodes), start, end)
        return self._answer([item for item in self.past if item.node in nodes and start <= item.start < end])

    async def affected_hours(self, trade_date: date) -> Sequence[AffectedHour]:
        self._called("affected", trade_date)
        found = self.hours.get(trade_date, [])
        if isinstance(found, Exception):
            raise found
        return found

    async def catalogue(self, kind: str) -> Sequence[NodeInfo]:
        self._called("catalogue", kind)
        return self.catalogues.get(kind, ())


@dataclass
class MemoryPrices:
    """A store of prices; ``broken`` makes each call raise. ``log`` tells the order of commits."""

    known: dict[tuple[str, datetime], StoredPrice] = field(default_factory=dict)
    catalogues: dict[str, tuple[Sequence[NodeInfo], datetime]] = field(default_factory=dict)
    changes: list[Correction] = field(default_factory=list)
    broken: bool = False
    log: list[str] = field(default_factory=list)

    def _look(self) -> None:
        if self.broken:
            raise StoreError("no space left on device")

    async def record_prices(self, answer: PriceAnswer) -> Sequence[Correction]:
        self._look()
        self.log.append("stored")
        found = []
        for item in answer.prices:
            old = self.known.get((item.node, item.start))
            if old is None:
                stored = StoredPrice(item, answer.received_at, answer.received_at, answer.request)
            elif old.price == item:
                stored = replace(old, last_seen=answer.received_at)
            else:
                found.append(Correction(old.price, item, answer.received_at))
                stored = replace(old, price=item, last_seen=answer.received_at, revisions=old.revisions + 1)
            self.known[item.node, item.start] = stored
        self.changes += found
        return found

    async def prices(
        self, market: Market, nodes: Sequence[str], start: datetime, end: datetime
    ) -> Sequence[StoredPrice]:
        self._look()
        return [
            stored
            for (node, when), stored in sorted(self.known.items())
            if node in nodes and start <= when < end and stored.price.market is market
        ]

    async def corrections(self, market: Market, start: datetime, end: datetime) -> Sequence[Correction]:
        return [one for one in self.changes if one.after.market is market and start <= one.after.start < end]

    async def record_asked(
        self, market: Market, nodes: Sequence[str], start: datetime, end: datetime, at: datetime
    ) -> None:
        self._look()

    async def price_gaps(
        self, market: Market, nodes: Sequence[str], start: datetime, end: datetime
    ) -> Sequence[tuple[datetime, datetime]]:
        return []

    async def record_catalogue(self, kind: str, rows: Sequence[NodeInfo], at: datetime) -> None:
        self._look()
        self.catalogues[kind] = (rows, at)

    async def catalogue(self, kind: str) -> tuple[Sequence[NodeInfo], datetime | None]:
        self._look()
        return self.catalogues.get(kind, ((), None))
