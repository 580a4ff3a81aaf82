"""Where each number stands in the registers, derived wholly from the point catalogue.

An engineer who programs the SCADA master starts here. Rule: an address once given never moves. A block has room for
32 points and its trailer stands at a fixed place, so points appended to the catalogue take the free slots.

Addresses here are PDU addresses, 0-based, as they are on the wire; ``number`` writes them the 1-based way.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS, Kind, Point, Snapshot
from caiso_ads.sinks.modbus.orders import WORD_ORDERS, arranged

MAP_VERSION = 1
MAX_REGISTERS = 125  # of one request

# One block, header and resource alike: offsets from its first register.
BLOCK = 100
POSITION = 3
CONSTANTS = 4
PRESENT = 12
GOOD = 14
FIRST_SLOT = 16
SLOTS = 32
HEADER_SLOTS = 31  # the header's last slot is the map's checksum
CHECKSUM = 78
TEXT = 80
TEXT_REGISTERS = 18
TRAILER = 98

# The register plan of the 2018 scripts, for plants that already poll it.
LEGACY_REGISTERS = 100
LEGACY_RESOURCES = 10
LEGACY_SUPPLEMENTAL = 20
LEGACY_PRICES = 50
LEGACY_NODES = 12
PRICE_BIT = 5

# Discrete inputs.
RESOURCE_BITS = 100
LEGACY_AGE_LIMIT_S = 420.0

BYTE_ORDER_CHECK = 123.456

TYPES = {Kind.NUMBER: "float32", Kind.COUNT: "uint32", Kind.BITS: "uint32", Kind.TIME: "uint32", Kind.CODE: "uint16"}


def constants() -> bytes:
    """Return 123.456 as float32 in the four word and byte orders, eight registers."""
    value = struct.pack(">f", BYTE_ORDER_CHECK)
    return b"".join(arranged(value, order) for order in WORD_ORDERS)


class Extra(Protocol):
    """Registers or bits beside the blocks: scaled twins, maps of a plant's own. Each is made when it is first read.

    It stands at ``base`` of one unit and is ``count`` registers long, or bits where ``table`` is "bit".
    """

    @property
    def table(self) -> str:
        """What it holds: "register" or "bit"."""

    @property
    def unit_id(self) -> int:
        """The unit that serves it."""

    @property
    def base(self) -> int:
        """PDU address of the first register or bit."""

    @property
    def count(self) -> int:
        """How many registers or bits."""

    def rows(self) -> Iterable[Row]:
        """Return its lines of the printed map, each with ``unit_id`` set."""

    def render(self, snapshot: Snapshot) -> bytes:
        """Return two bytes a register, high byte first; or the bits packed, the first one lowest in the first byte.

        ``snapshot`` is what may be shown: nothing in it is good when the control loop has stopped.
        """


@dataclass(frozen=True, slots=True)
class Plan:
    """What decides the map: the resources and nodes in configured order, where their blocks begin, and the old map.

    Unit ``unit_id`` serves all of it. With a ``first_unit`` each resource is a unit of its own besides, from there on
    in configured order: the header and its own block, at the same addresses in each.
    """

    resource_ids: tuple[str, ...]
    native_base: int = 1000
    legacy: bool = True
    node_ids: tuple[str, ...] = ()
    price_base: int = 30_000
    word_order: str = WORD_ORDERS[0]
    unit_id: int = 1
    first_unit: int | None = None
    extras: tuple[Extra, ...] = ()

    @property
    def unit_ids(self) -> tuple[int, ...]:
        """All units that are served: first the one that has everything, last those that have extras only."""
        own = (self.unit_id, *self.own_units)
        return own + tuple(sorted({extra.unit_id for extra in self.extras} - set(own)))

    def is_bare(self, unit_id: int) -> bool:
        """Whether a unit has nothing of the native map, only extras."""
        return unit_id != self.unit_id and unit_id not in self.own_units

    @property
    def own_units(self) -> range:
        """The units that have one resource each; none without a ``first_unit``."""
        first = self.unit_id if self.first_unit is None else self.first_unit
        return range(first, first + (0 if self.first_unit is None else len(self.resource_ids)))

    def resource_of(self, unit_id: int) -> int | None:
        """Index of the resource whose own unit this is; None for a unit that is no resource's own."""
        return unit_id - self.own_units.start if unit_id in self.own_units and unit_id != self.unit_id else None

    @property
    def legacy_ids(self) -> tuple[str, ...]:
        """The resources the old map has room for: the first ten."""
        return self.resource_ids[:LEGACY_RESOURCES]

    @property
    def native_end(self) -> int:
        """One past the last native register."""
        return self.native_base + BLOCK * (1 + len(self.resource_ids))

    @property
    def price_end(self) -> int:
        """One past the last register of a node."""
        return self.price_base + BLOCK * len(self.node_ids)

    def block_base(self, index: int) -> int:
        """PDU address of the first register of a resource; 0 is the first resource."""
        return self.native_base + BLOCK * (1 + index)

    def node_base(self, index: int) -> int:
        """PDU address of the first register of a node; 0 is the first node."""
        return self.price_base + BLOCK * index


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the printed map. ``table`` is "register" (functions 03 and 04) or "bit" (01 and 02).

    What is meant is the register's number times ten to the power of ``scale``, and times ``factor``.
    """

    table: str
    pdu: int
    count: int
    resource: str
    key: str
    type: str
    word_order: str
    unit: str
    meaning: str
    unit_id: int = 1
    scale: int = 0
    factor: float = 1.0

    @property
    def worth(self) -> float:
        """What one step of the register means."""
        return self.factor * 10.0**self.scale

    @property
    def number(self) -> str:
        """The 1-based numbers of both functions, six digits where five do not reach."""
        return " / ".join(_number(prefix, self.pdu) for prefix in ("43" if self.table == "register" else "10"))


def _number(prefix: str, pdu: int) -> str:
    width = 4 if pdu < 9999 else 5
    return f"{prefix}{pdu + 1:0{width}d}"


def slot(index: int) -> int:
    """Return the offset of the catalogue's point of that index in its block."""
    return FIRST_SLOT + 2 * index


