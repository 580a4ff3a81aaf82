from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.price import Market, Price
from caiso_ads.simulator.grid import HOUR, INTERVAL, floor
from caiso_ads.simulator.oasis_market import STEPS, PriceChange, PriceMarket, trade_day_end, trade_day_start

NODE, OUTSIDE = "SUNRDG_7_N001", "ELAP_PACE-APND"
DAY = datetime(2026, 7, 1, 7, tzinfo=UTC)
LATER = DAY + timedelta(days=20)
MOMENTS = st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - in UTC


def day_of(market: PriceMarket, node: str = NODE, asked_at: datetime = DAY) -> list[Price]:
    return market.prices([node], Market.RTD, [DAY + n * INTERVAL for n in range(288)], asked_at)


def parts(price: Price) -> list[float]:
    found = (
        price.energy_usd_per_mwh,
        price.congestion_usd_per_mwh,
        price.loss_usd_per_mwh,
        price.ghg_usd_per_mwh,
    )
    return [part for part in found if part is not None]


@given(
    seed=st.integers(0, 9), node=st.sampled_from([NODE, OUTSIDE, "X"]), market=st.sampled_from(Market), moment=MOMENTS
)
def test_the_components_are_the_price_exactly_in_five_decimals(
    seed: int, node: str, market: Market, moment: datetime
) -> None:
    start = floor(moment, STEPS[market])
    (price,) = PriceMarket(seed).prices([node], market, [start], start)
    texts = [f"{part:.5f}" for part in parts(price)]
    assert len(texts) == 4
    assert sum(map(Decimal, texts)) == Decimal(f"{price.lmp_usd_per_mwh:.5f}")
    assert [float(text) for text in texts] == parts(price)
    assert (price.start, price.end) == (start, start + STEPS[market])


def test_any_price_can_be_asked_alone() -> None:
    day = day_of(PriceMarket(3))
    assert PriceMarket(3).prices([NODE], Market.RTD, [day[100].start], DAY) == [day[100]]
    assert day_of(PriceMarket(4)) != day


def test_the_day_dips_below_zero_peaks_after_sunset_and_has_spikes() -> None:
    prices = [p.lmp_usd_per_mwh for p in day_of(PriceMarket(1))]
    noon, evening = prices[11 * 12 : 14 * 12], prices[18 * 12 : 21 * 12]
    assert min(noon) < 0
    assert sorted(evening)[len(evening) // 2] > 40
    month = [DAY + n * INTERVAL for n in range(288 * 30)]
    spikes = [p for p in PriceMarket(1).prices([NODE], Market.RTD, month, DAY) if p.lmp_usd_per_mwh > 200]
    assert 10 < len(spikes) < 300


def test_greenhouse_gas_has_a_price_outside_only() -> None:
    assert {p.ghg_usd_per_mwh for p in day_of(PriceMarket())} == {0.0}
    assert all((p.ghg_usd_per_mwh or 0.0) < 0 for p in day_of(PriceMarket(), OUTSIDE))


@pytest.mark.parametrize(
    ("midnight", "hours"),
    [
        (datetime(2025, 11, 2, 7, tzinfo=UTC), 25),
        (datetime(2026, 3, 8, 8, tzinfo=UTC), 23),
        (datetime(2026, 7, 1, 7, tzinfo=UTC), 24),
        (datetime(2026, 1, 1, 8, tzinfo=UTC), 24),
    ],
)
def test_trade_days_begin_and_end_at_local_midnights(midnight: datetime, hours: int) -> None:
    end = midnight + hours * HOUR
    assert trade_day_end(midnight) == end
    assert trade_day_start(midnight) == midnight
    assert trade_day_start(end - timedelta(microseconds=1)) == midnight
    assert trade_day_start(end) == end
    assert trade_day_start(midnight - timedelta(microseconds=1)) < midnight


def change(**values: Any) -> PriceChange:
    hour = DAY + 3 * HOUR
    made = PriceChange(Market.RTD, hour, hour + HOUR, 2.5, DAY + 10 * HOUR, DAY + 12 * HOUR)
    return replace(made, **values)


def test_a_correction_changes_its_hour_from_its_time_on() -> None:
    market = PriceMarket(changes=[change()], seeded_corrections=False)
    before, after = (day_of(market, asked_at=DAY + n * HOUR) for n in (9, 10))
    moved = {
        index: round(b.lmp_usd_per_mwh - a.lmp_usd_per_mwh, 5)
        for index, (a, b) in enumerate(zip(before, after, strict=True))
        if a != b
    }
    assert moved == dict.fromkeys(range(36, 48), 2.5)
    assert market.affected(DAY, DAY + 11 * HOUR) == []
    (hour,) = market.affected(DAY, DAY + 12 * HOUR)
    assert (hour.market, hour.start, hour.end) == (Market.RTD, DAY + 3 * HOUR, DAY + 4 * HOUR)
    assert market.affected(trade_day_end(DAY), LATER) == []


def test_a_correction_of_one_node_leaves_the_others() -> None:
    market = PriceMarket(seeded_corrections=False)
    first = day_of(market, OUTSIDE), day_of(market)
    market.change(change(node=NODE, at=DAY))
    assert day_of(market, OUTSIDE) == first[0]
    assert day_of(market) != first[1]


def test_one_trade_date_in_four_is_corrected_by_the_seed_alone() -> None:
    market, days = PriceMarket(1), [datetime(2026, 5, 1, 7, tzinfo=UTC) + timedelta(days=n) for n in range(120)]
    corrected = [day for day in days if market.affected(day, day + timedelta(days=4))]
    assert 15 < len(corrected) < 50
    day = corrected[0]
    assert market.affected(day, day + timedelta(days=2)) == []
    (hour,) = market.affected(day, day + timedelta(days=4))
    first, last = (market.prices([NODE], hour.market, [hour.start], day + timedelta(days=n)) for n in (2, 4))
    assert first != last
    assert PriceMarket(1, seeded_corrections=False).affected(day, LATER) == []
