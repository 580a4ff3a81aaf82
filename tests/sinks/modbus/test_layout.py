"""The printed map: addresses never move, never overlap, and each block is readable in one request."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace

import pytest

from caiso_ads.core.points import GATEWAY_POINTS, RESOURCE_POINTS, Kind, Snapshot
from caiso_ads.sinks.modbus import Config, layout
from caiso_ads.sinks.modbus.layout import Plan, Row

PLAN = Plan(("A", "B", "C"))


def found(key: str, resource: str = "", base: int = 1000) -> Row:
    return next(r for r in layout.rows(PLAN) if r.key == key and r.resource == resource and r.pdu >= base)


def test_the_addresses_of_map_version_1_have_not_moved() -> None:
    assert layout.MAP_VERSION == 1
    assert [(p.key, found(p.key).pdu) for p in GATEWAY_POINTS][:7] == [
        ("heartbeat", 1016), ("utc_time", 1018), ("environment", 1020), ("link_age_s", 1022), ("store_ok", 1024),
        ("unacknowledged_batches", 1026), ("unreadable_batches", 1028),
    ]  # fmt: skip
    assert [(p.key, found(p.key, "A").pdu) for p in RESOURCE_POINTS][:18] == [
        ("directive", 1116), ("reasons", 1118), ("quality", 1120), ("setpoint_mw", 1122), ("dop_mw", 1124),
        ("dot_mw", 1126), ("dot_target_time", 1128), ("next_dot_mw", 1130), ("next_dot_target_time", 1132),
        ("seconds_to_next_target", 1134), ("supplemental_mw", 1136), ("follow_dot_flag", 1138),
        ("trajectory_end_time", 1140), ("trajectory_age_s", 1142), ("dispatch_age_s", 1144), ("schedule_age_s", 1146),
        ("pmin_mw", 1148), ("pmax_mw", 1150),
    ]  # fmt: skip


def test_each_block_is_one_hundred_registers_with_the_snapshot_id_first_and_last() -> None:
    for base, resource in ((1000, ""), (1100, "A"), (1200, "B"), (1300, "C")):
        block = [row for row in layout.rows(PLAN) if row.table == "register" and base <= row.pdu < base + 100]
        assert {row.resource for row in block} == {resource}
        assert (block[0].key, block[0].pdu, block[0].count) == ("snapshot_id", base, 2)
        assert (block[-1].key, block[-1].pdu, block[-1].count) == ("snapshot_id", base + 98, 2)
        assert layout.BLOCK <= layout.MAX_REGISTERS


@pytest.mark.parametrize("legacy", [True, False])
def test_no_two_rows_share_an_address_and_32_bit_values_stand_even(legacy: bool) -> None:  # noqa: FBT001 - a parameter
    rows = layout.rows(Plan(("A", "B"), legacy=legacy))
    for table in ("register", "bit"):
        used = [row.pdu + n for row in rows if row.table == table for n in range(row.count)]
        assert len(used) == len(set(used))
        assert used == sorted(used)
    assert all(row.pdu % 2 == 0 for row in rows if row.type in ("float32", "uint32"))


def test_the_catalogue_leaves_room_in_the_block() -> None:
    assert len(RESOURCE_POINTS) <= layout.SLOTS
    assert len(GATEWAY_POINTS) <= layout.SLOTS
    assert layout.slot(layout.SLOTS) == layout.TEXT
    assert layout.TEXT + layout.TEXT_REGISTERS == layout.TRAILER


def test_each_kind_of_point_has_a_type() -> None:
    assert set(layout.TYPES) == set(Kind)


def test_the_checksum_takes_the_last_slot_of_the_header() -> None:
    assert (layout.CHECKSUM, len(GATEWAY_POINTS) <= layout.HEADER_SLOTS) == (layout.slot(layout.SLOTS - 1), True)
    row = found("map_checksum")
    assert (row.pdu, row.count, row.type) == (1078, 2, "uint32")


def test_the_header_has_all_a_master_checks_before_it_believes_a_value() -> None:
    header = [(row.key, row.pdu) for row in layout.rows(PLAN) if 1000 <= row.pdu < 1100]
    wanted = [("snapshot_id", 1000), ("map_version", 1002), *(("byte_order_check", 1004 + 2 * n) for n in range(4))]
    wanted += [("heartbeat", 1016), ("utc_time", 1018), ("map_checksum", 1078), ("snapshot_id", 1098)]
    assert [one for one in header if one in wanted] == wanted


def test_the_checksum_can_be_made_from_the_printed_rows_without_their_explanations() -> None:
    lines = [
        f"{r.unit_id}\t{r.table}\t{r.pdu}\t{r.count}\t{r.resource}\t{r.key}\t{r.type}\t{r.word_order}\t{r.scale}\t{r.unit}"
        for r in layout.rows(PLAN)
    ]
    assert layout.checksum(PLAN) == zlib.crc32("\n".join(["map version 1", *lines]).encode())
    assert f"checksum 0x{layout.checksum(PLAN):08X} ({layout.checksum(PLAN)})" in layout.notes(PLAN)[0]


def test_whatever_moves_a_number_changes_the_checksum() -> None:
    ids, nodes = ("A", "B"), ("N", "M")
    default = Config().plan(ids, nodes)
    others = [
        Config().plan(("B", "A"), nodes),
        Config().plan(("A",), nodes),
        Config().plan(("A", "C"), nodes),
        Config().plan(ids, ("M", "N")),
        Config().plan(ids, ()),
        *[
            Config(**keys).plan(ids, nodes)
            for keys in (
                {"native_base": 2000}, {"price_base": 40_000}, {"legacy_map": False}, {"unit_id": 2},
                {"units": "per-resource"}, {"units": "per-resource", "first_unit": 5}, {"word_order": "CDAB"},
                {"word_order": "BADC"}, {"scaled_base": 40_000}, {"scaled_base": 42_000},
                {"scaled_base": 40_000, "int16_mw_scale": -2}, {"scaled_price_base": 40_000},
            )
        ],
        replace(default, extras=(Spot(1, 50_000),)),
        replace(default, extras=(Spot(1, 50_001),)),
    ]  # fmt: skip
    sums = [layout.checksum(plan) for plan in (default, *others)]
    assert len(set(sums)) == len(sums)
    assert layout.checksum(Config(port=1, max_connections=3).plan(ids, nodes)) == sums[0]


@dataclass(frozen=True)
class Spot:
    """One register of a plant's own."""

    unit_id: int
    base: int
    table: str = "register"
    count: int = 1

    def rows(self) -> list[Row]:
        return [Row(self.table, self.base, 1, "A", "own", "uint16", "", "", "", self.unit_id)]

    def render(self, snapshot: Snapshot) -> bytes:
        return struct.pack(">H", snapshot.generation)


