"""The address space: a folder for the gateway, for each resource and each pricing node, a variable for each point.

Rule: all changed values of a snapshot are written without a pause between them, and only what changed is written.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

from asyncua import Node, Server, ua

from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS, Kind, Point, PointValue, Snapshot, Value
from caiso_ads.core.quality import Quality
from caiso_ads.sinks.opcua._setup import Setup
from caiso_ads.sinks.opcua._status import GOOD, UNCERTAIN, held_status, status_of

NAMESPACE = "urn:caiso-ads:points"
HELD = "held"
_TYPES = {
    Kind.NUMBER: ua.VariantType.Double,
    Kind.COUNT: ua.VariantType.UInt32,
    Kind.CODE: ua.VariantType.UInt16,
    Kind.BITS: ua.VariantType.UInt32,
    Kind.TIME: ua.VariantType.DateTime,
}
_WHOLE = {Kind.COUNT: 0xFFFFFFFF, Kind.BITS: 0xFFFFFFFF, Kind.CODE: 0xFFFF}
_UNECE = {"MW": "MAW", "s": "SEC"}  # UN/ECE Recommendation 20; other units have no code of their own
_UNECE_URI = "http://www.opcfoundation.org/UA/units/un/cefact"

Cell = tuple[Value, int, datetime | None]


def cell(point: Point, known: PointValue) -> Cell:
    """Return what a client sees of a point: value, status code, source time; ages in whole seconds, never younger."""
    value = _plain(point, known.value)
    return value, status_of(point.key, known.quality, present=value is not None), known.source_time


def _held(new: Cell) -> Cell:
    value, status, source_time = new
    return value, held_status(status, present=value is not None), source_time


def _plain(point: Point, value: Value) -> Value:
    if value is None:
        return None
    if point.kind is Kind.TIME or isinstance(value, datetime):
        return value if point.kind is Kind.TIME and isinstance(value, datetime) else None
    if point.kind is Kind.NUMBER:
        return _number(point, value) if math.isfinite(value) else None
    return int(value) & _WHOLE[point.kind] if point.kind is not Kind.CODE or 0 <= value <= 0xFFFF else None


def _number(point: Point, value: float) -> float:
    """Round what grows or shrinks with each second, so that it changes once a second: an age up, a time left down."""
    if point.unit != "s" or "offset" in point.key:
        return float(value)
    return float(math.ceil(value) if "age" in point.key else math.floor(value))


class Space:
    """The variables of one server and what was last written to each."""

    def __init__(self, server: Server, index: int) -> None:
        self._server, self._index = server, index
        self._cells: dict[str, Cell] = {}
        self._ranges: dict[str, list[ua.NodeId]] = {}
        self._range_of: dict[str, tuple[float, float]] = {}

    async def build(self, setup: Setup) -> None:
        """Make all folders and variables; each is BadWaitingForInitialData until a snapshot comes."""
        objects = self._server.nodes.objects
        await self._folder(objects, "Gateway", "Gateway", GATEWAY_POINTS)
        await self._variable(await self._at("Gateway"), "Gateway", _SNAPSHOT)
        resources = await self._empty(objects, "Resources")
        for one in setup.resource_ids:
            await self._folder(resources, one, setup.names.get(one, one), RESOURCE_POINTS)
        nodes = await self._empty(objects, "Nodes")
        for one in setup.nodes:
            await self._folder(nodes, f"node:{one}", setup.node_names.get(one, one), NODE_POINTS)

    async def show(self, snapshot: Snapshot) -> int:
        """Write what changed; return how many variables that were."""
        written = await self._row("Gateway", GATEWAY_POINTS, snapshot.gateway, snapshot.at)
        for one, row in snapshot.resources.items():
            written += await self._row(one, RESOURCE_POINTS, row, snapshot.at)
            await self._range(one, row)
        for one, row in snapshot.nodes.items():
            written += await self._row(f"node:{one}", NODE_POINTS, row, snapshot.at)
        good = snapshot.gateway_value("heartbeat").quality is Quality.GOOD
        shown: Cell = (snapshot.generation & 0xFFFFFFFF, GOOD if good else UNCERTAIN, None)
        return written + await self._write("Gateway.snapshot_id", _SNAPSHOT, shown, snapshot.at)

    async def _row(self, folder: str, points: Sequence[Point], row: Sequence[PointValue], at: datetime) -> int:
        written = 0
        for point, known in zip(points, row, strict=True):
            path, new = f"{folder}.{point.key}", cell(point, known)
            if await self._write(path, point, new, at):
                written += 1
                written += await self._write(f"{path}.{HELD}", point, _held(new), at)
        return written

    async def _write(self, name: str, point: Point, new: Cell, at: datetime) -> int:
        if name not in self._cells or self._cells[name] == new:
            return 0
        self._cells[name] = new
        value, status, source_time = new
        data = ua.DataValue(
            ua.Variant(None, ua.VariantType.Null) if value is None else ua.Variant(value, _TYPES[point.kind]),
            ua.StatusCode(ua.UInt32(status)),
            SourceTimestamp=_time(source_time or at),
            ServerTimestamp=_time(datetime.now(UTC)),
        )
        await self._server.write_attribute_value(self._id(name), data)
        return 1

    async def _range(self, resource: str, row: Sequence[PointValue]) -> None:
        low, high = row[_PMIN].value, row[_PMAX].value
        if not isinstance(low, float | int) or not isinstance(high, float | int):
            return
        if self._range_of.get(resource) != (low, high):
            self._range_of[resource] = (low, high)
            data = ua.DataValue(ua.Variant(ua.Range(float(low), float(high)), ua.VariantType.ExtensionObject))
            for one in self._ranges.get(resource, ()):
                await self._server.write_attribute_value(one, data)

    async def _folder(self, parent: Node, name: str, label: str, points: Sequence[Point]) -> None:
        folder = await self._empty(parent, name, label)
        self._ranges[name] = []
        for point in points:
            variable = await self._variable(folder, name, point)
            if point.unit:
                await self._property(variable, f"{name}.{point.key}", "EngineeringUnits", _unit(point.unit))
            if point.unit == "MW":
                await self._companion(variable, f"{name}.{point.key}", point)
                blank = ua.Range(-math.inf, math.inf)
                made = await self._property(variable, f"{name}.{point.key}", "EURange", blank)
                self._ranges[name].append(made.nodeid)

    async def _empty(self, parent: Node, name: str, label: str = "") -> Node:
        folder = await parent.add_folder(self._id(name), ua.QualifiedName(name, ua.UInt16(self._index)))
        await self._text(folder, ua.AttributeIds.DisplayName, label or name)
        return folder

    async def _variable(self, folder: Node, name: str, point: Point) -> Node:
        return await self._blank(folder, f"{name}.{point.key}", point.key, point, point.doc)

    async def _blank(self, parent: Node, path: str, name: str, point: Point, doc: str) -> Node:
        kind = _TYPES[point.kind]
        blank: Any = datetime(1970, 1, 1, tzinfo=UTC) if point.kind is Kind.TIME else 0
        qualified = ua.QualifiedName(name, ua.UInt16(self._index))
        made = await parent.add_variable(self._id(path), qualified, ua.Variant(blank, kind))
        await self._text(made, ua.AttributeIds.Description, doc)
        self._cells[path] = (blank, GOOD, None)
        await self._write(path, point, cell(point, _NOTHING), datetime.now(UTC))
        return made

    async def _companion(self, variable: Node, path: str, point: Point) -> None:
        doc = "the same number, also while it is only held: its status is Uncertain where that of the point is Bad"
        made = await self._blank(variable, f"{path}.{HELD}", HELD, point, doc)
        await self._property(made, f"{path}.{HELD}", "EngineeringUnits", _unit(point.unit))

    async def _property(self, variable: Node, path: str, name: str, value: Any) -> Node:
        return await variable.add_property(
            self._id(f"{path}.{name}"), ua.QualifiedName(name), ua.Variant(value, ua.VariantType.ExtensionObject)
        )

    async def _text(self, node: Node, attribute: ua.AttributeIds, text: str) -> None:
        await node.write_attribute(attribute, ua.DataValue(ua.Variant(ua.LocalizedText(text))))

    async def _at(self, name: str) -> Node:
        return self._server.get_node(self._id(name))

    def _id(self, name: str) -> ua.NodeId:
        return ua.NodeId(ua.String(name), ua.Int16(self._index))


def _time(at: datetime) -> ua.DateTime:
    return cast("ua.DateTime", at)  # the library takes and gives plain datetimes


def _unit(unit: str) -> ua.EUInformation:
    code = _UNECE.get(unit)
    number = int.from_bytes(code.encode(), "big") if code else -1
    return ua.EUInformation(
        NamespaceUri=_UNECE_URI if code else NAMESPACE,
        UnitId=ua.Int32(number),
        DisplayName=ua.LocalizedText(unit),
        Description=ua.LocalizedText(unit),
    )


_SNAPSHOT = Point("snapshot_id", Kind.COUNT, "", "number of the snapshot all values come from")
_PMIN, _PMAX = (
    next(index for index, point in enumerate(RESOURCE_POINTS) if point.key == key) for key in ("pmin_mw", "pmax_mw")
)
_NOTHING = PointValue(None, Quality.INIT)
