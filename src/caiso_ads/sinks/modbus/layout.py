"""Where each number stands in the registers, derived wholly from the point catalogue.

An engineer who programs the SCADA master starts here. Rule: an address once given never moves. A block has room for
32 points and its trailer stands at a fixed place, so points appended to the catalogue take the free slots.

Addresses here are PDU addresses, 0-based, as they are on the wire; ``number`` writes them the 1-based way.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS, Kind, Point

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
WORD_ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")

TYPES = {Kind.NUMBER: "float32", Kind.COUNT: "uint32", Kind.BITS: "uint32", Kind.TIME: "uint32", Kind.CODE: "uint16"}


def constants() -> bytes:
    """Return 123.456 as float32 in the four word and byte orders, eight registers."""
    a, b, c, d = struct.pack(">f", BYTE_ORDER_CHECK)
    return bytes((a, b, c, d, c, d, a, b, b, a, d, c, d, c, b, a))


@dataclass(frozen=True, slots=True)
class Plan:
    """What decides the map: the resources and nodes in configured order, where their blocks begin, and the old map."""

    resource_ids: tuple[str, ...]
    native_base: int = 1000
    legacy: bool = True
    node_ids: tuple[str, ...] = ()
    price_base: int = 30_000

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
    """One line of the printed map. ``table`` is "register" (functions 03 and 04) or "bit" (01 and 02)."""

    table: str
    pdu: int
    count: int
    resource: str
    key: str
    type: str
    word_order: str
    unit: str
    meaning: str

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
    """Return the whole map in order of address, registers first."""
    registers = _legacy_registers(plan) if plan.legacy else []
    registers += _block(plan.native_base, "", GATEWAY_POINTS, "number of resources", "product and version")
    for index, resource in enumerate(plan.resource_ids):
        base = plan.block_base(index)
        registers += _block(base, resource, RESOURCE_POINTS, "place in configured order, from 1", "the resource ID")
    for index, node in enumerate(plan.node_ids):
        registers += _block(plan.node_base(index), node, NODE_POINTS, "place of the node, from 1", "the node")
    return registers + _bits(plan)


def notes(plan: Plan) -> list[str]:
    """Return what a reader of the map must know beside its rows."""
    lines = [
        f"Map version {MAP_VERSION}. Functions 03 and 04 read the same registers, 01 and 02 the same bits.",
        f"Read a block in one request ({BLOCK} registers). It is one snapshot: first and last snapshot_id are equal.",
        "No value is NaN in a float32, 0xFFFFFFFF in a uint32, 0xFFFF in a uint16, and a 0 bit in `present`; never 0.",
    ]
    if plan.legacy and len(plan.resource_ids) > LEGACY_RESOURCES:
        left = len(plan.resource_ids) - LEGACY_RESOURCES
        lines.append(f"The legacy map has room for the first ten resources; {left} more are in the native map only.")
    if plan.legacy and len(plan.node_ids) > LEGACY_NODES:
        left = len(plan.node_ids) - LEGACY_NODES
        lines.append(f"The legacy map has room for the first twelve nodes; {left} more are in the native map only.")
    return lines


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


def _block(base: int, resource: str, points: tuple[Point, ...], position: str, text: str) -> list[Row]:
    def whole(offset: int, count: int, key: str, kind: str, meaning: str) -> Row:
        return Row("register", base + offset, count, resource, key, kind, "ABCD" if count == 2 else "", "", meaning)

    found = [
        whole(0, 2, "snapshot_id", "uint32", "number of this snapshot; equal at both ends of the block"),
        whole(2, 1, "map_version", "uint16", "layout of this map"),
        whole(POSITION, 1, "position", "uint16", position),
    ]
    for index, order in enumerate(WORD_ORDERS):
        meaning = f"constant {BYTE_ORDER_CHECK}: where you read that, your word order is right"
        found.append(_float(base + CONSTANTS + 2 * index, resource, "byte_order_check", meaning, "", order))
    found.append(whole(PRESENT, 2, "present", "uint32", "bit n is 1 when point n of this block has a value"))
    found.append(whole(GOOD, 2, "good", "uint32", "bit n is 1 when point n has a value of good quality"))
    for index, point in enumerate(points):
        count = 1 if point.kind is Kind.CODE else 2
        order = "" if count == 1 else "ABCD"
        kind, meaning = TYPES[point.kind], f"[{index}] {point.doc}"
        found.append(Row("register", base + slot(index), count, resource, point.key, kind, order, point.unit, meaning))
    found.append(whole(TEXT, TEXT_REGISTERS, "text", "ASCII", f"{text}, filled with zero bytes"))
    found.append(whole(TRAILER, 2, "snapshot_id", "uint32", "the same number as at the block's begin"))
    return found


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
    for index, resource in enumerate(plan.resource_ids):
        found.append(bit(RESOURCE_BITS + index, resource, "good", "1 only while this resource's setpoint is good"))
    return found
