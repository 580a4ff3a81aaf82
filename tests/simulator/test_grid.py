from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from caiso_ads.simulator.grid import INTERVAL, QUARTER, floor, market_id, pacific, pacific_minute


def test_floor_returns_the_boundary_at_or_before() -> None:
    at = datetime(2026, 7, 22, 19, 7, 31, tzinfo=UTC)
    assert floor(at, INTERVAL) == datetime(2026, 7, 22, 19, 5, tzinfo=UTC)
    assert floor(at, QUARTER) == datetime(2026, 7, 22, 19, 0, tzinfo=UTC)
    assert floor(floor(at, INTERVAL), INTERVAL) == floor(at, INTERVAL)


@pytest.mark.parametrize(
    ("utc", "hours"),
    [
        (datetime(2026, 3, 8, 9, 59, 59, tzinfo=UTC), 8),
        (datetime(2026, 3, 8, 10, 0, 0, tzinfo=UTC), 7),
        (datetime(2026, 11, 1, 8, 59, 59, tzinfo=UTC), 7),
        (datetime(2026, 11, 1, 9, 0, 0, tzinfo=UTC), 8),
        (datetime(2027, 3, 14, 10, 0, 0, tzinfo=UTC), 7),
    ],
)
def test_pacific_offset_changes_at_the_legal_instants(utc: datetime, hours: int) -> None:
    assert utc - pacific(utc) == timedelta(hours=hours)


def test_pacific_minute_counts_from_local_midnight() -> None:
    assert pacific_minute(datetime(2026, 7, 22, 19, 30, 30, tzinfo=UTC)) == 12 * 60 + 30.5


def test_market_id_has_the_form_of_the_captured_one() -> None:
    assert market_id(datetime(2020, 7, 21, 23, 20, tzinfo=UTC)) == "120072117"
