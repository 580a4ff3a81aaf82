"""Where each point stands: the indices of the analog and binary inputs, derived from the catalogue.

Rule: an index follows from a point's place in the catalogue and its owner's place in the configuration, and never
changes: points are only ever appended, and each block has room left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS, Kind, Point
from caiso_ads.errors import ConfigError
from caiso_ads.sinks._bits import GATEWAY_FLAGS, NODE_FLAGS, RESOURCE_FLAGS, Bit

RESOURCES, NODES, STRIDE = 100, 30_000, 50
RESOURCE_BITS, NODE_BITS, BIT_STRIDE, NODE_BIT_STRIDE = 100, 60_000, 100, 4
MOST_RESOURCES = min((NODES - RESOURCES) // STRIDE, (NODE_BITS - RESOURCE_BITS) // BIT_STRIDE)
MOST_NODES = (65_536 - NODES) // STRIDE


class Scale(NamedTuple):
    """How a NUMBER becomes an int32: its factor, the unit read, the deadband in that unit, the event class."""

    factor: int
    unit: str
    deadband: int
    event_class: int


SCALES = {
    "MW": Scale(1000, "kW", 100, 1),
    "MW/min": Scale(1000, "kW/min", 100, 2),
    "USD/MWh": Scale(100, "0.01 USD/MWh", 1, 2),
    "s": Scale(1000, "ms", 0, 0),  # ages change each second: read, never told as events
}
_OTHER_NUMBER = Scale(1000, "0.001", 1, 3)


class Entry(NamedTuple):
    """One line of the point list."""

    type: str
    number: int
    owner: str
    key: str
    unit: str
    deadband: int
    event_class: int
    doc: str


def scale(point: Point, *, gateway: bool = False) -> Scale:
    """Return how a point is encoded. Event class 0: it is read only, as it would change with each snapshot."""
    if point.kind is Kind.NUMBER:
        return SCALES.get(point.unit, _OTHER_NUMBER)
    if point.kind in (Kind.CODE, Kind.BITS):
        return Scale(1, point.unit, 1, 1)
    return Scale(1, point.unit, 1, 0 if gateway else 2)


@dataclass(frozen=True, slots=True)
class Plan:
    """The map of these resources and nodes; ConfigError when they do not fit the 65,536 indices."""

    resource_ids: tuple[str, ...]
    node_ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse more than there is room for."""
        for what, found, room in (
            ("resources", len(self.resource_ids), MOST_RESOURCES),
            ("nodes", len(self.node_ids), MOST_NODES),
        ):
            if found > room:
                raise ConfigError(
                    f"{found} {what} do not fit; there is room for {room}",
                    table="sinks.dnp3",
                    cure="split the plant over two gateways",
                )

    def entries(self) -> Iterator[Entry]:
        """Yield every analog, then every binary input, by index (``number``)."""
        yield from _analogs("", 0, GATEWAY_POINTS, gateway=True)
        for position, one in enumerate(self.resource_ids):
            yield from _analogs(one, RESOURCES + STRIDE * position, RESOURCE_POINTS)
        for position, one in enumerate(self.node_ids):
            yield from _analogs(one, NODES + STRIDE * position, NODE_POINTS)
        yield from _binaries("", 0, GATEWAY_FLAGS)
        for position, one in enumerate(self.resource_ids):
            yield from _binaries(one, RESOURCE_BITS + BIT_STRIDE * position, RESOURCE_FLAGS)
        for position, one in enumerate(self.node_ids):
            yield from _binaries(one, NODE_BITS + NODE_BIT_STRIDE * position, NODE_FLAGS)


def _analogs(owner: str, base: int, points: Sequence[Point], *, gateway: bool = False) -> Iterator[Entry]:
    for place, point in enumerate(points):
        how = scale(point, gateway=gateway)
        yield Entry("AI", base + place, owner, point.key, how.unit, how.deadband, how.event_class, point.doc)


def _binaries(owner: str, base: int, bits: Sequence[Bit]) -> Iterator[Entry]:
    for bit in bits:
        yield Entry("BI", base + bit.place, owner, bit.key, "", 0, 1, bit.doc)
