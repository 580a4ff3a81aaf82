"""Prices in the registers: blocks of their own, the old map's 40051 and 40053, and the bit 10006."""

from __future__ import annotations

import math
import struct
from dataclasses import replace
from typing import Any

import pytest

from caiso_ads.core.points import NODE_POINTS, PointValue, Snapshot
from caiso_ads.core.quality import Quality
from caiso_ads.sinks.modbus import Config, layout
from caiso_ads.sinks.modbus.image import Image, Renderer
from caiso_ads.sinks.modbus.layout import Plan
from tests.price_points import node
from tests.sinks.modbus.snapshots import AT, IDS, serving, slots, snapshot

NODES = ("TH_NP15_GEN-APND", "SUNRDG_7_N001")
PLAN = Plan(IDS, node_ids=NODES)


def shot(*points: tuple[PointValue, ...], names: tuple[str, ...] = NODES) -> Snapshot:
    return replace(snapshot(generation=77), nodes=dict(zip(names, points, strict=False)))


def image(*points: tuple[PointValue, ...], plan: Plan = PLAN, **keys: Any) -> Image:
    return Renderer(plan).render(shot(*points, names=plan.node_ids), **keys)


def legacy(shown: Image, number: int) -> float:
    """Read a float of the old map by its 1-based number, low word first, as an old master does."""
    low, high = struct.unpack(">HH", shown.units[1].registers(number - 40001, 2) or b"")
    value: float = struct.unpack(">f", struct.pack(">HH", high, low))[0]
    return value


def bit(shown: Image, number: int) -> int:
    return (shown.units[1].discrete(number - 10001, 1) or b"?")[0]


def test_each_node_has_a_block_of_the_same_form_at_its_own_base() -> None:
    shown = image(node(), node(Quality.BAD_STALE, active_lmp_usd_per_mwh=None))
    block = shown.units[1].registers(30_000, 100)
    assert block is not None
    assert struct.unpack_from(">IHH", block) == (77, 1, 1)
    assert struct.unpack_from(">I", block, 196) == (77,)
    assert block[160:196].rstrip(b"\0").decode() == NODES[0]
    points = slots(NODE_POINTS, block)
    assert points["active_lmp_usd_per_mwh"] == 31.25
    assert points["published_lmp_usd_per_mwh"] == -4.5
    assert points["quality"] == Quality.GOOD
    assert points["active_start_time"] == AT.timestamp()
    assert math.isnan(points["active_ghg_usd_per_mwh"])
    second = shown.units[1].registers(30_100, 100)
    assert second is not None
    assert slots(NODE_POINTS, second)["quality"] == Quality.BAD_STALE
    assert struct.unpack_from(">H", second, 6) == (2,)
    present, good = struct.unpack_from(">II", second, 24)
    assert not present & 1 << 1
    assert present & 1 << 8
    assert not good & 1 << 8


@pytest.mark.parametrize(("address", "quantity"), [(29_999, 1), (29_999, 2), (30_200, 1), (30_199, 2), (1300, 1)])
def test_beside_the_blocks_there_is_nothing(address: int, quantity: int) -> None:
    assert image(node(), node()).units[1].registers(address, quantity) is None
    assert Renderer(Plan(IDS)).render(snapshot()).units[1].registers(30_000, 1) is None


def test_the_old_map_has_published_and_active_of_twelve_nodes() -> None:
    names = tuple(f"N{number}" for number in range(13))
    points = [node(published_lmp_usd_per_mwh=float(k), active_lmp_usd_per_mwh=k + 0.5) for k in range(13)]
    shown = image(*points, plan=Plan(IDS, node_ids=names))
    for k in range(12):
        assert (legacy(shown, 40051 + 4 * k), legacy(shown, 40053 + 4 * k)) == (float(k), k + 0.5)
    assert math.isnan(legacy(shown, 40099))
    assert shown.units[1].registers(100, 1) is None
    assert "1 more" in layout.notes(Plan(IDS, node_ids=names))[-1]


@pytest.mark.parametrize("quality", [one for one in Quality if one is not Quality.GOOD])
def test_an_active_price_that_is_not_good_does_not_stand_in_the_old_map(quality: Quality) -> None:
    shown = image(node(quality), node())
    assert math.isnan(legacy(shown, 40053))
    assert legacy(shown, 40051) == -4.5  # held
    assert bit(shown, 10006) == 0
    assert legacy(shown, 40057) == 31.25


