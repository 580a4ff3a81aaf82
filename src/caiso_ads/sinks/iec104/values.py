"""A snapshot as objects with quality bits: pure, and the one place where quality becomes IV, NT, SB, BL and OV.

Rule: a value we do not have is NaN (32 bits: all ones) and invalid, never 0; what does not fit is OV and invalid.
Spec: IEC 60870-5-101 §7.2.6.1 to 7.2.6.4 and 7.2.6.9 for the bits. Interpretation: a counter has IV alone, so
whatever makes another object invalid or not topical makes a counter invalid.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS, Kind, Point, PointValue, Snapshot
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.sinks._bits import Items, Told, gateway_states, node_states, resource_states
from caiso_ads.sinks.iec104 import plan
from caiso_ads.sinks.iec104.asdu import Shown, Type
from caiso_ads.sinks.iec104.plan import Plan

OV, BL, SB, NT, IV = 0x01, 0x10, 0x20, 0x40, 0x80
UNKNOWN_BITS = 0xFFFFFFFF

FLAGS = {
    Quality.INIT: IV | NT,
    Quality.GOOD: 0,
    Quality.UNCERTAIN: NT,
    Quality.BAD_COMM: IV | NT,
    Quality.BAD_STALE: IV | NT,
    Quality.BAD_DATA: IV | OV,
    Quality.BAD_CONFIG: IV,
    Quality.BAD_STORE: IV,
    Quality.STANDBY: IV | BL,
    Quality.SHUTDOWN: IV | NT,
    Quality.FORCED: SB,
}

State = dict[int, Shown]
"""What every object says now, by its address."""
_FLOAT = struct.Struct("<f")


def shown(kind: Kind, item: PointValue) -> Shown:
    """Return what the object of a point says."""
    value, flags = item.value, FLAGS[item.quality]
    number = value.timestamp() if isinstance(value, datetime) else value
    if number is None or math.isnan(number):
        return _NOTHING[kind](flags | IV)
    if kind in (Kind.NUMBER, Kind.CODE):
        return _float(number, flags)
    if kind is Kind.BITS:
        return Shown(int(number) & 0xFFFFFFFF, flags)
    if not 0 <= number <= 0xFFFFFFFF:
        flags |= IV | OV
        number = UNKNOWN_BITS
    return _counter(int(number), flags) if kind is Kind.COUNT else Shown(int(number), flags)


def _float(number: float, flags: int) -> Shown:
    """Return the short float that will be sent, so that two values alike on the wire are no change."""
    try:
        return Shown(_FLOAT.unpack(_FLOAT.pack(number))[0], flags | (IV | OV if math.isinf(number) else 0))
    except OverflowError:
        return Shown(math.copysign(math.inf, number), flags | IV | OV)


def _counter(number: int, flags: int) -> Shown:
    return Shown(number, IV if flags & (IV | NT) else 0)


_NOTHING: Mapping[Kind, Callable[[int], Shown]] = {
    Kind.NUMBER: lambda flags: Shown(math.nan, flags),
    Kind.CODE: lambda flags: Shown(math.nan, flags),
    Kind.BITS: lambda flags: Shown(UNKNOWN_BITS, flags),
    Kind.TIME: lambda flags: Shown(UNKNOWN_BITS, flags),
    Kind.COUNT: lambda flags: _counter(UNKNOWN_BITS, flags),
}


def state(shown_plan: Plan, snapshot: Snapshot) -> State:
    """Return every object of the map, in the order of addresses within each block."""
    found: State = {}
    gateway = snapshot.gateway
    _put(found, 0, GATEWAY_POINTS, gateway, _bits(gateway_states(_items(GATEWAY_POINTS, gateway))))
    for place, one in enumerate(shown_plan.resource_ids):
        row = snapshot.resources.get(one, _UNKNOWN)
        bits = _bits(resource_states(_items(RESOURCE_POINTS, row)))
        _put(found, plan.RESOURCES + plan.STRIDE * place, RESOURCE_POINTS, row, bits)
    for place, one in enumerate(shown_plan.node_ids):
        row = snapshot.nodes.get(one, _UNKNOWN_NODE)
        bits = _bits(node_states(_items(NODE_POINTS, row)))
        _put(found, plan.NODES + plan.STRIDE * place, NODE_POINTS, row, bits)
    return found


def types(shown_plan: Plan) -> dict[int, Type]:
    """Return the untimed type of every object."""
    return {entry.number: Type[entry.type] for entry in shown_plan.entries()}


def changes(before: State, after: State, deadbands: Mapping[int, float]) -> State:
    """Return what must be told: another quality, or a value that moved at least its deadband."""
    return {
        address: new
        for address, new in after.items()
        if new != (old := before[address]) and _moved(old, new, deadbands.get(address, 0.0))
    }


def _moved(old: Shown, new: Shown, deadband: float) -> bool:
    if old.quality != new.quality:
        return True
    if math.isnan(old.value) or math.isnan(new.value):
        return math.isnan(old.value) != math.isnan(new.value)
    return old.value != new.value and not abs(new.value - old.value) < deadband


def _put(
    found: State, base: int, points: Sequence[Point], row: Sequence[PointValue], bits: Iterator[tuple[int, Shown]]
) -> None:
    for address, (point, item) in enumerate(zip(points, row, strict=True), start=base + plan.FIRST):
        found[address] = shown(point.kind, item)
    for place, bit in bits:
        found[base + plan.FIRST_BIT + place] = bit


def _unknown(points: Sequence[Point]) -> tuple[PointValue, ...]:
    known = {"directive": Directive.NO_DATA, "quality": Quality.INIT, "published_quality": Quality.INIT}
    return tuple(PointValue(known.get(point.key), Quality.INIT) for point in points)


_UNKNOWN, _UNKNOWN_NODE = _unknown(RESOURCE_POINTS), _unknown(NODE_POINTS)


def _items(points: Sequence[Point], row: Sequence[PointValue]) -> Items:
    return dict(zip((point.key for point in points), row, strict=True))


def _bits(states: Iterable[Told]) -> Iterator[tuple[int, Shown]]:
    return ((place, _bit(item, holds=holds)) for place, item, holds in states)


def _bit(item: PointValue, *, holds: bool) -> Shown:
    flags = FLAGS[item.quality] & ~OV  # that bit is reserved in a single point
    return Shown(0, flags | IV) if item.value is None else Shown(int(holds), flags)
