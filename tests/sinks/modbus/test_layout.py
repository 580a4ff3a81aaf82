"""The printed map: addresses never move, never overlap, and each block is readable in one request."""

from __future__ import annotations

import struct

import pytest

from caiso_ads.core.points import GATEWAY_POINTS, RESOURCE_POINTS, Kind
from caiso_ads.sinks.modbus import layout
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
