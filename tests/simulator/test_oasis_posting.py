from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from caiso_ads.core.price import Market
from caiso_ads.simulator.grid import HOUR, INTERVAL
from caiso_ads.simulator.oasis_posting import Posting, PriceDelay
from caiso_ads.simulator.switches import Switches

START = datetime(2026, 7, 1, 19, tzinfo=UTC)


@pytest.mark.parametrize(("rtd_posting", "shift"), [("early", -90), ("late", 90)])
def test_real_time_prices_appear_where_the_switches_say_with_a_jitter(rtd_posting: str, shift: int) -> None:
    switches = Switches(rtd_posting_s=90.0, price_jitter_s=15.0).with_value("rtd_posting", rtd_posting)
    posting = Posting(switches)
    leads = [(posting.at(Market.RTD, START + n * INTERVAL) - START - n * INTERVAL).total_seconds() for n in range(100)]
    assert all(shift <= lead < shift + 15 for lead in leads)
    assert len(set(leads)) == 100


def test_the_other_markets_appear_before_their_intervals() -> None:
    posting = Posting(Switches(price_jitter_s=0.0))
    quarter = START + timedelta(minutes=45)
    assert posting.at(Market.FMM, quarter) == quarter - timedelta(minutes=22.5)
    assert posting.at(Market.HASP, quarter) == START - timedelta(minutes=52.5)
    assert posting.at(Market.DAM, START) == datetime(2026, 6, 30, 20, tzinfo=UTC)


def test_the_newest_is_the_last_that_can_be_seen() -> None:
    posting = Posting(Switches(rtd_posting_s=60.0, price_jitter_s=0.0))
    assert posting.newest(Market.RTD, START - timedelta(seconds=60)) == START
    assert posting.newest(Market.RTD, START - timedelta(seconds=61)) == START - INTERVAL
    late = Posting(Switches(rtd_posting="late", rtd_posting_s=90_000.0))
    assert late.newest(Market.RTD, START) is None


def test_a_window_holds_the_intervals_that_begin_in_it_and_can_be_seen() -> None:
    posting = Posting(Switches(rtd_posting_s=0.0, price_jitter_s=0.0))
    seen = posting.visible(Market.RTD, START - HOUR + timedelta(seconds=1), START + HOUR, START)
    assert seen == [START - HOUR + n * INTERVAL for n in range(1, 13)]


def test_what_would_appear_in_a_delay_comes_later_and_in_its_own_order() -> None:
    delay = PriceDelay(Market.RTD, START, START + INTERVAL, timedelta(minutes=12))
    posting = Posting(Switches(rtd_posting_s=0.0, price_jitter_s=0.0), delays=[delay])
    assert posting.at(Market.RTD, START) == START + timedelta(minutes=12)
    assert posting.at(Market.RTD, START + INTERVAL) == START + INTERVAL
    assert posting.at(Market.DAM, START) == Posting(Switches(price_jitter_s=0.0)).at(Market.DAM, START)
    assert posting.newest(Market.RTD, START + timedelta(minutes=4)) == START - INTERVAL
    window = START, START + 2 * INTERVAL
    assert posting.visible(Market.RTD, *window, START + timedelta(minutes=11)) == [START + INTERVAL]
    assert posting.visible(Market.RTD, *window, START + timedelta(minutes=12)) == [START, START + INTERVAL]