def rows(plan: Plan) -> list[Row]:
    """Return the whole map, unit by unit: in order of address, registers first."""
    found: list[Row] = []
    for unit in plan.unit_ids:
        here = [row if row.unit_id == unit else replace(row, unit_id=unit) for row in _own(plan, unit)]
        here += [row for extra in plan.extras if extra.unit_id == unit for row in extra.rows()]
        found += sorted(here, key=lambda row: (row.table != "register", row.pdu))
    return found


def _own(plan: Plan, unit: int) -> Iterator[Row]:
    """Yield the rows of one unit but for its extras."""
    if plan.is_bare(unit):
        return
    order, own = plan.word_order, plan.resource_of(unit)
    if own is None and plan.legacy:
        yield from _legacy_registers(plan)
    yield from _block(plan.native_base, "", GATEWAY_POINTS, "number of resources", "product and version", order)
    yield _wide(
        plan.native_base + CHECKSUM, "", "map_checksum", "CRC-32 of this whole map: another map, another number", order
    )
    shown = list(enumerate(plan.resource_ids)) if own is None else [(0, plan.resource_ids[own])]
    for index, resource in shown:
        base = plan.block_base(index)
        yield from _block(
            base, resource, RESOURCE_POINTS, "place in configured order, from 1", "the resource ID", order
        )
    if own is None:
        for index, node in enumerate(plan.node_ids):
            base = plan.node_base(index)
            yield from _block(base, node, NODE_POINTS, "place of the node, from 1", "the node", order)
        yield from _bits(plan)
    else:
        yield _good_bit(0, plan.resource_ids[own])


def checksum(plan: Plan) -> int:
    """Return the CRC-32 of the map: of its version, and of each row but for the words that explain it.

    It is the same in each unit, and changes with whatever would make a master read another number at an address.
    """
    lines = [f"map version {MAP_VERSION}"]
    for row in rows(plan):
        what = (row.unit_id, row.table, row.pdu, row.count, row.resource, row.key, row.type, row.word_order)
        lines.append("\t".join(map(str, (*what, row.scale, row.unit, *([] if row.factor == 1 else [row.factor])))))
    return zlib.crc32("\n".join(lines).encode("utf-8"))


def clash(found: Iterable[Row]) -> tuple[Row, Row] | None:
    """Return the first two rows of one unit and table that share an address; None where all stand apart."""
    taken: dict[tuple[int, str], Row] = {}
    for row in sorted(found, key=lambda row: row.pdu):
        last = taken.get((row.unit_id, row.table))
        if last is not None and row.pdu < last.pdu + last.count:
            return last, row
        taken[row.unit_id, row.table] = row
    return None


def notes(plan: Plan) -> list[str]:
    """Return what a reader of the map must know beside its rows."""
    crc = checksum(plan)
    lines = [
        f"Map version {MAP_VERSION}, checksum 0x{crc:08X} ({crc}): the header tells both.",
        "Functions 03 and 04 read the same registers, 01 and 02 the same bits.",
        f"Read a block in one request ({BLOCK} registers). It is one snapshot: first and last snapshot_id are equal.",
        "No value is NaN in a float32, 0xFFFFFFFF in a uint32, 0xFFFF in a uint16, and a 0 bit in `present`; never 0.",
    ]
    if plan.first_unit is not None:
        lines.append(
            f"Unit {plan.unit_id} has everything; units {_span(plan)} have one resource each, as if it was alone."
        )
    if plan.legacy and len(plan.resource_ids) > LEGACY_RESOURCES:
        left = len(plan.resource_ids) - LEGACY_RESOURCES
        lines.append(f"The legacy map has room for the first ten resources; {left} more are in the native map only.")
    if plan.legacy and len(plan.node_ids) > LEGACY_NODES:
        left = len(plan.node_ids) - LEGACY_NODES
        lines.append(f"The legacy map has room for the first twelve nodes; {left} more are in the native map only.")
    return lines


