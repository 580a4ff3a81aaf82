"""Scaled twins: places that never move, scales that never change, and nothing clamped."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from caiso_ads.core.points import NODE_POINTS, RESOURCE_POINTS
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.sinks.modbus import Config
from caiso_ads.sinks.modbus.image import Image, Renderer
from caiso_ads.sinks.modbus.scaled import BLOCKS, Exponents
from tests.sinks.modbus.snapshots import AT, IDS, nothing_known, resource, snapshot

BASE = 40_000
SLOT = {point.key: index for index, point in enumerate(RESOURCE_POINTS)}


def image(shown: Any = None, **keys: Any) -> Image:
    plan = Config(scaled_base=BASE, **keys).plan(IDS)
    return Renderer(plan).render(snapshot() if shown is None else shown)


def int32(image: Image, key: str, base: int = BASE + BLOCKS) -> tuple[int, int]:
    """Return raw and scale, from the places the documentation names."""
    data = image.units[1].registers(base, 100) or b""
    return struct.unpack_from(">i", data, 2 * (2 + 2 * SLOT[key]))[0], struct.unpack_from(
        ">h", data, 2 * (66 + SLOT[key])
    )[0]


def int16(image: Image, key: str, base: int = BASE + BLOCKS + 100) -> tuple[int, int]:
    data = image.units[1].registers(base, 100) or b""
    return struct.unpack_from(">h", data, 2 * (2 + SLOT[key]))[0], struct.unpack_from(">h", data, 2 * (34 + SLOT[key]))[
        0
    ]


def test_a_good_resource_reads_as_whole_numbers_with_their_scales() -> None:
    shown = image()
    assert (int32(shown, "setpoint_mw"), int16(shown, "setpoint_mw")) == ((150_250, -3), (1502, -1))
    assert (int32(shown, "supplemental_mw"), int16(shown, "supplemental_mw")) == ((-22_000, -3), (-220, -1))
    assert (int32(shown, "directive"), int16(shown, "directive")) == ((Directive.FOLLOW, 0), (Directive.FOLLOW, 0))
    assert (int32(shown, "quality"), int16(shown, "quality")) == ((Quality.GOOD, 0), (Quality.GOOD, 0))
    assert int32(shown, "dot_target_time") == (int(AT.timestamp()), 0)
    assert int16(shown, "dot_target_time") == (-0x8000, 0)  # no 16 bits hold a time


def test_the_step_of_int16_is_configured() -> None:
    shown = image(int16_mw_scale=-2)
    assert (int16(shown, "setpoint_mw"), int32(shown, "setpoint_mw")) == ((15_025, -2), (150_250, -3))


@pytest.mark.parametrize("mw", [3276.8, -3276.8, 1e9])
def test_what_does_not_fit_is_no_value_and_never_a_bound(mw: float) -> None:
    shown = image(snapshot({IDS[0]: resource(setpoint_mw=mw)}))
    assert int16(shown, "setpoint_mw") == (-0x8000, -1)
    assert int32(shown, "setpoint_mw") == ((-0x80000000, -3) if mw == 1e9 else (round(mw * 1000), -3))
    block = shown.units[1].registers(1100, 100) or b""
    assert struct.unpack_from(">f", block, 44)[0] == pytest.approx(mw)
    assert struct.unpack_from(">I", block, 28)[0] >> SLOT["setpoint_mw"] & 1  # the float is good all the same


def test_before_anything_is_known_there_is_no_value_but_the_scales_stand() -> None:
    shown = image(nothing_known())
    assert (int32(shown, "setpoint_mw"), int16(shown, "setpoint_mw")) == ((-0x80000000, -3), (-0x8000, -1))
    assert (int32(shown, "directive"), int32(shown, "quality")) == ((Directive.NO_DATA, 0), (Quality.INIT, 0))


def test_a_stopped_loop_is_not_followed_in_the_twins_either() -> None:
    plan = Config(scaled_base=BASE).plan(IDS)
    shown = Renderer(plan).render(snapshot(), live=False)
    assert int32(shown, "directive") == int16(shown, "directive") == (Directive.HOLD, 0)
    assert int32(shown, "quality") == int16(shown, "quality") == (Quality.BAD_COMM, 0)
    assert int32(shown, "setpoint_mw") == (150_250, -3)


def test_each_block_begins_and_ends_with_the_snapshot() -> None:
    view = image(snapshot(generation=2**32 + 9)).units[1]
    for base in range(BASE, BASE + 3 * BLOCKS, 100):
        data = view.registers(base, 100) or b""
        assert data[:4] == data[-4:] == b"\0\0\0\x09"
    assert view.registers(BASE + 3 * BLOCKS - 1, 2) is None
    assert view.registers(BASE - 1, 2) is None


def test_a_read_over_two_blocks_joins_them() -> None:
    view = image().units[1]
    whole = b"".join(view.registers(base, 100) or b"" for base in range(BASE, BASE + 3 * BLOCKS, 100))
    assert view.registers(BASE + 90, 120) == whole[180:420]


def test_each_resource_unit_has_the_twins_of_its_own_resource_where_the_first_one_has_them() -> None:
    shown = image(snapshot({IDS[0]: resource(), IDS[1]: resource(setpoint_mw=-7.5)}), units="per-resource")
    second = shown.units[3].registers(BASE + BLOCKS, 100)
    assert second == shown.units[1].registers(BASE + 2 * BLOCKS, 100)
    assert second != shown.units[2].registers(BASE + BLOCKS, 100)
    assert shown.units[3].registers(BASE, 120) == shown.units[1].registers(BASE, 120)
    assert shown.units[3].registers(BASE + 2 * BLOCKS, 1) is None


def test_every_unit_of_measure_has_a_scale() -> None:
    for point in (*RESOURCE_POINTS, *NODE_POINTS):
        for wide in (True, False):
            assert -4 <= Exponents().of(point, wide) <= 0
    price = next(point for point in NODE_POINTS if point.unit == "USD/MWh")
    assert [Exponents().of(price, wide) for wide in (True, False)] == [-4, -1]
