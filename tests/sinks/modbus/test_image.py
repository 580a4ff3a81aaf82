"""What registers hold: one snapshot, each kind decoded back, and never a 0 for a value we do not have."""

from __future__ import annotations

import math
import struct
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads import __version__
from caiso_ads.core.points import GATEWAY_POINTS, RESOURCE_POINTS, Kind, PointValue, Snapshot
from caiso_ads.core.quality import Directive, Quality, Reason
from caiso_ads.sinks._trust import without_trust
from caiso_ads.sinks.modbus import layout
from caiso_ads.sinks.modbus.blocks import Block
from caiso_ads.sinks.modbus.image import Image, Renderer
from caiso_ads.sinks.modbus.layout import Plan
from tests.sinks.modbus.snapshots import AT, IDS, nothing_known, resource, slots, snapshot

RENDERER = Renderer(Plan(IDS))
NAN = b"\x7f\xc0\x00\x00"


def block(image: Image, index: int = 0) -> bytes:
    data = image.units[1].registers(1100 + 100 * index, 100)
    assert data is not None
    return data


def legacy_float(image: Image, address: int) -> float:
    data = image.units[1].registers(address, 2)
    assert data is not None
    low, high = struct.unpack(">HH", data)
    return float(struct.unpack(">f", struct.pack(">HH", high, low))[0])


def bit(image: Image, number: int) -> bool:
    """Read an input by its 1-based number, such as 10001."""
    data = image.units[1].discrete(number - 10_001, 1)
    assert data is not None
    return data == b"\x01"


def test_a_good_resource_reads_back_point_by_point() -> None:
    found = slots(RESOURCE_POINTS, block(RENDERER.render(snapshot())))
    assert found["directive"] == Directive.FOLLOW
    assert found["quality"] == Quality.GOOD
    assert found["setpoint_mw"] == 150.25
    assert found["supplemental_mw"] == -22.0
    assert found["dot_target_time"] == int(AT.timestamp())
    assert math.isnan(found["next_dot_mw"])


def test_the_header_reads_back() -> None:
    data = RENDERER.render(snapshot(generation=9)).units[1].registers(1000, 100)
    assert data is not None
    assert struct.unpack_from(">IHH", data) == (9, 1, 2)
    assert slots(GATEWAY_POINTS, data)["heartbeat"] == 5
    assert data[160:196].rstrip(b"\0").decode() == f"caiso-ads {__version__}"


def test_the_snapshot_id_is_the_low_32_bits_of_the_generation_at_both_ends() -> None:
    image = RENDERER.render(snapshot(generation=2**32 + 7))
    for index in (0, 1):
        data = block(image, index)
        assert data[:4] == data[-4:] == b"\0\0\0\x07"
        assert struct.unpack_from(">H", data, 6) == (index + 1,)
        assert data[160:196].rstrip(b"\0").decode() == IDS[index]


def test_present_and_good_tell_each_point() -> None:
    _, present, good = struct.unpack_from(">24sII", block(RENDERER.render(snapshot())))
    known = {index for index, point in enumerate(resource()) if point.value is not None}
    assert {n for n in range(32) if present >> n & 1} == known
    assert good == present
    _, present, good = struct.unpack_from(
        ">24sII", block(RENDERER.render(snapshot({IDS[0]: resource(Quality.BAD_COMM)})))
    )
    assert (present > 0, good) == (True, 0)


def test_before_anything_is_known_no_float_is_a_number_and_no_bit_is_good() -> None:
    image = RENDERER.render(nothing_known())
    found = slots(RESOURCE_POINTS, block(image))
    assert (found["directive"], found["quality"]) == (Directive.NO_DATA, Quality.INIT)
    for point in RESOURCE_POINTS:
        if point.kind is Kind.NUMBER:
            assert math.isnan(found[point.key])
        elif point.key not in ("directive", "quality"):
            assert found[point.key] in (0xFFFF, 0xFFFFFFFF)
    assert all(math.isnan(legacy_float(image, address)) for address in range(0, 100, 2))
    assert image.units[1].discrete(0, 102) == b"\x02" + bytes(12)  # only 10002: the loop lives


