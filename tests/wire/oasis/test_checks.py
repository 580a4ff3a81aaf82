from datetime import timedelta

import pytest

from caiso_ads.core.price import FailedCheck, Market
from caiso_ads.wire.oasis.checks import Failures, Prices, assemble
from caiso_ads.wire.oasis.row import LmpRow
from tests.wire.oasis.samples import HUB, NODE, START

PARTS = {"LMP": 41.25, "MCE": 40.0, "MCC": 1.5, "MCL": -0.25, "MGHG": 0.0}


def of(
    parts: dict[str, float], minutes: int = 5, node: str = NODE, shift_s: int = 0, market: Market = Market.RTD
) -> Prices:
    start = START + timedelta(seconds=shift_s)
    rows = [LmpRow(node, start, start + timedelta(minutes=minutes), kind, value) for kind, value in parts.items()]
    return assemble(rows, market, {NODE}, Failures())


def test_rows_become_one_price() -> None:
    (price,) = of(PARTS).prices
    assert (price.node, price.start, price.lmp_usd_per_mwh) == (NODE, START, 41.25)
    assert (price.energy_usd_per_mwh, price.congestion_usd_per_mwh) == (40.0, 1.5)
    assert (price.loss_usd_per_mwh, price.ghg_usd_per_mwh) == (-0.25, 0.0)


def test_a_component_not_given_is_none() -> None:
    (price,) = of({"LMP": 41.25, "MCE": 40.0}).prices
    assert (price.congestion_usd_per_mwh, price.loss_usd_per_mwh, price.ghg_usd_per_mwh) == (None, None, None)


@pytest.mark.parametrize("kind", ["LMP", "MCE", "MCC", "MCL", "MGHG"])
def test_a_sum_that_is_not_right_leaves_the_price_out(kind: str) -> None:
    found = of({**PARTS, kind: PARTS[kind] + 2e-4})
    assert (found.prices, found.posted) == ((), True)
    assert "is not the sum of its components" in found.failed_checks[0].text
    assert of({**PARTS, kind: PARTS[kind] + 0.9e-4}).failed_checks == ()


def test_without_ghg_the_other_three_are_the_sum() -> None:
    three = {kind: value for kind, value in PARTS.items() if kind != "MGHG"}
    assert of(three).failed_checks == ()
    assert of({**three, "LMP": 41.0}).prices == ()


def test_a_component_that_is_new_may_be_part_of_the_sum_or_not() -> None:
    assert len(of({**PARTS, "MNEW": 5.0}).prices) == 1
    assert len(of({**PARTS, "MNEW": 5.0, "LMP": 46.25}).prices) == 1
    assert of({**PARTS, "MNEW": 5.0, "LMP": 44.0}).prices == ()


def test_components_without_a_price_are_no_price() -> None:
    assert "without the price" in of({"MCE": 40.0}).failed_checks[0].text


@pytest.mark.parametrize(
    ("market", "minutes"), [(Market.RTD, 5), (Market.FMM, 15), (Market.HASP, 15), (Market.DAM, 60)]
)
def test_an_interval_has_its_markets_length(market: Market, minutes: int) -> None:
    assert len(of(PARTS, minutes, market=market).prices) == 1
    assert "an interval of" in of(PARTS, minutes + 5, market=market).failed_checks[0].text
    assert "an interval of" in of(PARTS, -minutes, market=market).failed_checks[0].text


def test_an_interval_begins_on_the_grid() -> None:
    assert of(PARTS, shift_s=300).failed_checks == ()
    assert "grid of 300 s" in of(PARTS, shift_s=60).failed_checks[0].text
    assert "grid of 3600 s" in of(PARTS, 60, shift_s=300, market=Market.DAM).failed_checks[0].text


def test_a_node_not_asked_for_is_named_and_left_out() -> None:
    assert of(PARTS, node=HUB) == Prices(
        (), posted=True, failed_checks=(FailedCheck(HUB, f"{HUB}: was not asked for"),)
    )


def test_the_last_of_two_rows_counts() -> None:
    rows = [LmpRow(NODE, START, START + timedelta(minutes=5), "LMP", value) for value in (1.0, 2.0)]
    (price,) = assemble(rows, Market.RTD, None, Failures()).prices
    assert price.lmp_usd_per_mwh == 2.0


def test_prices_are_in_order() -> None:
    times = [START + timedelta(minutes=m) for m in (10, 0, 5)]
    rows = [LmpRow(n, t, t + timedelta(minutes=5), "LMP", 1.0) for n in (HUB, NODE) for t in times]
    found = [(price.node, price.start) for price in assemble(rows, Market.RTD, None, Failures()).prices]
    assert found == sorted(found)
    assert len(found) == 6


def test_nothing_is_not_posted() -> None:
    assert assemble([], Market.RTD, [NODE], Failures()) == Prices((), posted=False, failed_checks=())


def test_failures_are_named_once_and_bounded() -> None:
    failures = Failures()
    for number in [*range(80), *range(20)]:
        failures.note(FailedCheck(NODE, f"n{number}"))
    told = failures.told()
    assert [check.text for check in told] == [*(f"n{number}" for number in range(50)), "n79", "and 29 more"]


def test_of_many_failures_the_newest_of_each_node_is_told() -> None:
    """Else one node's flood would make another node's price look good."""
    failures = Failures()
    for number in range(60):
        failures.note(FailedCheck(NODE, f"n{number}", START + timedelta(minutes=5 * number)))
    failures.note(FailedCheck(HUB, "sum", START))
    told = failures.told()
    assert FailedCheck(HUB, "sum", START) in told
    assert max(check.start for check in told if check.node == NODE and check.start) == START + timedelta(minutes=295)


def test_a_failed_check_tells_node_and_begin() -> None:
    (check,) = of({**PARTS, "LMP": 50.0}).failed_checks
    assert (check.node, check.start) == (NODE, START)
