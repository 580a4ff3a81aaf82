"""A custom map shows every point where the plant wants it, and nothing that does not fit as if it did."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.core.points import Snapshot
from caiso_ads.core.quality import Directive, Quality, Reason
from caiso_ads.errors import ConfigError
from caiso_ads.sinks.modbus import Config, layout
from caiso_ads.sinks.modbus.image import Image, Renderer
from tests.sinks.modbus.snapshots import AT, IDS, nothing_known, resource, snapshot

HEAD = "point,resource,table,address,type,scale,node,unit\n"
ONE, TWO = IDS


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "map.csv"


def plan(file: Path, lines: str, **keys: Any) -> layout.Plan:
    """Return the plan of a custom map with these lines."""
    file.write_text(HEAD + lines, encoding="utf-8")
    return Config(custom_map=file, **keys).plan(IDS, ("TH_NP15",))


def image(file: Path, lines: str, shown: Snapshot | None = None, *, live: bool = True, **keys: Any) -> Image:
    """Return the image of a snapshot, by default the good one."""
    return Renderer(plan(file, lines, **keys)).render(shown or snapshot(), live=live)


def number(image: Image, form: str, address: int, unit: int = 1) -> float | int:
    """Return one number as a master reads it."""
    data = image.units[unit].registers(address, struct.calcsize(form) // 2)
    assert data is not None
    (found,) = struct.unpack(form, data)
    return found  # type: ignore[no-any-return]  # struct's


@pytest.mark.parametrize(
    ("kind", "scale", "form", "raw"),
    [
        ("int16", "0.1", ">h", 1502),  # 150.25 to the nearest even
        ("int16", "-0.1", ">h", -1502),
        ("uint16", "", ">H", 150),
        ("int32", "0.01", ">i", 15025),
        ("uint32", "0.001", ">I", 150250),
        ("float32", "", ">f", 150.25),
        ("float32", "1000", ">f", 0.15025),
        ("float32 CDAB", "", "<xxxx", 0),
    ],
)
def test_a_number_stands_in_its_type_and_scale(file: Path, kind: str, scale: str, form: str, raw: float) -> None:
    shown = image(file, f"setpoint_mw,{ONE},holding,20000,{kind},{scale},,\n")
    if kind.endswith("CDAB"):
        assert shown.units[1].registers(20000, 2) == bytes.fromhex("40004316")
    else:
        assert number(shown, form, 20000) == pytest.approx(raw, rel=1e-6)


BLANKS = [
    ("int16", "0.001", b"\x80\x00"),
    ("uint16", "0.001", b"\xff\xff"),
    ("int32", "0.00000001", b"\x80\x00\x00\x00"),
    ("uint32", "0.00000001", b"\xff\xff\xff\xff"),
    ("float32", "1e-39", b"\x7f\xc0\x00\x00"),
]


@pytest.mark.parametrize(("kind", "scale", "blank"), BLANKS)
def test_what_is_not_known_or_does_not_fit_is_never_a_number(file: Path, kind: str, scale: str, blank: bytes) -> None:
    lines = (
        f"setpoint_mw,{ONE},holding,20000,{kind},{scale},,\nsetpoint_mw.good,{ONE},holding,20002,uint16,,,\n"
        f"setpoint_mw.quality,{ONE},holding,20003,uint16,,,\nsetpoint_mw.present,{ONE},coil,20000,bit,,,\n"
        f"directive,{ONE},holding,20004,uint16,,,\nquality,{ONE},holding,20005,uint16,,,\n"
        f"reasons,{ONE},holding,20006,uint32,,,\ndirective.1,{ONE},coil,20001,bit,,,\n"
    )
    for first, quality in ((snapshot(), Quality.BAD_CONFIG), (nothing_known(), Quality.INIT)):
        view = image(file, lines, first).units[1]
        data = view.registers(20000, 8)
        assert data is not None
        assert data[: len(blank)] == blank
        good, told, directive, own, reasons = struct.unpack(">HHHHI", data[4:])
        assert (good, told, own) == (0, quality, quality)
        assert view.discrete(20000, 2) == b"\0"
        if first.generation:  # the value is there and good, and only this map cannot hold it
            assert (directive, reasons) == (Directive.HOLD, Reason.VALUE_REFUSED)


def test_what_fits_is_as_good_as_it_is(file: Path) -> None:
    lines = (
        f"setpoint_mw,{ONE},holding,20000,int16,0.1,,\nsetpoint_mw.good,{ONE},holding,20001,uint16,,,\n"
        f"setpoint_mw.quality,{ONE},holding,20002,uint16,,,\ndirective,{ONE},holding,20003,uint16,,,\n"
        f"quality,{ONE},holding,20004,uint16,,,\nsetpoint_mw.good,{ONE},coil,20000,bit,,,\n"
        f"directive.1,{ONE},coil,20001,bit,,,\n"
    )
    view = image(file, lines).units[1]
    assert view.registers(20001, 4) == struct.pack(">4H", 1, Quality.GOOD, Directive.FOLLOW, Quality.GOOD)
    assert view.discrete(20000, 2) == b"\3"
    aging = snapshot({ONE: resource(Quality.UNCERTAIN), TWO: resource()})
    view = image(file, lines, aging).units[1]
    assert view.registers(20001, 2) == struct.pack(">HH", 0, Quality.UNCERTAIN)
    assert view.discrete(20000, 1) == b"\0"


def test_a_stopped_loop_leaves_nothing_good(file: Path) -> None:
    lines = (
        f"setpoint_mw,{ONE},holding,20000,float32,,,\nsetpoint_mw.good,{ONE},holding,20002,uint16,,,\n"
        f"setpoint_mw.quality,{ONE},holding,20003,uint16,,,\ndirective,{ONE},holding,20004,uint16,,,\n"
        f"setpoint_mw.good,{ONE},coil,20000,bit,,,\ndirective.1,{ONE},coil,20001,bit,,,\n"
    )
    view = image(file, lines, live=False).units[1]
    assert view.registers(20000, 5) == struct.pack(">fHHH", 150.25, 0, Quality.BAD_COMM, Directive.HOLD)
    assert view.discrete(20000, 2) == b"\0"


def test_a_forced_value_its_register_cannot_hold_is_a_fault_of_the_map_too(file: Path) -> None:
    lines = f"setpoint_mw,{ONE},holding,20000,int16,0.001,,\nsetpoint_mw.quality,{ONE},holding,20001,uint16,,,\n"
    shown = image(file, lines, snapshot({ONE: resource(Quality.FORCED), TWO: resource()})).units[1]
    assert shown.registers(20000, 2) == struct.pack(">HH", 0x8000, Quality.BAD_CONFIG)


def test_counts_times_codes_and_bits(file: Path) -> None:
    lines = (
        "heartbeat,gateway,holding,20000,uint32,,,\nheartbeat,gateway,holding,20002,int16,,,\n"
        f"dot_target_time,{ONE},holding,20003,uint32,,,\ndirective,{ONE},holding,20005,float32,,,\n"
        f"reasons,{ONE},holding,20007,uint32,,,\nreasons.5,{ONE},coil,20000,bit,,,\nreasons.4,{ONE},coil,20001,bit,,,\n"
        "environment.2,gateway,coil,20002,bit,,,\n"
    )
    rows = {ONE: resource(reasons=int(Reason.RESOURCE_MISSING)), TWO: resource()}
    shown = image(file, lines, snapshot(rows, heartbeat=0x1_8005))
    assert number(shown, ">I", 20000) == 0x1_8005
    assert number(shown, ">h", 20002) == 5
    assert number(shown, ">I", 20003) == AT.timestamp()
    assert number(shown, ">f", 20005) == Directive.FOLLOW
    assert number(shown, ">I", 20007) == 32
    assert shown.units[1].discrete(20000, 3) == bytes([0b101])


def test_the_registers_are_beside_the_native_map_or_on_a_unit_of_their_own(file: Path) -> None:
    lines = f"setpoint_mw,{ONE},holding,200,float32,,,\nsetpoint_mw,{TWO},input,1000,float32,,,9\n"
    shown = image(file, lines)
    assert number(shown, ">f", 200) == 150.25
    assert number(shown, ">f", 1122) == 150.25
    assert number(shown, ">f", 1000, unit=9) == 150.25
    assert shown.units[1].registers(199, 2) is None
    assert shown.units[1].registers(202, 1) is None
    assert shown.units[9].registers(0, 1) is None
    assert shown.units[9].registers(1002, 1) is None
    assert shown.units[9].discrete(0, 1) is None
    assert plan(file, lines).unit_ids == (1, 9)


def test_a_gap_between_near_lines_can_be_read_over_and_holds_nothing(file: Path) -> None:
    lines = f"dop_mw,{ONE},holding,300,int16,,,\ndop_mw,{ONE},holding,424,int16,,,\ndop_mw,{ONE},holding,600,int16,,,\n"
    view = image(file, lines).units[1]
    data = view.registers(300, 125)
    assert data is not None
    assert data[2:-2] == b"\xff" * 246
    assert view.registers(425, 1) is None


def test_a_gap_that_the_native_map_fills_stays_its_own(file: Path) -> None:
    lines = f"dop_mw,{ONE},holding,999,int16,,,\ndop_mw,{ONE},holding,1300,int16,,,\n"
    shown = image(file, lines)
    assert number(shown, ">f", 1122) == 150.25
    assert shown.units[1].registers(998, 1) is None
    assert number(shown, ">h", 1300) == number(shown, ">h", 999) == 150


def test_bits_on_both_sides_of_the_native_ones_do_not_cover_them(file: Path) -> None:
    lines = f"dop_mw.good,{ONE},coil,99,bit,,,\ndop_mw.good,{ONE},coil,102,bit,,,\n"
    view = image(file, lines, legacy_map=False).units[1]
    assert (view.discrete(99, 1), view.discrete(100, 2), view.discrete(102, 1)) == (b"\1", b"\3", b"\1")
    assert view.discrete(99, 4) is None


@pytest.mark.parametrize(
    ("lines", "parts"),
    [
        (
            f"dop_mw,{ONE},holding,300,float32,,,\nsetpoint_mw,{TWO},input,301,int16,,,\n",
            (":3 column address: ", f"setpoint_mw of {TWO} (line 3, register 301)", f"dop_mw of {ONE} (line 2, register 300..301)"),
        ),
        (
            f"dop_mw,{ONE},holding,301,int16,,,\nheartbeat,gateway,holding,300,uint32,,,\n",
            (":3 column address: ", "heartbeat of gateway (line 3", f"dop_mw of {ONE} (line 2"),
        ),
        (
            f"dop_mw.good,{ONE},coil,300,bit,,,\ndop_mw.good,{TWO},discrete,300,bit,,,\n",
            (":3 column address: ", f"dop_mw.good of {TWO} (line 3, bit 300)", f"dop_mw.good of {ONE} (line 2, bit 300)"),
        ),
        (f"dop_mw,{ONE},holding,1123,int16,,,\n", (":2 column", f"dop_mw of {ONE} (line 2", f"setpoint_mw of {ONE} in the native map, 1122..1123")),
        (f"dop_mw,{ONE},holding,1079,int16,,,\n", (":2 column", "native map")),
        (f"dop_mw,{ONE},holding,1099,float32,,,\n", (":2 column", "snapshot_id of gateway in the native map")),
        (f"dop_mw,{ONE},holding,0,int16,,,\n", (":2 column", f"dop_mw of {ONE} in the native map, 0..1")),
        (f"dop_mw,{ONE},holding,30050,int16,,,\n", (":2 column", "reserved for a node")),
        (f"dop_mw.good,{ONE},coil,100,bit,,,\n", (":2 column", f"good of {ONE} in the native map")),
        (f"dop_mw.good,{ONE},coil,50,bit,,,\n", (":2 column", "reserved in the legacy map")),
        (f"dop_mw,{ONE},holding,42,int16,,,\n", (":2 column", "reserved in the legacy map")),
        (f"dop_mw,{ONE},holding,40001,int16,,,\n", (":2 column", "in the native map")),
        (f"dop_mw,{ONE},holding,1000,int16,,,2\n", (":2 column", "in the native map")),
    ],
)  # fmt: skip
def test_two_points_at_one_place_are_both_named(file: Path, lines: str, parts: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as caught:
        plan(file, lines, scaled_base=40_000, units="per-resource")
    assert all(part in str(caught.value) for part in (str(file), *parts)), str(caught.value)
    assert caught.value.cure


def test_neighbours_and_other_units_do_not_overlap(file: Path) -> None:
    lines = f"dop_mw,{ONE},holding,300,float32,,,\ndop_mw,{ONE},holding,302,int16,,,\ndop_mw,{ONE},holding,300,int16,,,7\ndop_mw.good,{ONE},coil,300,bit,,,\n"
    assert plan(file, lines).extras
    file.write_text(f"{HEAD}dop_mw,{ONE},holding,29999,float32,,,\n", encoding="utf-8")
    assert Config(custom_map=file).plan(IDS).extras  # without nodes there is nothing at price_base


def test_the_printed_map_and_the_checksum_have_the_lines(file: Path) -> None:
    lines = f"setpoint_mw,{ONE},holding,300,int16,0.1,,\nsetpoint_mw.good,{ONE},coil,300,bit,,,9\n"
    first = plan(file, lines)
    rows = [row for row in layout.rows(first) if "custom map" in row.meaning]
    assert [(row.unit_id, row.number, row.key, row.type, row.worth) for row in rows] == [
        (1, "40301 / 30301", "setpoint_mw", "int16", 0.1),
        (9, "10301 / 00301", "setpoint_mw.good", "bit", 1.0),
    ]
    assert "one step is 0.1 MW (custom map, line 2)" in rows[0].meaning
    odd = plan(file, lines.replace("0.1", "2.5"))
    odder = plan(file, lines.replace("0.1", "3.5"))
    assert len({layout.checksum(one) for one in (first, odd, odder, Config().plan(IDS, ("TH_NP15",)))}) == 4
    assert [row.worth for row in layout.rows(odd) if row.key == "setpoint_mw" and row.pdu == 300] == [2.5]


@given(st.floats(allow_nan=True), st.sampled_from(["int16", "uint16", "int32", "uint32", "float32"]), st.floats())
@settings(max_examples=100)
def test_any_value_is_shown_right_or_not_at_all(value: float, kind: str, scale: float) -> None:
    from caiso_ads.core.points import PointValue
    from caiso_ads.sinks.modbus.custom import raw
    from caiso_ads.sinks.modbus.custom_file import Known, parse

    if not math.isfinite(scale) or scale == 0:
        scale = 1.0
    (entry,) = parse(f"{HEAD}dop_mw,{ONE},holding,1,{kind},{scale!r},,\n", Known(IDS, (), 1), "map.csv")
    found = raw(entry, PointValue(value, Quality.GOOD))
    if found is None:
        return
    struct.pack({"int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "float32": ">f"}[kind], found)
    assert kind == "float32" or isinstance(found, int)
    assert abs(found - value / scale) <= 0.5
