"""A plant's own map: the lines of its CSV file as registers and bits beside the native map, or on units of their own.

Rule: a value that is not there, or does not fit its type, is the "not available" pattern of that type, never clamped
and never 0; and what is said about it (``.good``, ``.quality``, the directive) is then not good either.
"""

from __future__ import annotations

import math
import struct
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from caiso_ads.core.points import Kind, PointValue, Snapshot
from caiso_ads.core.quality import Directive, Quality, Reason
from caiso_ads.sinks.modbus._custom_fits import Span, refuse_native, refuse_overlaps, taken_on
from caiso_ads.sinks.modbus.custom_file import FLAG, GOOD, PRESENT, QUALITY, VALUE, Entry, Known, read
from caiso_ads.sinks.modbus.encode import WHOLE, Family, number, row_of
from caiso_ads.sinks.modbus.layout import MAX_REGISTERS, Plan, Row
from caiso_ads.sinks.modbus.orders import arranged

# Of each type: how it is packed, the lowest and highest number, and what says "not available" (as SunSpec has it).
_PACK: Mapping[str, tuple[str, float, float, bytes]] = {
    "int16": (">h", -0x7FFF, 0x7FFF, b"\x80\x00"),
    "uint16": (">H", 0, 0xFFFE, b"\xff\xff"),
    "int32": (">i", -0x7FFF_FFFF, 0x7FFF_FFFF, b"\x80\x00\x00\x00"),
    "uint32": (">I", 0, 0xFFFF_FFFE, b"\xff\xff\xff\xff"),
    "float32": (">f", -3.4028234663852886e38, 3.4028234663852886e38, b"\x7f\xc0\x00\x00"),
}
_SHORT_HEARTBEAT = 0x8000  # so that it fits both 16-bit types and never looks like "not available"
_TRUSTED = (Quality.GOOD, Quality.UNCERTAIN, Quality.FORCED)

# Codes that speak of one number: where a plant's type cannot hold that number, the code must not call it good.
_SPEAKS_OF = {
    (Family.RESOURCE, "quality"): "setpoint_mw",
    (Family.RESOURCE, "directive"): "setpoint_mw",
    (Family.RESOURCE, "reasons"): "setpoint_mw",
    (Family.NODE, "quality"): "active_lmp_usd_per_mwh",
    (Family.NODE, "published_quality"): "published_lmp_usd_per_mwh",
}

Owner = tuple[Family, str, str]  # family, name, point


def load(path: Path, plan: Plan) -> Plan:
    """Return the plan with the custom map of that file; ConfigError names file, line and column of what is wrong."""
    entries = read(path, Known(plan.resource_ids, plan.node_ids, plan.unit_id, plan.word_order))
    refuse_overlaps(entries, str(path))
    taken = {unit: taken_on(plan, unit) for unit in {entry.unit_id for entry in entries}}
    refuse_native(entries, taken, str(path))
    return replace(plan, extras=(*plan.extras, *_areas(entries, taken)))


def _areas(entries: Sequence[Entry], taken: Mapping[int, Sequence[Span]]) -> Iterator[Area]:
    """Yield the areas: lines near enough to be read in one request stand in one, with nothing native between them."""
    honest = _Honest(entries)
    heap: list[Entry] = []
    for entry in sorted(entries, key=lambda one: (one.unit_id, one.table, one.address)):
        if heap and not _joins(heap[-1], entry, taken[entry.unit_id]):
            yield Area(tuple(heap), honest)
            heap = []
        heap.append(entry)
    if heap:
        yield Area(tuple(heap), honest)


def _joins(before: Entry, entry: Entry, taken: Sequence[Span]) -> bool:
    if (before.unit_id, before.table) != (entry.unit_id, entry.table) or entry.stop - before.address > MAX_REGISTERS:
        return False
    return not any(
        span.table == entry.table and span.start < entry.address and before.stop <= span.start for span in taken
    )


class _Honest:
    """What a point's companions may say: they know whether every register of that point can hold its value."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._shown: defaultdict[Owner, list[Entry]] = defaultdict(list)
        for entry in entries:
            if entry.aspect == VALUE:
                self._shown[entry.family, entry.owner, entry.point.key].append(entry)

    def fits(self, family: Family, owner: str, key: str, row: Sequence[PointValue]) -> bool:
        """Whether each register of this point holds its value; True where it has none to hold."""
        shown = self._shown.get((family, owner, key), ())
        return all(row[one.index].value is None or raw(one, row[one.index]) is not None for one in shown)

    def item(self, entry: Entry, row: Sequence[PointValue]) -> PointValue:
        """Return the value of the entry's point, made worse where it speaks of a number that does not fit."""
        item = row[entry.index]
        about = _SPEAKS_OF.get((entry.family, entry.point.key))
        if about is None or self.fits(entry.family, entry.owner, about, row):
            return item
        return _WORSE[entry.point.key](item)


def _held(item: PointValue) -> PointValue:
    acting = item.value in (Directive.FOLLOW, Directive.RELEASE, Directive.TEST)
    return PointValue(Directive.HOLD, Quality.BAD_CONFIG) if acting else item


def _refused(item: PointValue) -> PointValue:
    bits = item.value if isinstance(item.value, int) else 0
    return PointValue(bits | Reason.VALUE_REFUSED, item.quality)


