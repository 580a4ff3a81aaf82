"""A snapshot as registers: rendered once for each snapshot, immutable, cut by reads.

Rule: a value we do not have is NaN (or all ones), never 0, and its ``present`` bit is 0. All bytes of one image come
from one snapshot, so no read is ever torn.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from caiso_ads import __version__
from caiso_ads.core.points import (
    GATEWAY_POINTS,
    NODE_POINTS,
    RESOURCE_POINTS,
    Kind,
    Point,
    PointValue,
    Snapshot,
    qualities_of,
    values_of,
)
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.sinks._trust import without_trust
from caiso_ads.sinks.modbus import layout
from caiso_ads.sinks.modbus.layout import Plan

Value = float | int | datetime
Values = Sequence[Value | None]
"""The values of one resource, in the order of the catalogue."""
Field = float | int

_U32 = 0xFFFFFFFF
_FLOAT32_MAX = 3.4028234663852886e38
_RESOURCE = {point.key: index for index, point in enumerate(RESOURCE_POINTS)}
_NODE = {point.key: index for index, point in enumerate(NODE_POINTS)}
_NODE_QUALITIES = ("quality", "published_quality")


def _number(value: Value) -> Field | None:
    if isinstance(value, datetime) or not abs(value) <= _FLOAT32_MAX:  # "not" also catches NaN
        return None
    return value


def _count(value: Value) -> Field | None:
    return None if isinstance(value, datetime) or not 0 <= value < math.inf else int(value) & _U32


def _code(value: Value) -> Field | None:
    # the point's second register stays all ones, reserved
    return None if isinstance(value, datetime) or not 0 <= value < 0xFFFF else int(value) << 16 | 0xFFFF


def _time(value: Value) -> Field | None:
    if not isinstance(value, datetime):
        return None
    seconds = int(value.timestamp())
    return seconds if 0 <= seconds < _U32 else None


_ENCODE: dict[Kind, tuple[str, Callable[[Value], Field | None], Field]] = {
    Kind.NUMBER: ("f", _number, math.nan),
    Kind.COUNT: ("I", _count, _U32),
    Kind.BITS: ("I", _count, _U32),
    Kind.TIME: ("I", _time, _U32),
    Kind.CODE: ("I", _code, _U32),
}


class _Block:
    """One kind of block: its points, and the compiled structure of its 200 bytes."""

    def __init__(self, points: Sequence[Point]) -> None:
        if len(points) > layout.SLOTS:
            raise ValueError(f"{len(points)} points do not fit the {layout.SLOTS} slots of a block")
        self._fields = [_ENCODE[point.kind][1:] for point in points]
        formats = "".join(_ENCODE[point.kind][0] for point in points)
        self._unused = b"\xff" * (4 * (layout.SLOTS - len(points)))
        self._struct = struct.Struct(f">IHH16sII{formats}{len(self._unused)}s{2 * layout.TEXT_REGISTERS}sI")
        self._constants = layout.constants()

    def pack(self, identity: int, position: int, row: Sequence[PointValue], text: bytes) -> bytes:
        present = good = 0
        fields: list[Field] = []
        bit = 1
        for (encode, blank), value, quality in zip(self._fields, values_of(row), qualities_of(row), strict=True):
            field = None if value is None else encode(value)
            if field is None:
                fields.append(blank)
            else:
                fields.append(field)
                present |= bit
                if quality is Quality.GOOD:
                    good |= bit
            bit <<= 1
        head = (identity, layout.MAP_VERSION, position, self._constants, present, good)
        return self._struct.pack(*head, *fields, self._unused, text, identity)


@dataclass(frozen=True, slots=True)
class Image:
    """All that can be read of one snapshot. ``bits`` holds bit n of the discrete inputs at 2**n."""

    snapshot: Snapshot
    native_base: int
    native: bytes
    legacy: bytes
    bits: int
    first_bit: int
    bit_count: int
    live: bool
    price_base: int = 0
    prices: bytes = b""

    def registers(self, address: int, quantity: int) -> bytes | None:
        """Return so many registers from that PDU address; None where any of them does not exist."""
        start = 2 * (address - self.native_base)
        stop = start + 2 * quantity
        area = self.native
        if start < 0:
            start, stop, area = 2 * address, 2 * (address + quantity), self.legacy
        elif self.prices and address >= self.price_base:
            start, area = 2 * (address - self.price_base), self.prices
            stop = start + 2 * quantity
        return area[start:stop] if stop <= len(area) else None

    def discrete(self, address: int, quantity: int) -> bytes | None:
        """Return so many bits from that PDU address, packed as the protocol wants; None where any does not exist."""
        if address < self.first_bit or address + quantity > self.bit_count:
            return None
        bits = self.bits >> address & ((1 << quantity) - 1)
        return bits.to_bytes((quantity + 7) // 8, "little")


_UNKNOWN = tuple(
    PointValue({"directive": Directive.NO_DATA, "quality": Quality.INIT}.get(point.key), Quality.INIT)
    for point in RESOURCE_POINTS
)
_UNKNOWN_NODE = tuple(
    PointValue(Quality.INIT if point.key in _NODE_QUALITIES else None, Quality.INIT) for point in NODE_POINTS
)


class Renderer:
    """Makes images of one plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._gateway, self._resource = _Block(GATEWAY_POINTS), _Block(RESOURCE_POINTS)
        self._node = _Block(NODE_POINTS)
        self._text = f"caiso-ads {__version__}".encode("ascii")
        self._texts, self._node_texts = _texts(plan.resource_ids), _texts(plan.node_ids)

    def render(self, snapshot: Snapshot, *, live: bool = True) -> Image:
        """Return the image. ``live`` False: the loop that made this snapshot has stopped, so nothing is good."""
        shown = snapshot if live else without_trust(snapshot)
        plan, identity = self._plan, shown.generation & _U32
        rows = [shown.resources.get(one, _UNKNOWN) for one in plan.resource_ids]
        values = [values_of(row) for row in rows]
        blocks = [self._gateway.pack(identity, len(rows), shown.gateway, self._text)]
        for position, (row, text) in enumerate(zip(rows, self._texts, strict=True), start=1):
            blocks.append(self._resource.pack(identity, position, row, text))
        nodes = [shown.nodes.get(one, _UNKNOWN_NODE) for one in plan.node_ids]
        prices = [
            self._node.pack(identity, position, items, text)
            for position, (items, text) in enumerate(zip(nodes, self._node_texts, strict=True), start=1)
        ]
        legacy = _legacy_registers(values[: layout.LEGACY_RESOURCES], nodes) if plan.legacy else b""
        return Image(
            snapshot=snapshot,
            native_base=plan.native_base,
            native=b"".join(blocks),
            legacy=legacy,
            bits=_bits(values, nodes, live=live),
            first_bit=0 if plan.legacy else layout.RESOURCE_BITS,
            bit_count=layout.RESOURCE_BITS + len(values),
            live=live,
            price_base=plan.price_base,
            prices=b"".join(prices),
        )


