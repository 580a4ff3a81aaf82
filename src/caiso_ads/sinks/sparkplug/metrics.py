"""Snapshots as Sparkplug metrics: births with names and aliases, data with what changed; and the seq. Pure.

Rule: a value that is not known is_null, never 0, and each metric carries its quality as a property. Ages and countdowns
change each second; they are sent when something else of their device changes, and each ``refresh_s``. Interpretation:
Sparkplug knows 192 (good), 500 (stale) and 0 (bad), so UNCERTAIN, BAD_STALE and FORCED are stale: never good.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

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
from caiso_ads.core.quality import Quality
from caiso_ads.ports import SinkContext
from caiso_ads.sinks._mqtt_config import level
from caiso_ads.sinks.sparkplug.payload import DataType, Metric, Payload, Property, Value, encode
from caiso_ads.sinks.words import watermark

GOOD, STALE, BAD = 192, 500, 0
QUALITY = {
    Quality.INIT: BAD,
    Quality.GOOD: GOOD,
    Quality.UNCERTAIN: STALE,
    Quality.BAD_COMM: BAD,
    Quality.BAD_STALE: STALE,
    Quality.BAD_DATA: BAD,
    Quality.BAD_CONFIG: BAD,
    Quality.BAD_STORE: BAD,
    Quality.STANDBY: BAD,
    Quality.SHUTDOWN: BAD,
    Quality.FORCED: STALE,
}
REBIRTH = "Node Control/Rebirth"
_TYPES = {
    Kind.NUMBER: DataType.DOUBLE,
    Kind.COUNT: DataType.UINT32,
    Kind.CODE: DataType.UINT32,
    Kind.BITS: DataType.UINT32,
    Kind.TIME: DataType.DATETIME,
}
_LMP = Point("dot_lmp_usd_per_mwh", Kind.NUMBER, "USD/MWh", "LMP of the interval dot_mw belongs to")
_SNAPSHOT = "snapshot_id"
_SEQUENCE = 256


def ms(moment: datetime) -> int:
    """Return milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


def death(bd_seq: int, at: datetime) -> bytes:
    """Return NDEATH, the last will; ``bd_seq`` is that of the birth of the same connection."""
    return encode(Payload(ms(at), (Metric("bdSeq", bd_seq, DataType.INT64, timestamp=ms(at)),)))


@dataclass(slots=True)
class _Owner:
    """A node or device: its points, the alias of the first, what was last sent and when (s)."""

    device: str | None
    points: tuple[Point, ...]
    fixed: itemgetter[tuple[object, ...]]
    alias: int
    title: str = ""
    row: Sequence[PointValue] = ()
    sent_mono: float = -math.inf

    def differs(self, now: Sequence[PointValue]) -> bool:
        """Whether anything but an age or a countdown is another."""
        if qualities_of(self.row) != qualities_of(now):
            return True
        return bool(self.fixed(values_of(self.row)) != self.fixed(values_of(now)))