def test_a_held_value_keeps_its_number_with_bad_quality() -> None:
    image = RENDERER.render(snapshot({IDS[0]: resource(Quality.BAD_COMM, directive=Directive.HOLD)}))
    found = slots(RESOURCE_POINTS, block(image))
    assert (found["setpoint_mw"], found["quality"]) == (150.25, Quality.BAD_COMM)
    assert legacy_float(image, 0) == 149.5
    assert not bit(image, 10001)


def test_a_resource_the_snapshot_does_not_know_reads_as_no_data() -> None:
    image = RENDERER.render(snapshot({IDS[0]: resource()}))
    assert block(image, 1)[24:32] == struct.pack(">II", 0b101, 0)
    assert slots(RESOURCE_POINTS, block(image, 1))["directive"] == Directive.NO_DATA


def test_unused_slots_read_as_no_value_so_that_a_newer_point_is_never_0() -> None:
    data = RENDERER.render(snapshot()).units[1].registers(1000, 100)
    assert data is not None
    assert set(data[2 * (16 + 2 * len(GATEWAY_POINTS)) : 156]) == {0xFF}


def test_the_last_slot_of_a_resource_is_taken_and_a_point_more_is_refused() -> None:
    assert len(RESOURCE_POINTS) == layout.SLOTS
    with pytest.raises(ValueError, match="33 points"):
        Block((*RESOURCE_POINTS, RESOURCE_POINTS[0]))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 3.5e38, -1e300])
def test_what_is_no_float32_is_no_value(value: float) -> None:
    image = RENDERER.render(snapshot({IDS[0]: resource(setpoint_mw=value, dop_mw=value)}))
    data = block(image)
    assert data[2 * 22 : 2 * 24] == data[2 * 24 : 2 * 26] == NAN
    assert not struct.unpack_from(">I", data, 24)[0] & 0b11000
    assert math.isnan(legacy_float(image, 0))
    assert not bit(image, 10001)
    assert not bit(image, 10101)


ODD: list[tuple[str, Any, float]] = [
    ("directive", 0xFFFF, 0xFFFF),
    ("directive", -1, 0xFFFF),
    ("directive", AT, 0xFFFF),
    ("reasons", 0x1_8000_0001, 0x8000_0001),
    ("reasons", -1, 0xFFFFFFFF),
    ("dot_target_time", 12, 0xFFFFFFFF),
    ("dot_target_time", datetime(1969, 1, 1, tzinfo=UTC), 0xFFFFFFFF),
    ("dot_target_time", datetime(2106, 2, 8, tzinfo=UTC), 0xFFFFFFFF),
    ("dot_target_time", datetime(1970, 1, 1, tzinfo=UTC), 0),
]


@pytest.mark.parametrize(("key", "value", "read"), ODD)
def test_values_at_the_edge_wrap_or_are_no_value(key: str, value: Any, read: float) -> None:
    image = RENDERER.render(snapshot({IDS[0]: resource(**{key: value})}))
    assert slots(RESOURCE_POINTS, block(image))[key] == read


def test_a_counter_wraps() -> None:
    data = RENDERER.render(snapshot(heartbeat=2**32 + 3)).units[1].registers(1000, 100)
    assert data is not None
    assert slots(GATEWAY_POINTS, data)["heartbeat"] == 3


def test_legacy_floats_stand_low_word_first_in_configured_order() -> None:
    image = RENDERER.render(snapshot({IDS[1]: resource(dop_mw=-1.5), IDS[0]: resource(dop_mw=150.0)}))
    assert image.units[1].registers(0, 4) == bytes.fromhex("00004316 0000bfc0")
    assert legacy_float(image, 20) == -22.0


