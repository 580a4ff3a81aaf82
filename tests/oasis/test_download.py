from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from caiso_ads.core.price import FailedCheck, Market
from caiso_ads.errors import OasisError, UnreachableError
from caiso_ads.oasis.download import Step, fetch_history
from caiso_ads.oasis.plan import ALL
from tests.price_fakes import NOW, MemoryPriceStore, ScriptedPriceSource

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = NOW - 3 * DAY
NODES = ("A", "B")
BAD = FailedCheck("A", "row 3")


async def test_what_is_stored_is_not_asked_again() -> None:
    store, source = MemoryPriceStore(), ScriptedPriceSource()
    outcome = await fetch_history(source, store, Market.RTD, NODES, START, START + DAY)
    assert (outcome.requests, outcome.prices) == (1, 2 * 288)
    assert len(await store.prices(Market.RTD, NODES, START, START + DAY)) == 2 * 288
    assert await fetch_history(source, store, Market.RTD, NODES, START, START + DAY) == type(outcome)()
    assert len(source.calls) == 1


async def test_only_the_gap_is_asked() -> None:
    store, source = MemoryPriceStore(), ScriptedPriceSource()
    await fetch_history(source, store, Market.RTD, ["A"], START, START + HOUR)
    await fetch_history(source, store, Market.RTD, ["A"], START + 2 * HOUR, START + 3 * HOUR)
    await fetch_history(source, store, Market.RTD, ["A"], START, START + 3 * HOUR)
    assert source.calls[-1] == (Market.RTD, ("A",), START + HOUR, START + 2 * HOUR)


async def test_an_interval_that_does_not_exist_is_asked_for_once() -> None:
    store, source = MemoryPriceStore(), ScriptedPriceSource(missing=frozenset({START + HOUR}))
    for _ in range(2):
        await fetch_history(source, store, Market.RTD, ["A"], START, START + DAY)
    assert len(source.calls) == 1


async def test_what_may_still_be_posted_is_asked_again() -> None:
    late = NOW - timedelta(minutes=10)
    store, source = MemoryPriceStore(), ScriptedPriceSource(missing=frozenset({late}))
    for _ in range(2):
        await fetch_history(source, store, Market.RTD, ["A"], NOW - DAY, NOW)
    assert source.calls[-1][2:] == (late, late + timedelta(minutes=5))


async def test_an_answer_without_prices_settles_old_time_only() -> None:
    everything = frozenset(START + n * timedelta(minutes=5) for n in range(5 * 288))
    store, source = MemoryPriceStore(), ScriptedPriceSource(missing=everything)
    for _ in range(2):
        await fetch_history(source, store, Market.RTD, ["A"], START, NOW)
    assert [call[2] for call in source.calls] == [START, NOW - DAY]


async def test_a_node_that_is_missing_from_an_answer_is_asked_for_again_within_a_day() -> None:
    store, source = MemoryPriceStore(), ScriptedPriceSource(absent=frozenset({"B"}))
    for _ in range(2):
        await fetch_history(source, store, Market.RTD, NODES, NOW - 2 * DAY, NOW - 3 * HOUR)
    assert [call[2] for call in source.calls] == [NOW - 2 * DAY, NOW - DAY]


async def test_an_answer_that_failed_its_checks_settles_nothing() -> None:
    store, source = MemoryPriceStore(), ScriptedPriceSource(missing=frozenset({START}), failed_checks=(BAD,))
    for _ in range(2):
        outcome = await fetch_history(source, store, Market.RTD, ["A"], START, START + HOUR)
        assert outcome.failed_checks == (BAD,)
    assert source.calls[-1][2:] == (START, START + timedelta(minutes=5))


async def test_all_nodes_of_an_hour_are_asked_for_once() -> None:
    store, source = MemoryPriceStore(), ScriptedPriceSource()
    for _ in range(2):
        await fetch_history(source, store, Market.RTD, ALL, START, START + HOUR)
    assert len(source.calls) == 1


async def test_an_interrupted_download_goes_on_where_it_stopped() -> None:
    store, source = MemoryPriceStore(), ScriptedPriceSource()
    start = NOW - 100 * DAY

    def third(_: Market, __: tuple[str, ...], ___: datetime, ____: datetime) -> None:
        if len(source.calls) == 3:
            raise UnreachableError("gone")

    source.fail = third
    with pytest.raises(UnreachableError):
        await fetch_history(source, store, Market.FMM, ["A"], start, NOW - DAY)
    asked = source.calls[:2]
    await fetch_history(source, store, Market.FMM, ["A"], start, NOW - DAY)
    assert source.calls[3][2] == asked[-1][3]
    assert len(await store.prices(Market.FMM, ["A"], start, NOW - DAY)) == 99 * 96


@pytest.mark.parametrize("code", [1004, 1008])
async def test_what_is_too_much_is_asked_in_parts(code: int) -> None:
    store, source = MemoryPriceStore(), ScriptedPriceSource()

    def too_long(_: Market, __: tuple[str, ...], start: datetime, end: datetime) -> None:
        if end - start > 6 * HOUR:
            raise OasisError(code, "too much")

    source.fail = too_long
    steps: list[Step] = []
    await fetch_history(source, store, Market.RTD, ["A"], START, START + DAY, steps.append)
    assert len(await store.prices(Market.RTD, ["A"], START, START + DAY)) == 288
    assert (steps[-1].done, steps[-1].planned, steps[-1].prices) == (7, 7, 288)
    assert steps[-1].until == START + DAY


async def test_what_cannot_be_made_smaller_is_an_error() -> None:
    store, source = MemoryPriceStore(), ScriptedPriceSource()

    def always(*_: object) -> None:
        raise OasisError(1008, "no memory")

    source.fail = always
    with pytest.raises(OasisError):
        await fetch_history(source, store, Market.RTD, ["A"], START, START + timedelta(minutes=10))
    with pytest.raises(OasisError):
        await fetch_history(source, store, Market.RTD, ALL, START, START + HOUR)


async def test_changed_prices_are_reported() -> None:
    store, source = MemoryPriceStore(), ScriptedPriceSource()
    await fetch_history(source, store, Market.RTD, ["A"], START, START + HOUR)
    source.lmp = 31.0
    outcome = await fetch_history(source, store, Market.RTD, ["A", "B"], START, START + HOUR)
    assert [each.after.lmp_usd_per_mwh for each in outcome.corrections] == [31.0] * 12
