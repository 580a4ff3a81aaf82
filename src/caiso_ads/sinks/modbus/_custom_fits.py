"""Whether the lines of a custom map fit beside each other and beside the native map; found at start.

Rule: an overlap is told with both points and where they stand. Places that the native map keeps free are not free.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from caiso_ads.errors import ConfigError
from caiso_ads.sinks.modbus import layout
from caiso_ads.sinks.modbus.custom_file import Entry
from caiso_ads.sinks.modbus.layout import Plan, Row


@dataclass(frozen=True, slots=True)
class Span:
    """Registers or bits that the native map has; ``name`` is for people."""

    table: str
    start: int
    stop: int
    name: str


def taken_on(plan: Plan, unit: int) -> list[Span]:
    """Return what the rest of the map has on this unit, with its reserved places."""
    found = [
        Span(row.table, row.pdu, row.pdu + row.count, _called(row)) for row in layout.rows(plan) if row.unit_id == unit
    ]
    found += [
        Span(one.table, one.base, one.base + one.count, "a block of scaled values")
        for one in plan.extras
        if one.unit_id == unit
    ]
    if plan.is_bare(unit):
        return found
    alone = plan.resource_of(unit) is not None
    end = plan.native_base + 2 * layout.BLOCK if alone else plan.native_end
    found.append(Span("register", plan.native_base, end, "a place reserved in the native map"))
    if not alone:
        if plan.node_ids:
            found.append(Span("register", plan.price_base, plan.price_end, "a place reserved for a node"))
        if plan.legacy:
            found.append(Span("bit", 0, layout.RESOURCE_BITS, "a bit reserved in the legacy map"))
            found.append(Span("register", 0, layout.LEGACY_REGISTERS, "a register reserved in the legacy map"))
    return found


def _called(row: Row) -> str:
    return f"{row.key} of {row.resource or 'gateway'} in the native map"


def refuse_overlaps(entries: Iterable[Entry], file: str) -> None:
    """Raise ConfigError where two lines want one register or bit of one unit."""
    last: dict[tuple[int, str], Entry] = {}
    for entry in sorted(entries, key=lambda one: (one.address, one.line)):
        before = last.get((entry.unit_id, entry.table))
        if before is not None and entry.address < before.stop:
            first, second = sorted((before, entry), key=lambda one: one.line)
            problem = (
                f"{second.name} (line {second.line}, {_places(second)}) overlaps "
                f"{first.name} (line {first.line}, {_places(first)})"
            )
            raise ConfigError(
                problem,
                file=f"{file}:{second.line}",
                key="column address",
                cure=f"{before.stop} is free behind {before.name}",
            )
        last[entry.unit_id, entry.table] = entry


def _places(entry: Entry) -> str:
    return f"{entry.table} {entry.address}" + (f"..{entry.stop - 1}" if entry.count > 1 else "")


def refuse_native(entries: Iterable[Entry], taken: Mapping[int, Sequence[Span]], file: str) -> None:
    """Raise ConfigError where a line wants what the native map has."""
    for entry in entries:
        for span in taken[entry.unit_id]:
            if span.table == entry.table and entry.address < span.stop and span.start < entry.stop:
                problem = f"{entry.name} (line {entry.line}, {_places(entry)}) overlaps {span.name}, {span.start}..{span.stop - 1}"
                cure = "give it an address outside the native map (caiso-ads points), or another unit"
                raise ConfigError(problem, file=f"{file}:{entry.line}", key="column address", cure=cure)
