from __future__ import annotations

from caiso_ads.core.alarm_kinds import Ident
from caiso_ads.core.alarm_rates import Rates

A = Ident("link")


def test_what_is_older_than_ten_minutes_counts_no_more() -> None:
    rates = Rates()
    assert [rates.rise(Ident("x", str(n)), n * 60.0) for n in range(12)] == [*range(1, 11), 10, 10]
    assert rates.recent(11 * 60.0 + 599.0) == 1
    assert rates.recent(11 * 60.0 + 600.0) == 0


def test_when_it_will_be_calm_is_known() -> None:
    rates = Rates()
    for n in range(8):
        rates.rise(A, float(n))
    at = rates.calm_at()
    assert (rates.recent(at - 0.1), rates.recent(at)) == (6, 5)
    assert rates.calm_at() == float("-inf")


def test_four_times_within_ten_minutes_is_chatter_and_slower_is_not() -> None:
    for gap, chatters in ((100.0, True), (250.0, False)):
        rates = Rates()
        for n in range(4):
            assert not rates.chatters(A)
            rates.rise(A, n * gap)
        assert rates.chatters(A) is chatters


def test_names_that_never_come_again_are_forgotten() -> None:
    rates = Rates()
    for n in range(5000):
        rates.rise(Ident("hourly_closes", str(n)), n * 60.0)
    assert len(rates._each) <= 21
