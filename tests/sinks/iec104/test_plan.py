from __future__ import annotations

import pytest

from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS, Kind, Point
from caiso_ads.errors import ConfigError
from caiso_ads.sinks._bits import RESOURCE_FLAGS
from caiso_ads.sinks.iec104 import plan
from caiso_ads.sinks.iec104.asdu import TIMED, Type
from caiso_ads.sinks.iec104.plan import MOST_NODES, MOST_RESOURCES, Plan


def test_no_two_objects_share_an_address_and_all_fit_three_octets() -> None:
    many = Plan(tuple(map(str, range(300))), tuple(map(str, range(300))))
    numbers = [entry.number for entry in many.entries()]
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 1
    assert plan.NODES + plan.STRIDE * MOST_NODES <= 2**24
    assert plan.RESOURCES + plan.STRIDE * MOST_RESOURCES <= plan.NODES


def test_every_point_of_the_catalogue_is_an_object_in_its_order() -> None:
    listed = [entry for entry in Plan(("A", "B"), ("N",)).entries() if Type[entry.type] is not Type.M_SP_NA_1]
    keys = [point.key for points in (GATEWAY_POINTS, RESOURCE_POINTS, RESOURCE_POINTS, NODE_POINTS) for point in points]
    assert [entry.key for entry in listed] == keys
    first = {entry.owner: entry.number for entry in reversed(listed)}
    assert first == {"": 1, "A": 1001, "B": 2001, "N": 8_000_001}


def test_a_block_has_room_for_its_points_and_bits() -> None:
    assert max(len(GATEWAY_POINTS), len(RESOURCE_POINTS), len(NODE_POINTS)) < plan.FIRST_BIT
    places = [bit.place for bit in RESOURCE_FLAGS]
    assert len(set(places)) == len(places)
    assert plan.FIRST_BIT + max(places) < plan.STRIDE


def test_every_kind_has_a_type_and_every_type_its_timed_twin() -> None:
    assert set(plan.TYPES) == set(Kind)
    assert set(plan.TYPES.values()) | {Type.M_SP_NA_1} == set(TIMED)


@pytest.mark.parametrize(
    ("resources", "nodes", "word"), [(MOST_RESOURCES + 1, 0, "resources"), (0, MOST_NODES + 1, "nodes")]
)
def test_more_than_there_is_room_for_is_refused(resources: int, nodes: int, word: str) -> None:
    with pytest.raises(ConfigError, match=f"{word} do not fit"):
        Plan(tuple(map(str, range(resources))), tuple(map(str, range(nodes))))


@pytest.mark.parametrize(
    ("key", "kind", "unit", "deadband"),
    [
        ("setpoint_mw", Kind.NUMBER, "MW", 0.5),
        ("required_mw_per_min", Kind.NUMBER, "MW/min", 0.5),
        ("link_age_s", Kind.NUMBER, "s", 7.0),
        ("hold_left_s", Kind.NUMBER, "s", 7.0),
        ("seconds_to_next_target", Kind.NUMBER, "s", 7.0),
        ("clock_offset_s", Kind.NUMBER, "s", 0.0),
        ("lmp_usd_per_mwh", Kind.NUMBER, "USD/MWh", 0.0),
        ("dot_target_time", Kind.TIME, "s", 0.0),
        ("directive", Kind.CODE, "", 0.0),
    ],
)
def test_a_deadband_is_for_powers_and_for_what_runs_by_itself(key: str, kind: Kind, unit: str, deadband: float) -> None:
    assert Plan((), (), 0.5, 7.0).deadband(Point(key, kind, unit, "")) == deadband
