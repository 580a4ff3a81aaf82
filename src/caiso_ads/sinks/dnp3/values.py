"""A snapshot as DNP3 values and flags: pure, and the one place where quality becomes flags.

Rule: a value we do not have is the smallest int32 with ONLINE 0, never 0; what does not fit int32 is OVERRANGE and
not ONLINE. Spec: IEEE 1815-2012 §11.6.1 for the flags. Interpretation: DNP3 has no word for "uncertain"; it is
served as ONLINE with COMM_LOST.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS, Kind, Point, PointValue, Snapshot
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.sinks._bits import Items, Told, gateway_states, node_states, resource_states
from caiso_ads.sinks.dnp3 import plan
from caiso_ads.sinks.dnp3.plan import Plan

ONLINE, RESTART, COMM_LOST, LOCAL_FORCED, OVERRANGE = 0x01, 0x02, 0x04, 0x10, 0x20
UNKNOWN = -(2**31)
_MOST = 2**31 - 1

FLAGS = {
    Quality.INIT: RESTART,
    Quality.GOOD: ONLINE,
    Quality.UNCERTAIN: ONLINE | COMM_LOST,
    Quality.BAD_COMM: COMM_LOST,
    Quality.BAD_STALE: COMM_LOST,
    Quality.BAD_DATA: OVERRANGE,
    Quality.BAD_CONFIG: 0,
    Quality.BAD_STORE: 0,
    Quality.STANDBY: 0,
    Quality.SHUTDOWN: COMM_LOST,
    Quality.FORCED: ONLINE | LOCAL_FORCED,
}

Shown = tuple[int, int]
"""Value and flags."""


def analog(kind: Kind, factor: int, item: PointValue) -> Shown:
    """Return an analog input's int32 and flags."""
    value, flags = item.value, FLAGS[item.quality]
    if value is None:
        return UNKNOWN, flags & ~ONLINE
    number = value.timestamp() if isinstance(value, datetime) else value
    if math.isnan(number):
        return UNKNOWN, flags & ~ONLINE
    if kind is Kind.BITS:
        word = int(number) & 0xFFFFFFFF
        return word - 2**32 if word > _MOST else word, flags
    if not UNKNOWN < number * factor <= _MOST:
        return _MOST if number > 0 else UNKNOWN + 1, flags & ~ONLINE | OVERRANGE
    return round(number * factor), flags


def analogs(shown: Plan, snapshot: Snapshot) -> Iterator[tuple[int, Shown]]:
    """Yield every analog input with its index."""
    yield from _block(0, GATEWAY_POINTS, _GATEWAY_SCALES, snapshot.gateway)
    for place, one in enumerate(shown.resource_ids):
        row = snapshot.resources.get(one, _UNKNOWN)
        yield from _block(plan.RESOURCES + plan.STRIDE * place, RESOURCE_POINTS, _RESOURCE_SCALES, row)
    for place, one in enumerate(shown.node_ids):
        row = snapshot.nodes.get(one, _UNKNOWN_NODE)
        yield from _block(plan.NODES + plan.STRIDE * place, NODE_POINTS, _NODE_SCALES, row)


def binaries(shown: Plan, snapshot: Snapshot) -> Iterator[tuple[int, Shown]]:
    """Yield every binary input with its index."""
    yield from _bits(0, gateway_states(_items(GATEWAY_POINTS, snapshot.gateway)))
    for place, one in enumerate(shown.resource_ids):
        items = _items(RESOURCE_POINTS, snapshot.resources.get(one, _UNKNOWN))
        base = plan.RESOURCE_BITS + plan.BIT_STRIDE * place
        yield from _bits(base, resource_states(items))
    for place, one in enumerate(shown.node_ids):
        items = _items(NODE_POINTS, snapshot.nodes.get(one, _UNKNOWN_NODE))
        base = plan.NODE_BITS + plan.NODE_BIT_STRIDE * place
        yield from _bits(base, node_states(items))


def _bits(base: int, states: Iterable[Told]) -> Iterator[tuple[int, Shown]]:
    return ((base + place, _bit(item, holds=holds)) for place, item, holds in states)


def _unknown(points: Sequence[Point]) -> tuple[PointValue, ...]:
    known = {"directive": Directive.NO_DATA, "quality": Quality.INIT, "published_quality": Quality.INIT}
    return tuple(PointValue(known.get(point.key), Quality.INIT) for point in points)


_UNKNOWN, _UNKNOWN_NODE = _unknown(RESOURCE_POINTS), _unknown(NODE_POINTS)
_GATEWAY_SCALES = [plan.scale(point).factor for point in GATEWAY_POINTS]
_RESOURCE_SCALES = [plan.scale(point).factor for point in RESOURCE_POINTS]
_NODE_SCALES = [plan.scale(point).factor for point in NODE_POINTS]


def _block(
    base: int, points: Sequence[Point], factors: Sequence[int], row: Sequence[PointValue]
) -> Iterator[tuple[int, Shown]]:
    for offset, (point, factor, item) in enumerate(zip(points, factors, row, strict=True)):
        yield base + offset, analog(point.kind, factor, item)


def _items(points: Sequence[Point], row: Sequence[PointValue]) -> Items:
    return dict(zip((point.key for point in points), row, strict=True))


def _bit(item: PointValue, *, holds: bool) -> Shown:
    flags = FLAGS[item.quality] & ~OVERRANGE  # that bit is the chatter filter of a binary input
    return (0, flags & ~ONLINE) if item.value is None else (int(holds), flags)
