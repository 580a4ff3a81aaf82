"""Scaled twins: the points of each block again as whole numbers, for masters that have no floats.

Rule: value = raw * 10**scale, rounded to the nearest, and the scale of a register never changes while the gateway
runs. What has no value or does not fit is 0x80000000 or 0x8000, never a bound: the block with the floats is the truth.

Two blocks of 100 registers stand side by side, int32 and then int16; point n has slot n in both, as in the main block.
SunSpec's ``sunssf`` is meant by a scale register. Spec: SunSpec Information Model Specification V1.1 §4.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from caiso_ads.core.points import Kind, Point, Snapshot, values_of
from caiso_ads.sinks.modbus import layout
from caiso_ads.sinks.modbus.encode import POINTS, U32, Family, row_of, scaled
from caiso_ads.sinks.modbus.layout import Extra, Plan, Row
from caiso_ads.sinks.modbus.orders import arranger

BLOCKS = 2 * layout.BLOCK  # of one resource: int32, int16
NO_SCALE = -0x8000  # of a slot without a point


@dataclass(frozen=True, slots=True)
class Exponents:
    """The scale of each unit of measure; all else counts by one. Range and step are told by docs/modbus.md."""

    int16_mw: int = -1

    def of(self, point: Point, wide: bool) -> int:  # noqa: FBT001 - a column of the table below
        """Return the scale of a point as int32 (``wide``) or int16."""
        if point.kind is not Kind.NUMBER:
            return 0
        return {
            "MW": (self.int16_mw, -3),
            "MW/min": (self.int16_mw, -3),
            "USD/MWh": (-1, -4),
            "s": (0, -3),
        }[point.unit][wide]


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where values and scales stand in a block of 100 registers, after its snapshot_id and before the one at its end."""

    name: str
    registers: int
    letter: str
    limit: int
    blank: int

    @property
    def first(self) -> int:
        return 2

    @property
    def scales(self) -> int:
        return 2 + layout.SLOTS * self.registers

    @property
    def left(self) -> int:
        """Registers between the last scale and the snapshot_id at the end."""
        return layout.TRAILER - self.scales - layout.SLOTS


INT32 = _Shape("int32", 2, "i", 0x7FFFFFFF, -0x80000000)
INT16 = _Shape("int16", 1, "h", 0x7FFF, -0x8000)


class Form:
    """One shape for one family of points, compiled."""

    def __init__(self, family: Family, shape: _Shape, order: str, exponents: Exponents) -> None:
        self.family, self.shape, self.order = family, shape, order
        points = POINTS[family]
        self.scales = [exponents.of(point, shape is INT32) for point in points]
        self._columns = [(point.kind, scale) for point, scale in zip(points, self.scales, strict=True)]
        empty = layout.SLOTS - len(points)
        self._empty = [shape.blank] * empty
        self._ends = (*self.scales, *[NO_SCALE] * empty, *[INT16.blank] * shape.left)
        self._struct = struct.Struct(f">I{layout.SLOTS}{shape.letter}{len(self._ends)}hI")
        wide = range(shape.first, shape.scales, 2) if shape is INT32 else ()
        self._arrange: Callable[[bytes], bytes] = arranger(layout.BLOCK, (0, *wide, layout.TRAILER), order)

    def pack(self, snapshot: Snapshot, name: str) -> bytes:
        """Return the block of one resource, node, or the gateway."""
        limit, blank, identity = self.shape.limit, self.shape.blank, snapshot.generation & U32
        raws = []
        values = values_of(row_of(snapshot, self.family, name))
        for (kind, scale), value in zip(self._columns, values, strict=True):
            raw = scaled(value, kind, scale, limit)
            raws.append(blank if raw is None else raw)
        return self._arrange(self._struct.pack(identity, *raws, *self._empty, *self._ends, identity))


@dataclass(frozen=True, slots=True)
class Twin:
    """One block of scaled values in one unit."""

    unit_id: int
    base: int
    form: Form
    name: str
    table: str = "register"
    count: int = layout.BLOCK

    def render(self, snapshot: Snapshot) -> bytes:
        """Return the 200 bytes."""
        return self.form.pack(snapshot, self.name)

    def rows(self) -> Iterator[Row]:
        """Return the lines of the printed map."""
        form, shape, order = self.form, self.form.shape, self.form.order
        wide = shape.registers == INT32.registers

        def row(offset: int, count: int, key: str, kind: str, unit: str, meaning: str, scale: int = 0) -> Row:
            words = order if count > 1 else ""
            at = self.base + offset
            return Row("register", at, count, self.name, key, kind, words, unit, meaning, self.unit_id, scale)

        yield row(0, 2, "snapshot_id", "uint32", "", "number of this snapshot; equal at both ends of the block")
        points = list(enumerate(zip(POINTS[form.family], form.scales, strict=True)))
        for index, (point, scale) in points:
            at = shape.first + index * shape.registers
            none = "0x80000000" if wide else "0x8000"
            meaning = f"[{index}] {point.doc}; {none} where there is no value or it does not fit"
            yield row(at, shape.registers, point.key, shape.name, point.unit, meaning, scale)
        for index, (point, scale) in points:
            meaning = f"{scale}, always: value = raw * 10**scale"
            yield row(shape.scales + index, 1, f"{point.key}_scale", "int16", "", meaning)
        yield row(layout.TRAILER, 2, "snapshot_id", "uint32", "", "the same number as at the block's begin")


def twins(plan: Plan, base: int, price_base: int, exponents: Exponents) -> tuple[Extra, ...]:
    """Return the twins of a plan in each of its units; a base of 0 means none."""
    forms = {family: [Form(family, shape, plan.word_order, exponents) for shape in (INT32, INT16)] for family in Family}
    found: list[Extra] = []
    for unit in plan.unit_ids if base else ():
        own = plan.resource_of(unit)
        names = plan.resource_ids if own is None else (plan.resource_ids[own],)
        blocks = [(Family.GATEWAY, ""), *((Family.RESOURCE, name) for name in names)]
        found += _pairs(forms, unit, base, blocks)
    if price_base:
        found += _pairs(forms, plan.unit_id, price_base, [(Family.NODE, name) for name in plan.node_ids])
    return tuple(found)


def _pairs(forms: dict[Family, list[Form]], unit: int, base: int, blocks: list[tuple[Family, str]]) -> Iterator[Twin]:
    for index, (family, name) in enumerate(blocks):
        for place, form in enumerate(forms[family]):
            yield Twin(unit, base + BLOCKS * index + layout.BLOCK * place, form, name)