def test_rows_go_unit_by_unit_registers_first_and_extras_stand_at_their_address() -> None:
    plan = replace(Plan(("A", "B"), unit_id=3, first_unit=4, native_base=2000), extras=(Spot(4, 1500), Spot(3, 150)))
    rows = layout.rows(plan)
    assert [row.unit_id for row in rows] == sorted(row.unit_id for row in rows)
    for unit in (3, 4, 5):
        shown = [(row.table == "bit", row.pdu) for row in rows if row.unit_id == unit]
        assert shown == sorted(shown)
    assert [(row.unit_id, row.pdu) for row in rows if row.key == "own"] == [(3, 150), (4, 1500)]
    assert {row.resource for row in rows if row.unit_id == 5} == {"", "B"}
    setpoints = [(row.unit_id, row.resource, row.pdu) for row in rows if row.key == "setpoint_mw"]
    assert setpoints == [(3, "A", 2122), (3, "B", 2222), (4, "A", 2122), (5, "B", 2122)]
    assert "Unit 3 has everything; units 4 to 5" in "\n".join(layout.notes(plan))


@pytest.mark.parametrize("order", ["ABCD", "CDAB", "BADC", "DCBA"])
def test_each_32_bit_row_names_the_order_and_the_legacy_map_keeps_its_own(order: str) -> None:
    rows = [row for row in layout.rows(Plan(("A",), word_order=order)) if row.key != "byte_order_check"]
    assert {row.word_order for row in rows if row.count == 2 and row.pdu >= 1000} == {order}
    assert {row.word_order for row in rows if row.type == "float32" and row.pdu < 100} == {"CDAB"}
    assert {row.word_order for row in rows if row.count != 2 and row.pdu >= 100} == {""}