GOOD_BIT: list[tuple[str, dict[str, tuple[PointValue, ...]], tuple[bool, bool, bool]]] = [
    ("both good", {IDS[0]: resource(), IDS[1]: resource()}, (True, True, True)),
    ("one uncertain", {IDS[0]: resource(), IDS[1]: resource(Quality.UNCERTAIN)}, (False, True, False)),
    ("one without setpoint", {IDS[0]: resource(), IDS[1]: resource(setpoint_mw=None)}, (False, True, False)),
    ("one without operating point", {IDS[0]: resource(dop_mw=None), IDS[1]: resource()}, (False, True, True)),
    ("one not in the snapshot", {IDS[0]: resource()}, (False, True, False)),
    ("none known", dict.fromkeys(IDS, resource(Quality.INIT, setpoint_mw=None)), (False, False, False)),
]  # fmt: skip


@pytest.mark.parametrize(("resources", "bits"), [row[1:] for row in GOOD_BIT], ids=[row[0] for row in GOOD_BIT])
def test_10001_is_1_only_when_all_are_good(
    resources: dict[str, tuple[PointValue, ...]], bits: tuple[bool, bool, bool]
) -> None:
    image = RENDERER.render(snapshot(resources))
    assert (bit(image, 10001), bit(image, 10101), bit(image, 10102)) == bits


@pytest.mark.parametrize("quality", [quality for quality in Quality if quality is not Quality.GOOD])
def test_no_other_quality_than_good_sets_a_good_bit(quality: Quality) -> None:
    image = RENDERER.render(snapshot(dict.fromkeys(IDS, resource(quality))))
    assert (bit(image, 10001), bit(image, 10101), bit(image, 10102)) == (False, False, False)


def test_without_any_resource_nothing_is_good() -> None:
    image = Renderer(Plan(())).render(snapshot())
    assert image.units[1].discrete(0, 4) == b"\x02"


@pytest.mark.parametrize(("age", "fresh"), [(0.0, True), (419.9, True), (420.0, False), (None, False)])
def test_10003_and_10004_are_1_below_420_seconds(age: float | None, fresh: bool) -> None:  # noqa: FBT001 - a parameter
    image = RENDERER.render(snapshot({IDS[0]: resource(trajectory_age_s=age), IDS[1]: resource()}))
    assert (bit(image, 10003), bit(image, 10004)) == (fresh, True)
    image = RENDERER.render(snapshot({IDS[0]: resource(), IDS[1]: resource(dispatch_age_s=age)}))
    assert (bit(image, 10003), bit(image, 10004)) == (True, fresh)


def test_the_eleventh_resource_cannot_spoil_the_legacy_bits() -> None:
    ids = tuple(f"R{number}" for number in range(11))
    states = dict.fromkeys(ids, resource()) | {ids[10]: resource(Quality.BAD_DATA)}
    image = Renderer(Plan(ids)).render(snapshot(states))
    assert bit(image, 10001)
    assert bit(image, 10110)
    assert not bit(image, 10111)


def test_a_stopped_control_loop_is_not_taken_for_a_good_one() -> None:
    image = RENDERER.render(snapshot(), live=False)
    found = slots(RESOURCE_POINTS, block(image))
    assert found["setpoint_mw"] == 150.25
    assert (found["quality"], found["directive"]) == (Quality.BAD_COMM, Directive.HOLD)
    assert found["reasons"] == Reason.ADS_UNREACHABLE
    assert struct.unpack_from(">I", block(image), 28) == (0,)
    assert image.units[1].discrete(0, 102) == bytes(13)
    assert not image.live


@pytest.mark.parametrize("word", [Directive.RELEASE, Directive.TEST])
def test_without_the_loop_no_word_that_lets_the_plant_act_is_left(word: Directive) -> None:
    shown = without_trust(snapshot({IDS[0]: resource(Quality.GOOD, directive=word)}))
    assert shown.value(IDS[0], "directive").value == Directive.HOLD


