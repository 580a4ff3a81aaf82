from __future__ import annotations

import pytest

from caiso_ads.core.points import (
    GATEWAY_POINTS,
    RESOURCE_POINTS,
    Kind,
    PointValue,
    Row,
    Snapshot,
    index_of,
    qualities_of,
    values_of,
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


ROW = Row((1.5, None, 3), (Quality.GOOD, Quality.INIT, Quality.BAD_COMM), (START, None, START))
POINTS = (PointValue(1.5, Quality.GOOD, START), PointValue(None, Quality.INIT), PointValue(3, Quality.BAD_COMM, START))


def test_a_row_is_the_sequence_of_its_points() -> None:
    assert tuple(ROW) == POINTS
    assert [ROW[place] for place in range(len(ROW))] == list(POINTS)
    assert (ROW[-1], ROW[1:], ROW.index(POINTS[1])) == (POINTS[2], POINTS[1:], 1)
    assert {type(one) for one in (*ROW, ROW[0])} == {PointValue}
    assert ROW[0].source_time is START
    with pytest.raises(IndexError):
        ROW[3]


def test_a_row_equals_what_has_the_same_points_and_nothing_else() -> None:
    same = Row(ROW.values, ROW.qualities, ROW.source_times)
    assert same == ROW
    assert (ROW == POINTS, POINTS == ROW, hash(ROW) == hash(POINTS)) == (True, True, True)
    assert Row((1.5, None, 4), ROW.qualities, ROW.source_times) != ROW
    assert Row(ROW.values, (Quality.GOOD,) * 3, ROW.source_times) != ROW
    assert Row(ROW.values, ROW.qualities, (None, None, START)) != ROW
    assert ROW != 3


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        tuple(Row((1.0, 2.0), (Quality.GOOD,), (START, START)))


def test_values_and_qualities_are_those_of_the_points() -> None:
    assert values_of(ROW) == values_of(POINTS) == (1.5, None, 3)
    assert qualities_of(ROW) == qualities_of(POINTS) == ROW.qualities


def test_the_place_of_a_point_is_that_of_the_catalogue() -> None:
    assert [index_of(point.key) for point in RESOURCE_POINTS] == list(range(len(RESOURCE_POINTS)))
