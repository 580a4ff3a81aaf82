"""Snapshots as JSON documents: one for each resource, for each pricing node and for the gateway. Pure.

Rule: a document says by itself how good it is, when it was made and until when it holds; a number that is not known is
null, never 0. It is made anew when anything changes but ages and countdowns, and at least each ``refresh_s``, so an
age is right at ``at_utc`` and not later. The gateway's own document is the heartbeat: it is made for each snapshot.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

import msgspec

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
from caiso_ads.core.quality import Directive, Quality, Reason
from caiso_ads.ports import SinkContext
from caiso_ads.sinks.mqtt.topics import Topics
from caiso_ads.sinks.words import utc_text, watermark, word

FORMAT = 1
ALIVE, DEAD = "ALIVE", "DEAD"
_LATE_S = 5.0
_LMP = Point("dot_lmp_usd_per_mwh", Kind.NUMBER, "USD/MWh", "LMP of the interval dot_mw belongs to")
_NO_PRICE = PointValue(None, Quality.INIT)

Row = Sequence[PointValue]


def moves(point: Point) -> bool:
    """Whether a point changes by time alone: an age or a countdown."""
    return point.kind is Kind.NUMBER and point.unit == "s"


class _Points:
    """The points of one kind of document; ``fixed`` picks the values of those that do not move."""

    def __init__(self, points: Sequence[Point]) -> None:
        self.all = tuple(points)
        self.places = {point.key: place for place, point in enumerate(points)}
        self.fixed = itemgetter(*(place for place, point in enumerate(points) if not moves(point)))


_GATEWAY, _RESOURCE, _NODE = _Points(GATEWAY_POINTS), _Points(RESOURCE_POINTS), _Points(NODE_POINTS)
_PRICED = _Points((*RESOURCE_POINTS, _LMP))


def state_document(session: int, quality: str, at: datetime, environment: str) -> bytes:
    """Return what stands under the state topic: ALIVE while we serve; the last will says DEAD."""
    said = {"format": FORMAT, "quality": quality, "session": session, "at_utc": utc_text(at)}
    return msgspec.json.encode(said | {"environment": environment, "watermark": watermark(environment)})


@dataclass(slots=True)
class _Shown:
    """What was last sent under one topic: the points, each point's JSON, the time (s) and the number."""

    row: Row
    parts: list[bytes]
    sent_mono: float = -math.inf
    sequence: int = 0


class Documents:
    """The documents of one connection; ``session`` tells it from those before and after."""

    def __init__(self, context: SinkContext, topics: Topics, session: int, refresh_s: float) -> None:
        self._context, self._topics, self._session, self._refresh_s = context, topics, session, refresh_s
        self._shown: dict[str, _Shown] = {}
        mark = {"environment": context.environment, "watermark": watermark(context.environment)}
        self._own = {topics.gateway: _inside(mark)}
        for one in context.resource_ids:
            priced = {"node": context.node_of[one]} if one in context.node_of else {}
            self._own[topics.resource(one)] = _inside(mark | _named(one, context.names) | priced)
        for one in context.nodes:
            self._own[topics.node(one)] = _inside(mark | _named(one, context.node_names))

    def due(self, snapshot: Snapshot, mono: float) -> Iterator[tuple[str, bytes]]:
        """Yield topic and document of everything that must be sent now; ``mono`` is a monotonic time in s."""
        head = self._head(snapshot)
        for topic, points, row, always in self._rows(snapshot):
            shown = self._shown.get(topic)
            if shown is None:
                shown = self._shown[topic] = _Shown((), [])
            old = mono - shown.sent_mono >= self._refresh_s
            if old or always or _differs(points, shown.row, row):
                _encode(points, shown, row)
                shown.sent_mono, shown.sequence = mono, shown.sequence + 1
                summary = _summary(points, row)
                number = b'"sequence":%d,' % shown.sequence
                yield topic, b"".join((head, number, self._own[topic], summary, b",".join(shown.parts), b"}}"))

    def _head(self, snapshot: Snapshot) -> bytes:
        until = utc_text(snapshot.at + timedelta(seconds=self._refresh_s + _LATE_S))
        said = {"format": FORMAT, "session": self._session, "snapshot_id": snapshot.generation}
        return b"{" + _inside(said | {"at_utc": utc_text(snapshot.at), "valid_until_utc": until})

    def _rows(self, snapshot: Snapshot) -> Iterator[tuple[str, _Points, Row, bool]]:
        context, topics = self._context, self._topics
        yield topics.gateway, _GATEWAY, snapshot.gateway, True
        for one in context.resource_ids:
            row = snapshot.resources[one]
            if one in context.node_of:
                yield topics.resource(one), _PRICED, (*row, snapshot.dot_prices.get(one, _NO_PRICE)), False
            else:
                yield topics.resource(one), _RESOURCE, row, False
        for one in context.nodes:
            yield topics.node(one), _NODE, snapshot.nodes[one], False


def _named(one: str, names: Mapping[str, str]) -> dict[str, str]:
    return {"id": one, "name": names.get(one, one)}


def _inside(said: Mapping[str, Any]) -> bytes:
    """Return an object's members without its braces, to be followed by more."""
    return msgspec.json.encode(said)[1:-1] + b","


def _differs(points: _Points, before: Row, now: Row) -> bool:
    """Whether anything but an age or a countdown is another; columns are compared, because most rows have not changed."""
    if len(before) != len(now) or qualities_of(before) != qualities_of(now):
        return True
    return bool(points.fixed(values_of(before)) != points.fixed(values_of(now)))


def _encode(points: _Points, shown: _Shown, row: Row) -> None:
    """Bring ``shown.parts`` up to date: only points that are not as they were are encoded."""
    if len(shown.row) != len(row):
        shown.parts = [_part(point, item) for point, item in zip(points.all, row, strict=True)]
    else:
        for place, (was, item) in enumerate(zip(shown.row, row, strict=True)):
            if was != item:
                shown.parts[place] = _part(points.all[place], item)
    shown.row = row


def _part(point: Point, known: PointValue) -> bytes:
    said: dict[str, Any] = {"value": _plain(known.value), "quality": known.quality.name}
    if point.unit:
        said["unit"] = point.unit
    if known.source_time is not None:
        said["source_time_utc"] = utc_text(known.source_time)
    in_words = word(point, known)
    if in_words is not None:
        said["word"] = in_words
    return b'"%s":%s' % (point.key.encode(), msgspec.json.encode(said))


def _plain(value: float | datetime | None) -> float | str | None:
    if isinstance(value, datetime):
        return utc_text(value)
    if value is None or not math.isfinite(value):
        return None
    return int(value) if isinstance(value, int) else value


def _summary(points: _Points, row: Row) -> bytes:
    """Return what a reader looks at first, in words and code, and the begin of the points."""
    places = points.places
    if "quality" not in places:
        return b'"points":{'
    said: dict[str, Any] = {}
    quality = _code(row[places["quality"]], Quality.INIT)
    said |= {"quality": Quality(quality).name, "quality_code": quality}
    if "directive" in places:
        directive = _code(row[places["directive"]], Directive.NO_DATA)
        reasons = _code(row[places["reasons"]], 0)
        said |= {"directive": Directive(directive).name, "directive_code": directive}
        said |= {"reasons": [reason.name for reason in Reason(reasons)], "reasons_code": reasons}
    return _inside(said) + b'"points":{'


def _code(known: PointValue, otherwise: int) -> int:
    return int(known.value) if isinstance(known.value, int) else int(otherwise)
