"""Where each point stands: the object addresses, derived from the catalogue.

Rule: an address follows from a point's place in the catalogue and its owner's place in the configuration, and never
changes: points are only ever appended, and each block of 1000 has room left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS, Kind, Point
from caiso_ads.errors import ConfigError
from caiso_ads.sinks._bits import GATEWAY_FLAGS, NODE_FLAGS, RESOURCE_FLAGS, Bit
from caiso_ads.sinks.iec104.asdu import TIMED, Type

STRIDE, FIRST, FIRST_BIT = 1000, 1, 501
RESOURCES, NODES, END = STRIDE, 8_000_000, 2**24
MOST_RESOURCES = (NODES - RESOURCES) // STRIDE
MOST_NODES = (END - NODES) // STRIDE

TYPES = {
    Kind.NUMBER: Type.M_ME_NC_1,
    Kind.CODE: Type.M_ME_NC_1,  # a short float holds 0..65535 exactly
    Kind.BITS: Type.M_BO_NA_1,
    Kind.TIME: Type.M_BO_NA_1,  # 32 bits of seconds; a short float would lose the last two minutes
    Kind.COUNT: Type.M_IT_NA_1,
}


class Entry(NamedTuple):
    """One line of the point list. ``event_type`` is the type of its spontaneous changes."""

    number: int
    type: str
    event_type: str
    owner: str
    key: str
    unit: str
    deadband: float
    doc: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The map of these resources and nodes; ConfigError when they do not fit the 24-bit addresses.

    A change of a number below its deadband (in its own unit) is not told: ``deadband_mw`` for MW and MW/min,
    ``deadband_s`` for ages and countdowns.
    """

    resource_ids: tuple[str, ...]
    node_ids: tuple[str, ...] = ()
    deadband_mw: float = 0.0
    deadband_s: float = 10.0

    def __post_init__(self) -> None:
        """Refuse more than there is room for."""
        for what, found, room in (
            ("resources", len(self.resource_ids), MOST_RESOURCES),
            ("nodes", len(self.node_ids), MOST_NODES),
        ):
            if found > room:
                raise ConfigError(
                    f"{found} {what} do not fit; there is room for {room}",
                    table="sinks.iec104",
                    cure="split the plant over two gateways",
                )

    def deadband(self, point: Point) -> float:
        """Return how far a point's value must move to be told, in the point's unit."""
        if point.kind is not Kind.NUMBER:
            return 0.0
        if point.unit == "s":  # an age or a countdown moves each second by itself; an offset does not
            runs = point.key.endswith(("_age_s", "_left_s")) or point.key.startswith("seconds_to_")
            return self.deadband_s if runs else 0.0
        return self.deadband_mw if point.unit in ("MW", "MW/min") else 0.0

    def entries(self) -> Iterator[Entry]:
        """Yield every object by address (``number``)."""
        yield from self._block("", 0, GATEWAY_POINTS, GATEWAY_FLAGS)
        for position, one in enumerate(self.resource_ids):
            yield from self._block(one, RESOURCES + STRIDE * position, RESOURCE_POINTS, RESOURCE_FLAGS)
        for position, one in enumerate(self.node_ids):
            yield from self._block(one, NODES + STRIDE * position, NODE_POINTS, NODE_FLAGS)

    def _block(self, owner: str, base: int, points: Sequence[Point], bits: Sequence[Bit]) -> Iterator[Entry]:
        for place, point in enumerate(points):
            kind = TYPES[point.kind]
            yield _entry(base + FIRST + place, kind, owner, point.key, point.unit, self.deadband(point), point.doc)
        for bit in bits:
            yield _entry(base + FIRST_BIT + bit.place, Type.M_SP_NA_1, owner, bit.key, "", 0.0, bit.doc)


def _entry(number: int, kind: Type, owner: str, key: str, unit: str, deadband: float, doc: str) -> Entry:
    return Entry(number, kind.name, TIMED[kind].name, owner, key, unit, deadband, doc)
