"""Every row of the printed map, read back as a master reads it, is the snapshot's value: in each order and unit."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from caiso_ads import __version__
from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS, Kind, Point, PointValue, Snapshot, Value
from caiso_ads.core.quality import Quality
from caiso_ads.sinks.modbus import Config, layout
from caiso_ads.sinks.modbus.image import Renderer
from caiso_ads.sinks.modbus.layout import Row
from caiso_ads.sinks.modbus.orders import WORD_ORDERS
from tests.sinks.modbus.decoding import read_row
from tests.sinks.modbus.snapshots import AT, IDS

NODES = ("TH_NP15_GEN-APND", "NODE_2")
Make = Callable[[Random], Any]
_KINDS: dict[Kind, tuple[Make, ...]] = {
    Kind.NUMBER: (
        lambda draw: struct.unpack(">f", draw.randbytes(4))[0],
        lambda draw: draw.uniform(-4000, 4000),
        lambda draw: round(draw.uniform(-400, 400), 2),
        lambda _: 0.0,
    ),
    Kind.COUNT: (lambda draw: draw.getrandbits(32), lambda draw: draw.getrandbits(14)),
    Kind.BITS: (lambda draw: draw.getrandbits(32), lambda draw: 1 << draw.randrange(32)),
    Kind.CODE: (lambda draw: draw.randrange(65_535), lambda draw: draw.randrange(10)),
    Kind.TIME: (lambda draw: datetime.fromtimestamp(draw.randrange(2**32 - 1), UTC),),
}


def drawn(draw: Random, points: tuple[Point, ...]) -> tuple[PointValue, ...]:
    """Return any values; one in five is not known. NaN is one of the floats of four random bytes."""
    makes = [(lambda _: None) if draw.random() < 0.2 else draw.choice(_KINDS[point.kind]) for point in points]
    return tuple(PointValue(make(draw), draw.choice((Quality.GOOD, Quality.BAD_COMM))) for make in makes)


def some_snapshot(draw: Random) -> Snapshot:
    resources = {one: drawn(draw, RESOURCE_POINTS) for one in IDS}
    nodes = {one: drawn(draw, NODE_POINTS) for one in NODES}
    return Snapshot(draw.getrandbits(33), AT, drawn(draw, GATEWAY_POINTS), resources, nodes)


# Drawn from one number: a strategy for each of 200 values makes the search itself take minutes.
@given(
    st.integers(0, 2**64), st.sampled_from(WORD_ORDERS), st.sampled_from(("one", "per-resource")), st.integers(-3, 1)
)
@settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.generate))
def test_every_row_of_the_map_reads_back_as_the_value_of_the_snapshot(
    seed: int, order: Any, units: Any, mw: int
) -> None:
    snapshot = some_snapshot(Random(seed))
    config = Config(
        word_order=order, units=units, scaled_base=40_000, scaled_price_base=50_000, int16_mw_scale=mw, unit_id=9
    )
    plan = config.plan(IDS, NODES)
    image, checksum = Renderer(plan).render(snapshot), layout.checksum(plan)
    rows = layout.rows(plan)
    old = [row.table == "bit" or row.pdu < layout.LEGACY_REGISTERS for row in rows]
    orders = {row.word_order for row, is_old in zip(rows, old, strict=True) if is_old}
    assert orders == {"", "CDAB"}  # what they hold is held by tests of their own
    read = [(row, read_row(image, row)) for row, is_old in zip(rows, old, strict=True) if not is_old]
    assert [found for found in read if not as_expected(*found, snapshot, checksum, order)] == []


def as_expected(row: Row, read: Any, snapshot: Snapshot, checksum: int, order: str) -> bool:
    """Whether a row reads as it must; KeyError for a row this test does not know."""
    known: dict[str, Any] = {
        "snapshot_id": snapshot.generation & 0xFFFFFFFF,
        "map_version": 1,
        "position": position(row.resource),
        "map_checksum": checksum,
        "byte_order_check": struct.unpack(">f", struct.pack(">f", 123.456))[0],
        "text": row.resource or f"caiso-ads {__version__}",
        **masks(points_of(row, snapshot)),
    }
    if row.key in known:
        return bool(read == known[row.key]) and (row.key == "byte_order_check" or row.word_order in ("", order))
    if row.key.endswith("_scale"):
        return f"{read}, always" in row.meaning
    return same(row, read, *points_of(row, snapshot)[row.key])


def points_of(row: Row, snapshot: Snapshot) -> Mapping[str, tuple[Kind, PointValue]]:
    points, values = GATEWAY_POINTS, snapshot.gateway
    if row.resource in snapshot.nodes:
        points, values = NODE_POINTS, snapshot.nodes[row.resource]
    elif row.resource:
        points, values = RESOURCE_POINTS, snapshot.resources[row.resource]
    return {point.key: (point.kind, value) for point, value in zip(points, values, strict=True)}


def position(resource: str) -> int:
    if not resource:
        return len(IDS)
    return (IDS if resource in IDS else NODES).index(resource) + 1


def masks(points: Mapping[str, tuple[Kind, PointValue]]) -> dict[str, int]:
    present = good = 0
    for bit, (_, item) in enumerate(points.values()):
        known = is_known(item.value)
        present |= known << bit
        good |= (known and item.quality is Quality.GOOD) << bit
    return {"present": present, "good": good}


def is_known(value: Value) -> bool:
    return value is not None and (isinstance(value, datetime) or math.isfinite(value))


def same(row: Row, read: Any, kind: Kind, item: PointValue) -> bool:
    """Whether what was read is the value, as near as the row's type can tell it; or its sign of having none."""
    value = item.value
    if row.type in ("int16", "int32"):
        limit = 2**15 - 1 if row.type == "int16" else 2**31 - 1
        if value is None or not is_known(value):
            return bool(read == -limit - 1)
        plain = value.timestamp() // 1 if isinstance(value, datetime) else value
        exact = Decimal(plain).scaleb(-row.scale)
        if read == -limit - 1:
            return abs(exact) > limit - 1
        return bool(abs(read) <= limit and abs(read - exact) <= Decimal("0.500001"))
    if value is None or not is_known(value):
        return math.isnan(read) if kind is Kind.NUMBER else read == (0xFFFF if kind is Kind.CODE else 0xFFFFFFFF)
    if isinstance(value, datetime):
        return bool(read == int(value.timestamp()))
    return bool(read == (struct.unpack(">f", struct.pack(">f", value))[0] if kind is Kind.NUMBER else value))
