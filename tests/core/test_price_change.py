"""The same, completed or corrected: what a later answer does to a price."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.price import Market, Price
from caiso_ads.core.price_change import Change, Values, merged, values_of

NOON = datetime(2026, 7, 21, 12, 0, tzinfo=UTC)
FEW = st.sampled_from([None, -1.5, 0.0, 2.0])
VALUES = st.tuples(st.just(300), st.sampled_from([-1.5, 0.0, 2.0]), FEW, FEW, FEW, FEW)


def test_the_values_of_a_price_are_all_it_says() -> None:
    price = Price("N", Market.RTD, NOON, NOON + timedelta(minutes=5), 1.0, 2.0, None, -3.0, 0.0)
    assert values_of(price) == (300, 1.0, 2.0, None, -3.0, 0.0)


@pytest.mark.parametrize(
    ("before", "told", "change", "now"),
    [
        ((300, 5.0, 1.0), (300, 5.0, 1.0), Change.NONE, (300, 5.0, 1.0)),
        ((300, 5.0, 1.0), (300, 5.0, None), Change.NONE, (300, 5.0, 1.0)),
        ((300, 5.0, None), (300, 5.0, 0.0), Change.COMPLETED, (300, 5.0, 0.0)),
        ((300, 5.0, 1.0), (300, 6.0, None), Change.CORRECTED, (300, 6.0, None)),
        ((300, 5.0, 1.0, None), (300, 5.0, 2.0, 3.0), Change.CORRECTED, (300, 5.0, 2.0, 3.0)),
        ((300, 5.0), (900, 5.0), Change.CORRECTED, (900, 5.0)),
        ((300, 5.0), (300, -5.0), Change.CORRECTED, (300, -5.0)),
    ],
)
def test_each_case(before: Values, told: Values, change: Change, now: Values) -> None:
    assert merged(before, told) == (change, now)


@given(VALUES, VALUES)
def test_nothing_told_is_lost_and_no_part_of_an_old_price_is_mixed_into_a_new_one(before: Values, told: Values) -> None:
    change, now = merged(before, told)
    assert all(new is None or new == kept for new, kept in zip(told, now, strict=True))
    if change is Change.CORRECTED:
        assert now == told
    else:
        assert all(old is None or old == kept for old, kept in zip(before, now, strict=True))
        assert all(kept in (old, new) for old, new, kept in zip(before, told, now, strict=True))
    assert (change is Change.NONE) == (now == before)


@given(VALUES, VALUES)
def test_the_same_answer_again_changes_nothing(before: Values, told: Values) -> None:
    _, now = merged(before, told)
    assert merged(now, told) == (Change.NONE, now)