def test_a_clash_names_both_rows_of_one_unit_and_table() -> None:
    def row(unit: int, table: str, pdu: int, count: int) -> Row:
        return Row(table, pdu, count, "", f"{table} {pdu}", "", "", "", "", unit)

    apart = [row(1, "register", 10, 2), row(1, "register", 12, 1), row(2, "register", 10, 2), row(1, "bit", 11, 1)]
    assert layout.clash(apart) is None
    assert layout.clash([*apart, row(1, "register", 11, 1)]) == (apart[0], row(1, "register", 11, 1))
    assert layout.clash([*apart, row(1, "register", 5, 6)]) == (row(1, "register", 5, 6), apart[0])


def test_the_constant_stands_in_all_four_orders() -> None:
    a, b, c, d = struct.pack(">f", 123.456)
    assert layout.constants() == b"".join(map(bytes, ((a, b, c, d), (c, d, a, b), (b, a, d, c), (d, c, b, a))))
    orders = [row.word_order for row in layout.rows(PLAN) if row.key == "byte_order_check" and not row.resource]
    assert orders == ["ABCD", "CDAB", "BADC", "DCBA"]


def test_the_legacy_plan_is_that_of_the_2018_scripts() -> None:
    rows = {(row.table, row.pdu): row for row in layout.rows(PLAN)}
    assert [(rows["register", pdu].resource, rows["register", pdu].key) for pdu in (0, 2, 4)] == [
        ("A", "dop_mw"), ("B", "dop_mw"), ("C", "dop_mw"),
    ]  # fmt: skip
    assert [rows["register", pdu].key for pdu in (20, 22, 24, 50)] == ["supplemental_mw"] * 3 + ["(prices)"]
    assert rows["register", 0].word_order == "CDAB"
    assert [rows["bit", n].key for n in range(4)] == ["good", "loop", "trajectory_fresh", "dispatch_fresh"]
    assert [rows["bit", 100 + n].resource for n in range(3)] == ["A", "B", "C"]


def test_numbers_are_one_based_and_grow_a_digit_past_9999() -> None:
    def number(table: str, pdu: int) -> str:
        return Row(table, pdu, 1, "", "", "", "", "", "").number

    assert number("register", 0) == "40001 / 30001"
    assert number("register", 9998) == "49999 / 39999"
    assert number("register", 9999) == "410000 / 310000"
    assert number("register", 65_535) == "465536 / 365536"
    assert number("bit", 100) == "10101 / 00101"


def test_more_than_ten_resources_are_said_to_exceed_the_legacy_map() -> None:
    ids = tuple(f"R{number}" for number in range(12))
    rows = layout.rows(Plan(ids))
    legacy = [row for row in rows if row.table == "register" and row.pdu < 40]
    assert [row.resource for row in legacy if row.key == "dop_mw"] == list(ids[:10])
    assert [row.pdu for row in legacy if row.key == "supplemental_mw"] == list(range(20, 40, 2))
    assert "2 more" in layout.notes(Plan(ids))[-1]
    assert not any("more are" in line for line in layout.notes(Plan(ids[:10])))
    assert [row.resource for row in rows if row.table == "bit"][4:] == list(ids)
