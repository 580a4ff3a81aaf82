"""The price loop on fakes: stored before shown, restored without being believed, failing without harm."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

import pytest

from caiso_ads.core.directive import DEFAULT_LIMITS, Environment
from caiso_ads.core.happenings import Event, PricesFailed
from caiso_ads.core.points import Snapshot
from caiso_ads.core.price import FailedCheck, Market, Price
from caiso_ads.core.quality import Quality
from caiso_ads.core.snapshot import snapshot
from caiso_ads.core.state import fold, initial
from caiso_ads.errors import (
    CaisoAdsError,
    ConfigError,
    HttpStatusError,
    NotSoapError,
    OasisError,
    StoreError,
    ThrottledError,
    UnreachableError,
    WireError,
)
from caiso_ads.loop.prices import ANEW_AFTER_S, MOST_TOLD, PriceLoop, code_of
from tests.fakes import START, FakeClock
from tests.price_source import NODE, OTHER, MemoryPrices, ScriptedPrices, price


class Bench:
    """A price loop, and the state its events are folded into."""

    def __init__(self, *answers: Sequence[Price] | Exception, store: MemoryPrices | None = None) -> None:
        self.clock = FakeClock()
        self.source = ScriptedPrices(self.clock, list(answers) or [[price()]])
        self.store = store or MemoryPrices()
        self.state = initial({}, Environment.PRODUCTION, (NODE, OTHER))
        self.events: list[Event] = []
        self.loop = PriceLoop(self.source, self.store, self.clock, (NODE, OTHER), self._accept)

    def _accept(self, event: Event) -> None:
        self.store.log.append("shown")
        self.events.append(event)
        self.state = fold(self.state, event)

    def shot(self) -> Snapshot:
        return snapshot(self.state, self.clock.now(), DEFAULT_LIMITS, generation=1, heartbeat=1, unacknowledged=0)

    def active(self) -> tuple[object, Quality]:
        point = self.shot().node_value(NODE, "active_lmp_usd_per_mwh")
        return point.value, point.quality

    def currents(self) -> int:
        return sum(call[0] == "current" for call in self.source.calls)


async def test_it_stores_then_shows() -> None:
    bench = Bench()
    await bench.loop.poll_once()
    assert bench.store.log[:2] == ["stored", "shown"]
    assert bench.active() == (31.5, Quality.GOOD)
    assert bench.source.calls[0] == ("current", (NODE, OTHER))


async def test_what_nobody_looked_at_is_read_at_start_and_after_a_gap() -> None:
    """Else the target of now, which may belong to an interval just past, would have no price."""
    bench = Bench([price(0)], [price(5)], [price(15)], [price(15)])
    bench.source.past = [price(-5, 7.0), price(10, 8.0)]
    running = asyncio.create_task(bench.loop.run())
    await bench.clock.advance(1.0)
    assert [call[0] for call in bench.source.calls] == ["current", "live history"]
    assert bench.source.calls[1] == ("live history", Market.RTD, (NODE, OTHER), START - timedelta(minutes=20), START)
    assert bench.state.prices[NODE].prices == (price(-5, 7.0), price(0))
    await bench.clock.advance(1200.0)
    assert sum(call[0] == "live history" for call in bench.source.calls) == 2
    running.cancel()
    await asyncio.wait({running})


async def test_a_gap_that_cannot_be_read_holds_up_no_newest_price_and_is_read_later() -> None:
    bench = Bench([price(0)])
    bench.source.past = [price(-5, 7.0)]
    bench.source.fail["live history"] = UnreachableError("no route")
    running = asyncio.create_task(bench.loop.run())
    await bench.clock.advance(1.0)
    assert bench.active() == (31.5, Quality.GOOD)
    assert bench.state.price_link.failures == 0
    bench.source.fail.clear()
    await bench.clock.advance(60.0)
    assert bench.state.prices[NODE].prices == (price(-5, 7.0), price(0))
    running.cancel()
    await asyncio.wait({running})


async def test_what_is_not_stored_is_not_shown() -> None:
    bench = Bench()
    bench.store.broken = True
    await bench.loop.poll_once()
    assert bench.events == [PricesFailed(3, bench.clock.now())]
    assert bench.active()[0] is None
    bench.store.broken = False
    await bench.loop.poll_once()
    assert bench.active() == (31.5, Quality.GOOD)


async def test_a_restart_shows_what_is_stored_as_unconfirmed_until_the_first_answer() -> None:
    first = Bench([price()])
    await first.loop.poll_once()
    bench = Bench([price()], store=first.store)
    await bench.loop.restore()
    assert bench.active() == (None, Quality.INIT)
    assert bench.shot().node_value(NODE, "published_lmp_usd_per_mwh") == (31.5, Quality.INIT, None)
    await bench.loop.poll_once()
    assert bench.active() == (31.5, Quality.GOOD)


async def test_a_store_that_cannot_be_read_at_start_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.store.broken = True
    await bench.loop.restore()
    assert bench.events == []
    assert "stored prices cannot be read: no space left" in caplog.text


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnreachableError("no route"), 1),
        (HttpStatusError(503), 1),
        (WireError("no such column"), 2),
        (NotSoapError("text/html", "<html>"), 2),
        (StoreError("full"), 3),
        (ConfigError("oasis.pace: cannot be locked"), 3),
        (ThrottledError("wait"), 429),
        (OasisError(1003, "timed out"), 1003),
    ],
    ids=repr,
)
async def test_each_failure_has_its_number_and_the_next_request_is_later(error: CaisoAdsError, code: int) -> None:
    assert code_of(error) == code  # type: ignore[arg-type]  # the list above holds both kinds
    bench = Bench(error)
    waits = [await bench.loop.poll_once() for _ in range(4)]
    assert waits == sorted(waits)
    assert waits[-1] > waits[0] >= 30.0
    assert bench.shot().gateway_value("price_error").value == code
    assert bench.shot().gateway_value("price_failures").value == 4


async def test_a_failure_is_logged_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(UnreachableError("no route"), UnreachableError("no route"), [price()])
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            await bench.loop.poll_once()
    assert caplog.text.count("no new prices") == 1
    assert caplog.text.count("answers again") == 1


async def test_a_failed_check_names_its_node_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench([])
    bench.source.failed_checks = (FailedCheck(OTHER, f"price of {NODE}: not the sum of its components"),)
    for _ in range(2):
        await bench.loop.poll_once()
    assert bench.state.prices[OTHER].refused
    assert not bench.state.prices[NODE].refused  # its name in the words says nothing
    assert caplog.text.count("not the sum") == 1


async def test_a_failed_check_is_still_told_after_weeks_of_others(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench([price()])
    for number in range(MOST_TOLD + 10):
        bench.source.failed_checks = (FailedCheck(OTHER, f"check {number}"),)
        await bench.loop.poll_once()
    assert f"check {MOST_TOLD + 9}" in caplog.text
    assert len(bench.loop._told) == MOST_TOLD


async def test_a_price_dated_years_ahead_does_not_stop_the_learned_moment() -> None:
    """Else no later interval would be newer, and the loop would ask blindly until those years have passed."""
    bench = Bench([price(0), price(5 * 100_000, node=OTHER)], [price(5)])
    await bench.loop.poll_once()
    assert bench.loop._timing.newest == START
    await bench.loop.poll_once()
    assert (bench.loop._timing.newest, bench.loop._timing.misses) == (START + timedelta(minutes=5), 0)


async def test_a_clock_that_is_not_the_services_makes_no_price_the_one_of_now(caplog: pytest.LogCaptureFixture) -> None:
    """Also where ADS cannot be asked: ten minutes behind, an old interval would look like the present one."""
    bench = Bench([price()])
    seen = []
    for ahead in (None, 0.0, 600.0, None, -600.0, 10.0):
        bench.source.clock_ahead_s = ahead
        await bench.loop.poll_once()
        seen.append(bench.active())
    good, bad = (31.5, Quality.GOOD), (None, Quality.BAD_STALE)
    assert seen == [good, good, bad, bad, bad, good]
    assert bench.state.clock.ok, "the dispatch has its own witnesses"
    assert caplog.text.count("our clock is") == caplog.text.count("agrees with the price service's again") == 1


async def test_a_changed_price_is_stored_shown_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench([price()], [price(usd=40.0)])
    for _ in range(2):
        await bench.loop.poll_once()
    assert bench.active() == (40.0, Quality.GOOD)
    assert len(bench.store.changes) == 1
    assert f"{NODE} 2026-07-01 12:00 UTC: corrected from 31.50000 to 40.00000 USD/MWh" in caplog.text


async def test_the_switch_happens_at_the_end_of_the_interval_though_nothing_arrives() -> None:
    bench = Bench([price(0, 1.0), price(5, 2.0)])
    await bench.loop.poll_once()
    seen = []
    for seconds in (299.0, 1.0, 299.0, 1.0):
        await bench.clock.advance(seconds)
        seen.append(bench.active())
    assert seen == [(1.0, Quality.GOOD), (2.0, Quality.GOOD), (2.0, Quality.GOOD), (None, Quality.UNCERTAIN)]


async def test_it_runs_for_hours_with_about_one_request_an_interval() -> None:
    bench = Bench()
    lag = timedelta(seconds=40)

    class Live(ScriptedPrices):
        async def current(self, nodes: Sequence[str]) -> object:  # type: ignore[override]
            self.calls.append(("current", tuple(nodes)))
            return self._answer([price(5.0 * ((self.clock.now().wall - START - lag) // timedelta(minutes=5)))])

    source = Live(bench.clock)
    loop = PriceLoop(source, bench.store, bench.clock, (NODE,), bench._accept)  # type: ignore[arg-type]
    running = asyncio.create_task(loop.run())
    await bench.clock.advance(3 * 3600.0)
    running.cancel()
    await asyncio.wait({running})
    assert len(bench.store.known) >= 36  # every interval
    assert sum(call[0] == "current" for call in source.calls) <= 36 * 1.6


async def test_what_nobody_expected_is_told_shown_and_begun_anew_and_ends_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench(KeyError("a bug"), [price()])
    running = asyncio.create_task(bench.loop.run())
    await bench.clock.advance(1.0)
    assert not running.done()
    assert "begun anew" in caplog.text
    assert "KeyError: 'a bug'" in caplog.text, "with its trace"
    assert bench.state.price_link.failures == 1
    assert bench.active()[1] is not Quality.GOOD
    await bench.clock.advance(ANEW_AFTER_S)
    assert bench.active() == (31.5, Quality.GOOD)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_upkeep_begins_soon_after_start_and_comes_back_each_day() -> None:
    bench = Bench()
    running = asyncio.create_task(bench.loop.run())
    await bench.clock.advance(29.0)
    assert not any(call[0] == "catalogue" for call in bench.source.calls)
    await bench.clock.advance(2.0)
    assert [call[1] for call in bench.source.calls if call[0] == "catalogue"] == ["PNODE", "APNODE", "RESOURCE"]
    days = sum(call[0] == "affected" for call in bench.source.calls)
    await bench.clock.advance(24 * 3600.0)
    assert sum(call[0] == "affected" for call in bench.source.calls) == 2 * days
    running.cancel()
    await asyncio.wait({running})


async def test_upkeep_that_fails_is_tried_again_within_the_hour() -> None:
    bench = Bench()
    bench.source.fail["affected"] = UnreachableError("no route")
    running = asyncio.create_task(bench.loop.run())
    await bench.clock.advance(60.0)
    failed = sum(call[0] == "affected" for call in bench.source.calls)
    await bench.clock.advance(3600.0)
    assert sum(call[0] == "affected" for call in bench.source.calls) == 2 * failed
    assert bench.active()[1] is not Quality.GOOD  # its price is an hour old; the loop itself went on
    assert bench.currents() > 12
    running.cancel()
    await asyncio.wait({running})