class Metrics:
    """What the host has been told in this birth. Yields (message type, device or None, payload)."""

    def __init__(self, context: SinkContext, bd_seq: int, refresh_s: float) -> None:
        self._context, self._bd_seq, self._refresh_s = context, bd_seq, refresh_s
        self._seq = 0
        self._owners: list[_Owner] = []
        self._own(None, GATEWAY_POINTS, "")
        for one in context.resource_ids:
            points = (*RESOURCE_POINTS, _LMP) if one in context.node_of else RESOURCE_POINTS
            self._own(f"resource:{level(one)}", points, context.names.get(one, one))
        for one in context.nodes:
            self._own(f"node:{level(one)}", NODE_POINTS, context.node_names.get(one, one))

    def _own(self, device: str | None, points: tuple[Point, ...], title: str) -> None:
        alias = 1 + sum(len(owner.points) + 1 for owner in self._owners)
        fixed = itemgetter(
            *(place for place, one in enumerate(points) if one.kind is not Kind.NUMBER or one.unit != "s")
        )
        self._owners.append(_Owner(device, points, fixed, alias, title))

    def births(self, snapshot: Snapshot, mono: float) -> Iterator[tuple[str, str | None, bytes]]:
        """Yield NBIRTH and each DBIRTH, with everything; ``mono`` is a monotonic time in s."""
        self._seq = 0
        for owner, row in zip(self._owners, self._rows(snapshot), strict=True):
            owner.row, owner.sent_mono = row, mono
            metrics = [self._identity(owner, snapshot)]
            for place, (point, known) in enumerate(zip(owner.points, row, strict=True)):
                metrics.append(_metric(owner, place, known, snapshot, name=point.key))
            kind = "DBIRTH" if owner.device else "NBIRTH"
            extra = self._said_of_device(owner, snapshot) if owner.device else self._said_of_node(snapshot)
            yield kind, owner.device, self._numbered(snapshot, (*extra, *metrics))

    def data(self, snapshot: Snapshot, mono: float) -> Iterator[tuple[str, str | None, bytes]]:
        """Yield NDATA and DDATA for what has changed since it was last sent."""
        for owner, row in zip(self._owners, self._rows(snapshot), strict=True):
            old = mono - owner.sent_mono >= self._refresh_s
            if not old and not owner.differs(row):
                continue
            changed = [
                place
                for place, (was, item) in enumerate(zip(owner.row, row, strict=True))
                if was[0] != item[0] or was[1] != item[1]
            ]
            metrics = [_metric(owner, place, row[place], snapshot) for place in changed]
            owner.row, owner.sent_mono = row, mono
            identity = Metric(None, snapshot.generation, DataType.INT64, owner.alias, ms(snapshot.at))
            kind = "DDATA" if owner.device else "NDATA"
            yield kind, owner.device, self._numbered(snapshot, (identity, *metrics))

    def _identity(self, owner: _Owner, snapshot: Snapshot) -> Metric:
        return Metric(_SNAPSHOT, snapshot.generation, DataType.INT64, owner.alias, ms(snapshot.at))

    def _said_of_node(self, snapshot: Snapshot) -> tuple[Metric, ...]:
        at, environment = ms(snapshot.at), self._context.environment
        return (
            Metric("bdSeq", self._bd_seq, DataType.INT64, timestamp=at),
            Metric(REBIRTH, False, DataType.BOOLEAN, timestamp=at),
            Metric("Properties/Environment", environment, DataType.STRING, timestamp=at),
            Metric("Properties/Watermark", watermark(environment), DataType.STRING, timestamp=at),
        )

    @staticmethod
    def _said_of_device(owner: _Owner, snapshot: Snapshot) -> tuple[Metric, ...]:
        return (Metric("Properties/Name", owner.title, DataType.STRING, timestamp=ms(snapshot.at)),)

    def _numbered(self, snapshot: Snapshot, metrics: tuple[Metric, ...]) -> bytes:
        made = encode(Payload(ms(snapshot.at), metrics, self._seq))
        self._seq = (self._seq + 1) % _SEQUENCE
        return made

    def _rows(self, snapshot: Snapshot) -> Iterator[Sequence[PointValue]]:
        context = self._context
        yield snapshot.gateway
        for one in context.resource_ids:
            row = snapshot.resources[one]
            price = snapshot.dot_prices.get(one, PointValue(None, Quality.INIT))
            yield (*row, price) if one in context.node_of else row
        for one in context.nodes:
            yield snapshot.nodes[one]


def _metric(owner: _Owner, place: int, known: PointValue, snapshot: Snapshot, *, name: str | None = None) -> Metric:
    point = owner.points[place]
    properties: Sequence[Property] = (Property("Quality", DataType.INT32, QUALITY[known.quality]),)
    if name is not None and point.unit:
        properties = (*properties, Property("engUnit", DataType.STRING, point.unit))
    at = ms(known.source_time or snapshot.at)
    kind = _TYPES[point.kind]
    return Metric(name, _plain(point, known.value), kind, owner.alias + 1 + place, at, tuple(properties))


def _plain(point: Point, value: float | datetime | None) -> Value:
    if value is None:
        return None
    if isinstance(value, datetime):
        return ms(value)
    if not math.isfinite(value):
        return None
    return float(value) if point.kind is Kind.NUMBER else int(value)
