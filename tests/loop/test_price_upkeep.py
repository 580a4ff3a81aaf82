"""The daily look: corrections leave a trace, and a node the ISO does not know is named."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from caiso_ads.core.happenings import Event, NodesUnknown, PricesSeen
from caiso_ads.core.price import AffectedHour, FailedCheck, Market, NodeInfo, Price
from caiso_ads.errors import OasisError, RemoteError, ThrottledError, UnreachableError, WireError
from caiso_ads.loop.price_upkeep import TRADE_DAYS, Upkeep, spans
from caiso_ads.ports.prices import PriceAnswer
from tests.fakes import START, FakeClock
from tests.price_source import NODE, OTHER, MemoryPrices, ScriptedPrices, price

CATALOGUES = {
    "PNODE": [NodeInfo("PNODE", OTHER)],
    "APNODE": [NodeInfo("APNODE", NODE), NodeInfo("APNODE", "TH_SP15_GEN-APND")],
    "RESOURCE": [NodeInfo("RESOURCE", "SUNRDG_7_SOLAR1", node=OTHER)],
}
DAY = -1440.0
HOUR = timedelta(hours=1)


class Bench:
    """The daily look on fakes."""

    def __init__(self, *nodes: str) -> None:
        self.clock, self.store = FakeClock(), MemoryPrices()
        self.source = ScriptedPrices(self.clock, catalogues=CATALOGUES)
        self.events: list[Event] = []
        self.upkeep = Upkeep(self.source, self.store, self.clock, nodes or (NODE, OTHER), self.events.append)

    def asked(self, what: str) -> list[tuple[object, ...]]:
        return [call for call in self.source.calls if call[0] == what]

    async def stored(self, *prices: Price) -> None:
        await self.store.record_prices(PriceAnswer("q", Market.RTD, 3, START, prices))


def affected(start_minute: float, hours: int = 1, market: Market = Market.RTD, text: str = "reason") -> AffectedHour:
    start = START + timedelta(minutes=start_minute)
    return AffectedHour(market, start, start + hours * HOUR, text)


async def test_the_last_trade_days_are_asked_for_today_not() -> None:
    bench = Bench()
    assert await bench.upkeep.run_once()
    days = [call[1] for call in bench.asked("affected")]
    assert days == [date(2026, 6, 30) - timedelta(days=back) for back in range(TRADE_DAYS)]
    assert bench.asked("history") == []


async def test_a_correction_changes_the_stored_price_and_leaves_a_trace(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    old, same = price(DAY, 20.0), price(DAY + 5, 21.0)
    await bench.stored(old, same)
    bench.source.hours = {date(2026, 6, 30): [affected(DAY)]}
    bench.source.past = [price(DAY, -3.0), same]
    assert await bench.upkeep.run_once()
    assert bench.store.known[NODE, old.start].price.lmp_usd_per_mwh == -3.0
    assert [(change.before, change.after) for change in bench.store.changes] == [(old, price(DAY, -3.0))]
    assert f"{NODE} 2026-06-30 12:00 UTC: corrected from 20.00000 to -3.00000 USD/MWh" in caplog.text
    start = START + timedelta(minutes=DAY)
    assert bench.asked("history") == [("history", Market.RTD, (NODE, OTHER), start, start + HOUR)]
    assert not any(isinstance(event, PricesSeen) for event in bench.events)  # long past: no matter for the plant


async def test_an_hour_is_read_again_once_and_anew_when_the_iso_says_something_new_of_it() -> None:
    bench = Bench()
    bench.source.hours = {date(2026, 6, 30): [affected(DAY)]}
    for _ in range(2):
        await bench.upkeep.run_once()
    assert len(bench.asked("history")) == 1
    bench.source.hours = {date(2026, 6, 30): [affected(DAY), affected(DAY, text="again")]}
    await bench.upkeep.run_once()
    assert len(bench.asked("history")) == 2


async def test_an_hour_whose_prices_could_not_be_read_is_asked_for_again() -> None:
    bench = Bench()
    bench.source.hours = {date(2026, 6, 30): [affected(DAY)]}
    bench.source.fail["history"] = UnreachableError("no route")
    assert not await bench.upkeep.run_once()
    bench.source.fail.clear()
    assert await bench.upkeep.run_once()
    assert len(bench.asked("history")) == 2


@pytest.mark.parametrize("error", [WireError("hour 25"), OasisError(1001, "no")], ids=repr)
async def test_a_trade_day_that_cannot_be_read_keeps_no_other_from_being_read(error: RemoteError) -> None:
    bench = Bench()
    bench.source.hours = {date(2026, 6, 30): error, date(2026, 6, 29): [affected(2 * DAY)]}
    assert not await bench.upkeep.run_once()
    assert len(bench.asked("affected")) == TRADE_DAYS
    assert len(bench.asked("history")) == 1


async def test_a_service_that_refuses_is_not_asked_for_the_other_days() -> None:
    bench = Bench()
    bench.source.hours = {date(2026, 6, 30): ThrottledError("wait")}
    assert not await bench.upkeep.run_once()
    assert len(bench.asked("affected")) == 1


async def test_corrected_prices_that_fail_their_checks_are_told_and_asked_for_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()
    bench.source.hours = {date(2026, 6, 30): [affected(DAY)]}
    bench.source.failed_checks = (FailedCheck(NODE, "not the sum"),)
    assert not await bench.upkeep.run_once()
    assert "corrected prices were refused: not the sum" in caplog.text
    bench.source.failed_checks = ()
    assert await bench.upkeep.run_once()
    assert len(bench.asked("history")) == 2


async def test_hours_read_are_forgotten_when_nobody_looks_for_them_any_more() -> None:
    bench = Bench()
    bench.source.hours = {date(2026, 6, 30): [affected(DAY)]}
    await bench.upkeep.run_once()
    assert len(bench.upkeep._read) == 1
    await bench.clock.advance(20 * 86400.0)
    await bench.upkeep.run_once()
    assert not bench.upkeep._read


async def test_a_correction_of_the_present_is_shown() -> None:
    bench = Bench()
    bench.source.hours = {date(2026, 6, 30): [affected(-60)]}
    bench.source.past = [price(-60, 5.0)]
    await bench.upkeep.run_once()
    assert [event.prices for event in bench.events if isinstance(event, PricesSeen)] == [(price(-60, 5.0),)]


async def test_another_market_is_not_read() -> None:
    bench = Bench()
    bench.source.hours = {date(2026, 6, 30): [affected(DAY, market=Market.DAM)]}
    await bench.upkeep.run_once()
    assert bench.asked("history") == []


@pytest.mark.parametrize(
    ("hours", "found"),
    [
        ([], []),
        ([affected(60), affected(0)], [(0, 120)]),
        ([affected(0), affected(0, 3), affected(60)], [(0, 180)]),
        ([affected(120), affected(0)], [(0, 60), (120, 180)]),
    ],
)
def test_hours_that_touch_are_read_together(hours: Sequence[AffectedHour], found: list[tuple[int, int]]) -> None:
    assert spans(hours) == [(START + timedelta(minutes=a), START + timedelta(minutes=b)) for a, b in found]


# --- the catalogue -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("node", "hint"),
    [
        ("TH_NP15_GEN_APND", "did you mean 'TH_NP15_GEN-APND'?"),
        ("SUNRDG_7_SOLAR1", "it is a resource, whose node is 'SUNRDG_7_N001'"),
        ("QQQ", "is not in the ISO's catalogue\n"),
    ],
)
async def test_an_unknown_node_is_named_once_with_a_suggestion(
    node: str, hint: str, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(NODE, node)
    for _ in range(2):
        await bench.upkeep.check_nodes()
    assert hint in caplog.text + "\n"
    assert caplog.text.count(f"{node!r} is not in the ISO's catalogue") == 1
    assert bench.events[-1] == NodesUnknown(frozenset({node}))


async def test_known_nodes_are_not_accused() -> None:
    bench = Bench()
    await bench.upkeep.check_nodes()
    assert bench.events == [NodesUnknown(frozenset())]


@pytest.mark.parametrize("missing", ["PNODE", "APNODE"])
async def test_a_catalogue_that_is_empty_accuses_no_node(missing: str) -> None:
    bench = Bench("NO_SUCH_NODE")
    bench.source.catalogues = {kind: rows for kind, rows in CATALOGUES.items() if kind != missing}
    await bench.upkeep.check_nodes()
    assert bench.events == []
    assert missing not in bench.store.catalogues


async def test_the_catalogue_is_kept_for_a_day() -> None:
    bench = Bench()
    await bench.upkeep.check_nodes()
    await bench.clock.advance(23 * 3600.0)
    await bench.upkeep.check_nodes()
    assert len(bench.asked("catalogue")) == 3
    await bench.clock.advance(3600.0)
    await bench.upkeep.check_nodes()
    assert len(bench.asked("catalogue")) == 6
