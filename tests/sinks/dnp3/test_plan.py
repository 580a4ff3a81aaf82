from __future__ import annotations

from collections import Counter

import pytest

from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS, Kind, Point
from caiso_ads.errors import ConfigError
from caiso_ads.sinks._bits import RESOURCE_FLAGS
from caiso_ads.sinks.dnp3 import plan
from caiso_ads.sinks.dnp3.plan import MOST_NODES, MOST_RESOURCES, Plan


def test_no_two_points_share_an_index_however_many_there_are() -> None:
    full = Plan(tuple(map(str, range(MOST_RESOURCES))), tuple(map(str, range(MOST_NODES))))
    counted = Counter((entry.type, entry.number) for entry in full.entries())
    assert max(counted.values()) == 1
    assert max(number for _, number in counted) <= 65_535


def test_every_point_of_the_catalogue_is_an_analog_input_in_its_order() -> None:
    listed = [entry for entry in Plan(("A", "B"), ("N",)).entries() if entry.type == "AI"]
    keys = [point.key for points in (GATEWAY_POINTS, RESOURCE_POINTS, RESOURCE_POINTS, NODE_POINTS) for point in points]
    assert [entry.key for entry in listed] == keys
    first = {entry.owner: entry.number for entry in reversed(listed)}
    assert first == {"": 0, "A": 100, "B": 150, "N": 30_000}


def test_a_block_has_room_for_its_points() -> None:
    assert max(len(RESOURCE_POINTS), len(NODE_POINTS)) <= plan.STRIDE
    assert len(GATEWAY_POINTS) <= plan.RESOURCES
    assert max(bit.place for bit in RESOURCE_FLAGS) < plan.BIT_STRIDE
    assert len({bit.place for bit in RESOURCE_FLAGS}) == len(RESOURCE_FLAGS)


@pytest.mark.parametrize(
    ("resources", "nodes", "word"), [(MOST_RESOURCES + 1, 0, "resources"), (0, MOST_NODES + 1, "nodes")]
)
def test_more_than_there_is_room_for_is_refused(resources: int, nodes: int, word: str) -> None:
    with pytest.raises(ConfigError, match=f"{word} do not fit"):
        Plan(tuple(map(str, range(resources))), tuple(map(str, range(nodes))))


def test_a_number_of_a_new_unit_keeps_three_decimals() -> None:
    assert plan.scale(Point("hz", Kind.NUMBER, "Hz", "")).factor == 1000
