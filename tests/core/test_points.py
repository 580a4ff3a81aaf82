from __future__ import annotations

import pytest

from caiso_ads.core.points import (
    GATEWAY_POINTS,
    RESOURCE_POINTS,
    Kind,
    PointValue,
    Snapshot,
    index_of,
    point_values,
)
from caiso_ads.core.quality import Quality
from tests.fakes import START


def test_keys_are_unique_and_units_stand_in_names() -> None:
    for points in (GATEWAY_POINTS, RESOURCE_POINTS):
        keys = [point.key for point in points]
        assert len(set(keys)) == len(keys)
        for point in points:
            assert (point.unit == "MW") == point.key.endswith("_mw")
            assert (point.kind is Kind.TIME) == point.key.endswith("_time")


def test_a_value_is_found_by_key_and_a_wrong_key_is_an_error() -> None:
    values = tuple(PointValue(index, Quality.GOOD) for index, _ in enumerate(RESOURCE_POINTS))
    shot = Snapshot(1, START, tuple(PointValue(i, Quality.GOOD) for i, _ in enumerate(GATEWAY_POINTS)), {"R": values})
    assert shot.value("R", "quality").value == 2
    assert shot.gateway_value("utc_time").value == 1
    with pytest.raises(KeyError):
        shot.value("R", "nonsense")


def test_point_values_are_those_that_calling_the_class_gives() -> None:
    values, qualities, times = (1.5, None, 3), (Quality.GOOD, Quality.INIT, Quality.BAD_COMM), (START, None, START)
    made = point_values(values, qualities, times)
    assert made == tuple(PointValue(*three) for three in zip(values, qualities, times, strict=True))
    assert {type(one) for one in made} == {PointValue}
    assert made[0].source_time is START


def test_point_values_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        point_values((1.0, 2.0), (Quality.GOOD,), (START, START))


def test_the_place_of_a_point_is_that_of_the_catalogue() -> None:
    assert [index_of(point.key) for point in RESOURCE_POINTS] == list(range(len(RESOURCE_POINTS)))