def _bad(item: PointValue) -> PointValue:
    return PointValue(Quality.BAD_CONFIG, Quality.BAD_CONFIG) if item.value in _TRUSTED else item


_WORSE: Mapping[str, Callable[[PointValue], PointValue]] = {
    "directive": _held,
    "reasons": _refused,
    "quality": _bad,
    "published_quality": _bad,
}


def raw(entry: Entry, item: PointValue) -> float | int | None:
    """Return the number in the entry's register, of which one step is worth ``scale``; None where it does not fit."""
    if item.value is None:
        return None
    found: float | int | None
    if entry.point.kind is Kind.NUMBER:
        known = number(item.value)
        found = None if known is None else known / entry.scale
        if entry.type != "float32" and found is not None:
            found = round(found) if abs(found) < 2**40 else None
    else:
        found = WHOLE[entry.point.kind](item.value)
        if entry.point.key == "heartbeat" and entry.count == 1 and found is not None:
            found %= _SHORT_HEARTBEAT
    _, low, high, _ = _PACK[entry.type]
    return found if found is not None and low <= found <= high else None


@dataclass(frozen=True, slots=True, eq=False)
class Area:
    """Lines that stand near each other on one unit, as one stretch of registers or bits. Gaps are all ones, bits 0."""

    entries: tuple[Entry, ...]
    honest: _Honest

    @property
    def table(self) -> str:
        """What it holds: "register" or "bit"."""
        return self.entries[0].table

    @property
    def unit_id(self) -> int:
        """The unit that serves it."""
        return self.entries[0].unit_id

    @property
    def base(self) -> int:
        """PDU address of the first register or bit."""
        return self.entries[0].address

    @property
    def count(self) -> int:
        """How many registers or bits."""
        return self.entries[-1].stop - self.base

    def rows(self) -> Iterable[Row]:
        """Return its lines of the printed map."""
        return [_row(entry) for entry in self.entries]

    def render(self, snapshot: Snapshot) -> bytes:
        """Return the registers, or the bits packed with the first one lowest in the first byte."""
        if self.table == "bit":
            flags = sum(1 << (one.address - self.base) for one in self.entries if self._word(one, snapshot))
            return flags.to_bytes((self.count + 7) // 8, "little")
        found = bytearray(b"\xff" * (2 * self.count))
        for entry in self.entries:
            at = 2 * (entry.address - self.base)
            found[at : at + 2 * entry.count] = self._bytes(entry, snapshot)
        return bytes(found)

    def _bytes(self, entry: Entry, snapshot: Snapshot) -> bytes:
        form, _, _, blank = _PACK[entry.type]
        if entry.aspect == VALUE:
            value = raw(entry, self.honest.item(entry, row_of(snapshot, entry.family, entry.owner)))
        else:
            value = self._word(entry, snapshot)
        made = blank if value is None else struct.pack(form, value)
        return arranged(made, entry.order) if entry.order else made

    def _word(self, entry: Entry, snapshot: Snapshot) -> int | None:
        """Return what is said about a value: a quality, or 1 or 0; a flag of a code that is not known is None."""
        row = row_of(snapshot, entry.family, entry.owner)
        item = self.honest.item(entry, row)
        fits = self.honest.fits(entry.family, entry.owner, entry.point.key, row)
        there = item.value is not None and fits
        if entry.aspect == QUALITY:
            return int(_quality(item, fits=fits))
        if entry.aspect == FLAG:
            return _flag(entry, item)
        return int(there and (entry.aspect == PRESENT or item.quality is Quality.GOOD))


def _quality(item: PointValue, *, fits: bool) -> Quality:
    """No value is never of good quality; one that its register cannot hold is a fault of the map."""
    if item.quality not in _TRUSTED or (fits and item.value is not None):
        return item.quality
    return Quality.INIT if item.value is None else Quality.BAD_CONFIG


def _flag(entry: Entry, item: PointValue) -> int | None:
    if not isinstance(item.value, int):
        return None
    if entry.point.kind is Kind.CODE:
        return int(item.value == entry.flag)
    return item.value >> entry.flag & 1


_ABOUT = {
    GOOD: "1 only while the value is there, fits and is good",
    PRESENT: "1 only while the value is there and fits",
    QUALITY: "quality of the value; 6 where it does not fit its type",
}


def _row(entry: Entry) -> Row:
    if entry.aspect == FLAG:
        meaning = f"1 while bit {entry.flag} is set" if entry.point.kind is Kind.BITS else f"1 while it is {entry.flag}"
    else:
        meaning = _ABOUT.get(entry.aspect, entry.point.doc)
    exponent, factor = _parts(entry.scale)
    worth = "" if entry.scale == 1 else f"; one step is {entry.scale:g} {entry.point.unit}".rstrip()
    return Row(
        entry.table, entry.address, entry.count, entry.owner, entry.key, entry.type, entry.order,
        "" if entry.aspect else entry.point.unit, f"{meaning}{worth} (custom map, line {entry.line})",
        entry.unit_id, exponent, factor,
    )  # fmt: skip


def _parts(scale: float) -> tuple[int, float]:
    """Return exponent and factor of a scale; a power of ten has the factor 1."""
    exponent = round(math.log10(abs(scale)))
    return (exponent, 1.0) if math.isclose(scale, 10.0**exponent, rel_tol=1e-12) else (0, scale)
