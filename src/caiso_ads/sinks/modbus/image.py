"""A snapshot as registers: immutable, cut by reads; the blocks at once, all else when it is first read.

Rule: all bytes of one image come from one snapshot, so no read is ever torn. Each unit has a view of its own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from caiso_ads import __version__
from caiso_ads.core.points import PointValue, Snapshot
from caiso_ads.sinks._trust import without_trust
from caiso_ads.sinks.modbus import _legacy, layout
from caiso_ads.sinks.modbus.blocks import Block, text_of
from caiso_ads.sinks.modbus.encode import POINTS, U32, Family, row_of
from caiso_ads.sinks.modbus.layout import Plan

Make = Callable[[Snapshot], bytes]


@dataclass(frozen=True, slots=True)
class _Area:
    """So many registers (or bits) from a PDU address on, and what makes their bytes from a snapshot."""

    base: int
    count: int
    make: Make


class _Ground:
    """All areas of one unit, its native blocks among them, in order of address; the same for every snapshot."""

    def __init__(self, native: _Area, areas: Sequence[_Area], bits: Sequence[_Area]) -> None:
        self.native = native
        self.areas = tuple(sorted((native, *areas), key=lambda area: area.base))
        self.bases = tuple(area.base for area in self.areas)
        self.bits = tuple(bits)


class View:
    """What one unit can read of one snapshot. ``registers`` and ``discrete`` never raise for numbers of a request."""

    __slots__ = ("_base", "_bit_count", "_bits", "_first_bit", "_ground", "_made", "_native", "_shown")

    def __init__(self, ground: _Ground, shown: Snapshot, native: bytes, bits: tuple[int, int, int]) -> None:
        self._ground, self._shown = ground, shown
        self._base, self._native = ground.native.base, native
        self._bits, self._first_bit, self._bit_count = bits
        self._made = {ground.native: native}

    def registers(self, address: int, quantity: int) -> bytes | None:
        """Return so many registers from that PDU address; None where any of them does not exist."""
        start = 2 * (address - self._base)
        stop = start + 2 * quantity
        if start >= 0 and stop <= len(self._native):
            return self._native[start:stop]
        return self._gather(address, quantity)

    def _gather(self, address: int, quantity: int) -> bytes | None:
        """Join what stands side by side: a master may read over the end of one block into the next."""
        parts: list[bytes] = []
        while quantity > 0:
            found = bisect_right(self._ground.bases, address) - 1
            if found < 0:
                return None
            area = self._ground.areas[found]
            start = address - area.base
            if start >= area.count:
                return None
            stop = min(start + quantity, area.count)
            parts.append(self._bytes(area)[2 * start : 2 * stop])
            address += stop - start
            quantity -= stop - start
        return b"".join(parts)

    def _bytes(self, area: _Area) -> bytes:
        made = self._made.get(area)
        if made is None:
            made = self._made[area] = area.make(self._shown)
        return made

    def discrete(self, address: int, quantity: int) -> bytes | None:
        """Return so many bits from that PDU address, packed as the protocol wants; None where any does not exist."""
        if self._first_bit <= address and address + quantity <= self._bit_count:
            bits = self._bits >> address
        else:
            for area in self._ground.bits:
                if area.base <= address and address + quantity <= area.base + area.count:
                    bits = int.from_bytes(self._bytes(area), "little") >> (address - area.base)
                    break
            else:
                return None
        return (bits & ((1 << quantity) - 1)).to_bytes((quantity + 7) // 8, "little")


class _Units(dict[int, View]):
    """The views of one image, each made when its unit is first asked."""

    def __init__(self, make: Callable[[int], View]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, unit_id: int) -> View:
        view = self[unit_id] = self._make(unit_id)
        return view


@dataclass(frozen=True, slots=True)
class Image:
    """All that can be read of one snapshot. ``units`` gives the view of each unit of the plan; KeyError for others."""

    snapshot: Snapshot
    units: dict[int, View]
    live: bool


class Renderer:
    """Makes images of one plan. Raises ValueError when the catalogue has outgrown the blocks."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.checksum = layout.checksum(plan)
        order = plan.word_order
        self._gateway = Block(POINTS[Family.GATEWAY], order, self.checksum)
        self._resource, self._node = Block(POINTS[Family.RESOURCE], order), Block(POINTS[Family.NODE], order)
        self._text = f"caiso-ads {__version__}".encode("ascii")
        self._texts = [text_of(one) for one in plan.resource_ids]
        self._grounds = {unit: self._ground(unit) for unit in plan.unit_ids}

    def render(self, snapshot: Snapshot, *, live: bool = True) -> Image:
        """Return the image. ``live`` False: the loop that made this snapshot has stopped, so nothing is good."""
        shown = snapshot if live else without_trust(snapshot)
        plan, identity = self._plan, _identity(shown)
        rows = self._rows(shown)
        header = self._gateway.pack(identity, len(rows), shown.gateway, self._text)
        blocks = [
            self._resource.pack(identity, position, row, text)
            for position, (row, text) in enumerate(zip(rows, self._texts, strict=True), start=1)
        ]
        bits = _legacy.bits(rows, self._nodes(shown)) if live else 0
        first = 0 if plan.legacy else layout.RESOURCE_BITS

        def view(unit: int) -> View:
            ground, index = self._grounds[unit], plan.resource_of(unit)
            if plan.is_bare(unit):
                return View(ground, shown, b"", (0, 0, 0))
            if index is None:
                native, shape = b"".join((header, *blocks)), (bits, first, layout.RESOURCE_BITS + len(rows))
            else:
                good = bits >> (layout.RESOURCE_BITS + index) & 1
                native = header + blocks[index]
                shape = (good << layout.RESOURCE_BITS, layout.RESOURCE_BITS, layout.RESOURCE_BITS + 1)
            return View(ground, shown, native, shape)

        return Image(snapshot, _Units(view), live)

    def _rows(self, shown: Snapshot) -> list[Sequence[PointValue]]:
        return [row_of(shown, Family.RESOURCE, one) for one in self._plan.resource_ids]

    def _nodes(self, shown: Snapshot) -> list[Sequence[PointValue]]:
        return [row_of(shown, Family.NODE, one) for one in self._plan.node_ids]

    def _ground(self, unit: int) -> _Ground:
        plan = self._plan
        extras = [extra for extra in plan.extras if extra.unit_id == unit]
        areas = [_Area(one.base, one.count, one.render) for one in extras if one.table == "register"]
        bits = [_Area(one.base, one.count, one.render) for one in extras if one.table == "bit"]
        if plan.is_bare(unit):
            return _Ground(_Area(0, 0, _never), areas, bits)
        if plan.resource_of(unit) is None:
            blocks = 1 + len(plan.resource_ids)
            areas += [self._node_area(index, name) for index, name in enumerate(plan.node_ids)]
            if plan.legacy:
                areas.append(_Area(0, layout.LEGACY_REGISTERS, self._legacy))
        else:
            blocks = 2
        return _Ground(_Area(plan.native_base, blocks * layout.BLOCK, _never), areas, bits)

    def _node_area(self, index: int, name: str) -> _Area:
        def make(shown: Snapshot) -> bytes:
            return self._node.pack(_identity(shown), index + 1, row_of(shown, Family.NODE, name), text_of(name))

        return _Area(self._plan.node_base(index), layout.BLOCK, make)

    def _legacy(self, shown: Snapshot) -> bytes:
        return _legacy.registers(self._rows(shown), self._nodes(shown))


def _identity(snapshot: Snapshot) -> int:
    return snapshot.generation & U32


def _never(snapshot: Snapshot) -> bytes:  # the native blocks are made at once
    raise AssertionError(snapshot.generation)