def test_distrust_keeps_what_was_already_bad() -> None:
    before = snapshot({IDS[0]: resource(Quality.BAD_STALE, directive=Directive.NO_DATA, reasons=Reason.CLOCK_OFF)})
    after = without_trust(before)
    assert after.value(IDS[0], "quality").value == Quality.BAD_STALE
    assert after.value(IDS[0], "directive").value == Directive.NO_DATA
    assert after.value(IDS[0], "reasons").value == Reason.CLOCK_OFF


@pytest.mark.parametrize(
    ("address", "quantity", "there"),
    [
        (0, 100, True), (99, 1, True), (99, 2, False), (100, 1, False), (999, 1, False), (998, 4, False),
        (1000, 1, True), (1000, 125, True), (1299, 1, True), (1299, 2, False), (1300, 1, False), (65_535, 1, False),
        (65_535, 125, False), (0, 125, False),
    ],
)  # fmt: skip
def test_a_read_that_leaves_an_area_gets_nothing(address: int, quantity: int, there: bool) -> None:  # noqa: FBT001
    data = RENDERER.render(snapshot()).units[1].registers(address, quantity)
    assert (data is not None) == there
    assert data is None or len(data) == 2 * quantity


@pytest.mark.parametrize(
    ("address", "quantity", "there"),
    [(0, 102, True), (101, 1, True), (101, 2, False), (102, 1, False), (65_535, 1, False), (0, 2000, False)],
)
def test_bits_end_behind_the_last_resource(address: int, quantity: int, there: bool) -> None:  # noqa: FBT001
    assert (RENDERER.render(snapshot()).units[1].discrete(address, quantity) is not None) == there


def test_without_the_legacy_map_its_registers_and_bits_do_not_exist() -> None:
    image = Renderer(Plan(IDS, legacy=False)).render(snapshot())
    assert image.units[1].registers(0, 2) is None
    assert image.units[1].discrete(0, 1) is None
    assert image.units[1].discrete(99, 2) is None
    assert image.units[1].discrete(100, 2) == b"\x03"


def test_bits_are_packed_lowest_first() -> None:
    image = RENDERER.render(snapshot())
    assert image.units[1].discrete(0, 9) == b"\x0f\x00"
    assert image.units[1].discrete(99, 3) == b"\x06"


def test_the_native_map_moves_as_a_whole() -> None:
    image = Renderer(Plan(IDS, native_base=5000)).render(snapshot())
    assert image.units[1].registers(1000, 1) is None
    assert image.units[1].registers(5100, 200) == RENDERER.render(snapshot()).units[1].registers(1100, 200)


def test_a_catalogue_that_outgrows_the_block_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="33 points do not fit"):
        Block([RESOURCE_POINTS[0]] * 33)


def test_an_odd_resource_id_does_no_harm() -> None:
    odd = "Ü" * 50
    image = Renderer(Plan((odd,))).render(snapshot({odd: resource()}))
    assert block(image)[160:196] == b"?" * 36


NUMBERS = st.none() | st.floats() | st.integers(-(2**40), 2**40) | st.datetimes(timezones=st.just(UTC))


@given(st.lists(NUMBERS, min_size=len(RESOURCE_POINTS), max_size=len(RESOURCE_POINTS)), st.booleans())
def test_any_values_render_and_a_missing_one_is_never_0(items: list[Any], live: bool) -> None:  # noqa: FBT001
    state = tuple(PointValue(item, Quality.GOOD) for item in items)
    data = block(RENDERER.render(replace_resources(snapshot(), {IDS[0]: state}), live=live))
    found = slots(RESOURCE_POINTS, data)
    for index, (point, item) in enumerate(zip(RESOURCE_POINTS, items, strict=True)):
        if item is None and point.kind is Kind.NUMBER:
            assert math.isnan(found[point.key])
            assert not struct.unpack_from(">I", data, 24)[0] >> index & 1


def replace_resources(base: Snapshot, resources: dict[str, tuple[PointValue, ...]]) -> Snapshot:
    return replace(base, resources=resources)