def _texts(names: Sequence[str]) -> list[bytes]:
    return [one.encode("ascii", "replace")[: 2 * layout.TEXT_REGISTERS] for one in names]


def _legacy_registers(values: Sequence[Values], nodes: Sequence[Sequence[PointValue]]) -> bytes:
    floats = [math.nan] * (layout.LEGACY_REGISTERS // 2)
    for index, items in enumerate(values):
        for base, key in ((0, "dop_mw"), (layout.LEGACY_SUPPLEMENTAL // 2, "supplemental_mw")):
            value = items[_RESOURCE[key]]
            field = None if value is None else _number(value)
            if field is not None:
                floats[base + index] = field
    first = layout.LEGACY_PRICES // 2
    for index, node in enumerate(nodes[: layout.LEGACY_NODES]):
        floats[first + 2 * index], floats[first + 2 * index + 1] = _legacy_prices(node)
    # low word first: all words of the little-endian form in order, each turned to big-endian bytes
    words = struct.unpack(f"<{layout.LEGACY_REGISTERS}H", struct.pack(f"<{len(floats)}f", *floats))
    return struct.pack(f">{layout.LEGACY_REGISTERS}H", *words)


def _legacy_prices(items: Sequence[PointValue]) -> tuple[float, float]:
    """Return published and active. No quality travels with them: what was not confirmed, or is not active, is NaN."""
    published, active = items[_NODE["published_lmp_usd_per_mwh"]], items[_NODE["active_lmp_usd_per_mwh"]]
    return (
        math.nan if items[_NODE["answer_age_s"]].value is None else _float_or_nan(published),
        _float_or_nan(active) if active.quality is Quality.GOOD else math.nan,
    )


def _float_or_nan(item: PointValue) -> float:
    field = None if item.value is None else _number(item.value)
    return math.nan if field is None else float(field)


def _has(items: Values, key: str) -> bool:
    value = items[_RESOURCE[key]]
    return value is not None and _number(value) is not None


def _is_good(items: Values) -> bool:
    return items[_RESOURCE["quality"]] == Quality.GOOD and _has(items, "setpoint_mw")


def _young(items: Values, key: str) -> bool:
    age = items[_RESOURCE[key]]
    return isinstance(age, int | float) and age < layout.LEGACY_AGE_LIMIT_S


def _bits(values: Sequence[Values], nodes: Sequence[Sequence[PointValue]], *, live: bool) -> int:
    if not live:
        return 0
    old = values[: layout.LEGACY_RESOURCES]
    flags = (
        bool(old) and all(_is_good(items) and _has(items, "dop_mw") for items in old),
        True,
        bool(old) and all(_young(items, "trajectory_age_s") for items in old),
        bool(old) and all(_young(items, "dispatch_age_s") for items in old),
    )
    bits = sum(1 << index for index, flag in enumerate(flags) if flag)
    if nodes and not math.isnan(_legacy_prices(nodes[0])[1]):
        bits |= 1 << layout.PRICE_BIT
    for index, items in enumerate(values):
        if _is_good(items):
            bits |= 1 << (layout.RESOURCE_BITS + index)
    return bits