def _span(plan: Plan) -> str:
    return f"{plan.own_units[0]} to {plan.own_units[-1]}" if plan.own_units else "(none)"


def _wide(pdu: int, resource: str, key: str, meaning: str, order: str) -> Row:
    return Row("register", pdu, 2, resource, key, "uint32", order, "", meaning)


def _float(pdu: int, resource: str, key: str, meaning: str, unit: str = "MW", order: str = "CDAB") -> Row:
    return Row("register", pdu, 2, resource, key, "float32", order, unit, meaning)


def _legacy_registers(plan: Plan) -> list[Row]:
    ids = plan.legacy_ids
    text = {point.key: point.doc for point in RESOURCE_POINTS}
    found = [_float(2 * i, one, "dop_mw", text["dop_mw"]) for i, one in enumerate(ids)]
    base = LEGACY_SUPPLEMENTAL
    found += [_float(base + 2 * i, one, "supplemental_mw", text["supplemental_mw"]) for i, one in enumerate(ids)]
    return found + _legacy_prices(plan)


def _legacy_prices(plan: Plan) -> list[Row]:
    text = {point.key: point.doc for point in NODE_POINTS}
    found = []
    for index, node in enumerate(plan.node_ids[:LEGACY_NODES]):
        for offset, which in ((0, "published"), (2, "active")):
            key = f"{which}_lmp_usd_per_mwh"
            found.append(_float(LEGACY_PRICES + 4 * index + offset, node, key, text[key], "USD/MWh"))
    first = LEGACY_PRICES + 2 * len(found)
    left = LEGACY_REGISTERS - first
    found.append(Row("register", first, left, "", "(prices)", "float32", "CDAB", "USD/MWh", "reserved; NaN"))
    return found


def _block(base: int, resource: str, points: tuple[Point, ...], position: str, text: str, order: str) -> Iterator[Row]:
    yield _wide(base, resource, "snapshot_id", "number of this snapshot; equal at both ends of the block", order)
    yield Row("register", base + 2, 1, resource, "map_version", "uint16", "", "", "layout of this map")
    yield Row("register", base + POSITION, 1, resource, "position", "uint16", "", "", position)
    for index, one in enumerate(WORD_ORDERS):
        meaning = f"constant {BYTE_ORDER_CHECK}: where you read that, your word order is right"
        yield _float(base + CONSTANTS + 2 * index, resource, "byte_order_check", meaning, "", one)
    yield _wide(base + PRESENT, resource, "present", "bit n is 1 when point n of this block has a value", order)
    yield _wide(base + GOOD, resource, "good", "bit n is 1 when point n has a value of good quality", order)
    for index, point in enumerate(points):
        count = 1 if point.kind is Kind.CODE else 2
        kind, meaning = TYPES[point.kind], f"[{index}] {point.doc}"
        words = "" if count == 1 else order
        yield Row("register", base + slot(index), count, resource, point.key, kind, words, point.unit, meaning)
    meaning = f"{text}, filled with zero bytes"
    yield Row("register", base + TEXT, TEXT_REGISTERS, resource, "text", "ASCII", "", "", meaning)
    yield _wide(base + TRAILER, resource, "snapshot_id", "the same number as at the block's begin", order)


def _good_bit(index: int, resource: str) -> Row:
    meaning = "1 only while this resource's setpoint is good"
    return Row("bit", RESOURCE_BITS + index, 1, resource, "good", "bit", "", "", meaning)


def _bits(plan: Plan) -> list[Row]:
    def bit(pdu: int, resource: str, key: str, meaning: str) -> Row:
        return Row("bit", pdu, 1, resource, key, "bit", "", "", meaning)

    found: list[Row] = []
    if plan.legacy:
        limit = f"{LEGACY_AGE_LIMIT_S:.0f} s"
        found = [
            bit(0, "", "good", "1 only while every legacy resource has a good setpoint and a dop_mw"),
            bit(1, "", "loop", "1 while the control loop runs"),
            bit(2, "", "trajectory_fresh", f"1 while every legacy resource's trajectory is younger than {limit}"),
            bit(3, "", "dispatch_fresh", f"1 while every legacy resource's dispatch is younger than {limit}"),
        ]
        if plan.node_ids:
            found.append(
                bit(PRICE_BIT, plan.node_ids[0], "price_good", "1 only while this node's active price is good")
            )
    return found + [_good_bit(index, resource) for index, resource in enumerate(plan.resource_ids)]