def test_a_published_price_never_confirmed_in_this_process_does_not_stand_in_the_old_map() -> None:
    assert math.isnan(legacy(image(node(Quality.INIT, answer_age_s=None)), 40051))
    assert math.isnan(legacy(image(node(Quality.BAD_COMM, answer_age_s=None)), 40051))


def test_the_bit_is_that_of_the_first_node_and_10005_stays_0() -> None:
    assert bit(image(node()), 10006) == 1
    assert bit(image(node(active_lmp_usd_per_mwh=None), node()), 10006) == 0
    assert bit(image(node(Quality.UNCERTAIN), node()), 10006) == 0
    assert bit(image(node()), 10005) == 0
    assert bit(Renderer(Plan(IDS)).render(snapshot()), 10006) == 0


def test_before_anything_is_known_there_is_no_number() -> None:
    shown = image()
    assert math.isnan(legacy(shown, 40051))
    block = shown.units[1].registers(30_000, 100)
    assert block is not None
    assert struct.unpack_from(">I", block, 24)[0] == 1 | 1 << 7  # the two qualities only, and they are INIT
    assert slots(NODE_POINTS, block)["quality"] == Quality.INIT


def test_when_the_loop_stops_nothing_is_active_any_more() -> None:
    shown = image(node(), node(Quality.BAD_STALE), live=False)
    assert math.isnan(legacy(shown, 40053))
    assert legacy(shown, 40051) == -4.5
    assert bit(shown, 10006) == 0
    points = [slots(NODE_POINTS, shown.units[1].registers(base, 100) or b"") for base in (30_000, 30_100)]
    assert math.isnan(points[0]["active_lmp_usd_per_mwh"])
    assert points[0]["published_lmp_usd_per_mwh"] == -4.5
    assert [one["quality"] for one in points] == [Quality.BAD_COMM, Quality.BAD_STALE]
    assert struct.unpack_from(">I", shown.units[1].registers(30_000, 100) or b"", 28) == (0,)


def test_the_printed_map_tells_the_same_places() -> None:
    rows = {(row.resource, row.key): row for row in layout.rows(PLAN) if row.resource in NODES and row.count <= 2}
    first, second = rows[NODES[0], "quality"], rows[NODES[1], "active_lmp_usd_per_mwh"]
    assert (first.pdu, second.pdu) == (30_016, 30_118)
    old = [(row.pdu, row.resource, row.key) for row in layout.rows(PLAN) if 50 <= row.pdu < 100 and row.table != "bit"]
    assert old == [
        (50, NODES[0], "published_lmp_usd_per_mwh"),
        (52, NODES[0], "active_lmp_usd_per_mwh"),
        (54, NODES[1], "published_lmp_usd_per_mwh"),
        (56, NODES[1], "active_lmp_usd_per_mwh"),
        (58, "", "(prices)"),
    ]
    assert [(row.pdu, row.resource) for row in layout.rows(PLAN) if row.key == "price_good"] == [(5, NODES[0])]


async def test_a_master_reads_them_over_the_wire() -> None:
    async with serving(shot(node(), node()), nodes=NODES) as running:
        master = await running.master()
        block = await master.registers(30_000, 100)
        assert slots(NODE_POINTS, block)["active_lmp_usd_per_mwh"] == 31.25
        assert await master.registers(52, 2) == bytes.fromhex("0000 41fa")
        assert await master.ask("02 0005 0001") == b"\x02\x01\x01"
        assert await master.ask("03 75f8 0001") == b"\x83\x02"  # 30200: one behind the last


def test_a_base_within_the_resources_or_too_far_up_is_refused_at_start() -> None:
    assert Config(price_base=1300).plan(IDS, NODES).node_base(1) == 1400
    with pytest.raises(Exception, match=r"price_base: 1298 lies within .* ends before register 1300"):
        Config(price_base=1298).plan(IDS, NODES)
    assert Config(price_base=1298).plan(IDS).node_ids == ()  # without nodes it does not matter
    with pytest.raises(Exception, match=r"room for 5$"):
        Config(price_base=65_000).plan(IDS, ("A",) * 6)
    with pytest.raises(Exception, match="even"):
        Config(price_base=30_001)
