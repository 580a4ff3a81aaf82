from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.core.points import Kind, PointValue
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.sinks._trust import without_trust
from caiso_ads.sinks.iec104 import values
from caiso_ads.sinks.iec104.asdu import Shown
from caiso_ads.sinks.iec104.plan import Plan
from caiso_ads.sinks.iec104.values import BL, FLAGS, IV, NT, OV, SB, UNKNOWN_BITS, changes, shown, state
from tests.sinks.modbus.snapshots import AT, IDS, nothing_known, resource, snapshot

PLAN = Plan(IDS, ("N",))
GOOD, FOLLOW, HOLD = 1501, 1502, 1503


def test_every_quality_has_its_bits_and_only_good_has_none() -> None:
    assert set(FLAGS) == set(Quality)
    assert [quality for quality, flags in FLAGS.items() if not flags] == [Quality.GOOD]
    assert FLAGS[Quality.FORCED] == SB
    assert FLAGS[Quality.STANDBY] == IV | BL
    assert {q for q, flags in FLAGS.items() if not flags & IV} == {Quality.GOOD, Quality.UNCERTAIN, Quality.FORCED}


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("quality", Quality)
def test_what_is_not_known_is_invalid_and_never_zero(kind: Kind, quality: Quality) -> None:
    value, flags = shown(kind, PointValue(None, quality))
    assert flags & IV
    assert str(value) == ("nan" if kind in (Kind.NUMBER, Kind.CODE) else str(UNKNOWN_BITS))


@pytest.mark.parametrize(
    ("kind", "value", "quality", "expected"),
    [
        (Kind.NUMBER, 150.25, Quality.GOOD, Shown(150.25, 0)),
        (Kind.NUMBER, -22.0, Quality.UNCERTAIN, Shown(-22.0, NT)),
        (Kind.NUMBER, 1e300, Quality.GOOD, Shown(math.inf, IV | OV)),
        (Kind.NUMBER, -1e300, Quality.GOOD, Shown(-math.inf, IV | OV)),
        (Kind.NUMBER, -math.inf, Quality.GOOD, Shown(-math.inf, IV | OV)),
        (Kind.NUMBER, 5.0, Quality.BAD_DATA, Shown(5.0, IV | OV)),
        (Kind.CODE, 65_535, Quality.GOOD, Shown(65_535.0, 0)),
        (Kind.BITS, 0x80000001, Quality.FORCED, Shown(0x80000001, SB)),
        (Kind.TIME, AT, Quality.GOOD, Shown(int(AT.timestamp()), 0)),
        (Kind.TIME, datetime(2200, 1, 1, tzinfo=UTC), Quality.GOOD, Shown(UNKNOWN_BITS, IV | OV)),
        (Kind.COUNT, 2**32 - 1, Quality.GOOD, Shown(2**32 - 1, 0)),
        (Kind.COUNT, 7, Quality.UNCERTAIN, Shown(7, IV)),
        (Kind.COUNT, 2**32, Quality.GOOD, Shown(UNKNOWN_BITS, IV)),
    ],
)
def test_a_value_and_its_quality(kind: Kind, value: Any, quality: Quality, expected: Shown) -> None:
    assert shown(kind, PointValue(value, quality)) == expected


def test_before_anything_is_known_every_object_of_a_resource_is_invalid() -> None:
    found = state(PLAN, nothing_known())
    assert found[1001] == Shown(Directive.NO_DATA, IV | NT)
    assert all(flags & IV for address, (_, flags) in found.items() if address >= 1000)
    assert found[FOLLOW] == (0, IV | NT)
    assert set(found) == {entry.number for entry in PLAN.entries()}


def test_bits_follow_directive_quality_and_reasons() -> None:
    found = state(PLAN, snapshot({IDS[0]: resource(Quality.BAD_DATA, directive=Directive.HOLD, reasons=0b101)}))
    assert found[FOLLOW] == (0, IV)  # the bit of OV is reserved in a single point
    assert found[HOLD] == (1, IV)
    assert [found[1521 + bit].value for bit in range(3)] == [1, 0, 1]
    assert found[GOOD] == (0, IV)
    assert state(PLAN, snapshot({IDS[0]: resource(setpoint_mw=None)}))[GOOD] == (0, 0)
    assert found[2001] == Shown(Directive.NO_DATA, IV | NT)  # a resource the snapshot does not hold


@pytest.mark.parametrize("quality", [Quality.GOOD, Quality.UNCERTAIN, Quality.FORCED])
def test_no_object_stays_valid_when_the_loop_stands_still(quality: Quality) -> None:
    found = state(PLAN, without_trust(snapshot(dict.fromkeys(IDS, resource(quality)))))
    assert all(flags & IV for _, flags in found.values())
    assert found[1001].value == Directive.HOLD


def test_what_is_told_is_a_new_quality_or_a_value_beyond_the_deadband() -> None:
    before = {1: Shown(10.0, 0), 2: Shown(10.0, 0), 3: Shown(10.0, 0), 4: Shown(math.nan, IV), 5: Shown(math.nan, IV)}
    after = {1: Shown(10.4, 0), 2: Shown(10.5, 0), 3: Shown(10.0, NT), 4: Shown(float("nan"), IV), 5: Shown(1.0, IV)}
    assert set(changes(before, after, dict.fromkeys(before, 0.5))) == {2, 3, 5}
    assert set(changes(before, after, {})) == {1, 2, 3, 5}


@given(st.lists(st.floats(-500, 500), max_size=20), st.floats(0, 5))
@settings(max_examples=40)
def test_what_was_told_is_never_further_off_than_the_deadband(course: list[float], deadband: float) -> None:
    told = {1: Shown(0.0, 0)}
    for value in course:
        told |= changes(told, {1: Shown(value, 0)}, {1: deadband})
        assert abs(told[1].value - value) <= deadband


def test_a_node_has_its_block() -> None:
    shown_state = state(PLAN, replace(snapshot(), nodes={}))
    assert shown_state[8_000_001] == Shown(Quality.INIT, IV | NT)
    assert values.types(PLAN).keys() == shown_state.keys()
