"""The live state as one JSON file, for ``caiso-ads status`` and for scripts on the same machine.

Rule: the file is replaced as a whole, at most twice a second, and is not forced to the disk: after a power cut an old
or empty file is right, because the gateway is not running. Point ``path`` at a memory disk (``/run/...``) to spare
flash. Its age is the file's modification time; ``at`` inside is the gateway's own clock.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS, Kind, Point, PointValue, Snapshot
from caiso_ads.errors import ConfigError
from caiso_ads.ports import Feed, SinkContext
from caiso_ads.sinks._files_write import replace_file
from caiso_ads.sinks.words import shut_down, utc_text, watermark, word

FORMAT = 1
LMP = Point("dot_lmp_usd_per_mwh", Kind.NUMBER, "USD/MWh", "LMP of the interval dot_mw belongs to")
_PERIOD_S = 0.5  # a change of directive must be seen within a second
_NAME = "status"

_log = logging.getLogger(__name__)


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[sinks.status]``."""

    path: Annotated[Path | None, Meta(description="the file; by default beside the store, named .status.json")] = None
    required: Annotated[bool, Meta(description="acknowledge to the ISO only while this sink works")] = False

    def build(self, context: SinkContext) -> StatusSink:
        """Return the sink; does no I/O. Raises ConfigError without a path."""
        if self.path is None:
            raise ConfigError("must be given where no store file stands beside it", table="sinks.status", key="path")
        return StatusSink(self.path, context)


class StatusSink:
    """Writes one JSON file, twice a second at most; ``state`` is running or stopped."""

    def __init__(self, path: Path, context: SinkContext) -> None:
        self._path, self._context = path, context

    async def run(self, feed: Feed, started: Callable[[], None]) -> None:
        """Serve until cancelled, then write ``stopped``. Raises OSError when the file cannot be written."""
        clock = self._context.clock
        await asyncio.to_thread(self._path.parent.mkdir, parents=True, exist_ok=True)
        file = _StatusFile(self._path, self._context)
        await asyncio.to_thread(file.write, feed.latest)
        started()
        try:
            while True:
                written, begun = feed.latest, clock.now().mono
                await asyncio.to_thread(file.write, written)
                self._context.evidence.seen(_NAME, written.generation)
                await clock.sleep(max(0.0, begun + _PERIOD_S - clock.now().mono))
                await feed.after(written.generation)
        except asyncio.CancelledError:
            try:
                file.stop(feed.latest)  # not in a thread: a cancelled task may not wait, and it is one small file
            except OSError as error:
                _log.warning("status: the file could not be marked stopped: %s", error)
            raise


class _StatusFile:
    """The file of one run. Thread-safe: a late writer cannot undo ``stop``."""

    def __init__(self, path: Path, context: SinkContext) -> None:
        self._path, self._context = path, context
        self._lock = Lock()
        self._stopped = False

    def write(self, snapshot: Snapshot) -> None:
        with self._lock:
            if not self._stopped:
                self._replace(document(snapshot, self._context, "running"))

    def stop(self, snapshot: Snapshot) -> None:
        with self._lock:
            self._stopped = True
            self._replace(document(shut_down(snapshot), self._context, "stopped"))

    def _replace(self, shown: dict[str, Any]) -> None:
        replace_file(self._path, msgspec.json.encode(shown), durable=False)


def document(snapshot: Snapshot, context: SinkContext, state: str) -> dict[str, Any]:
    """Return the whole snapshot as plain values; a number that is not known is null, never 0."""
    return {
        "format": FORMAT,
        "state": state,
        "snapshot_id": snapshot.generation,
        "at": utc_text(snapshot.at),
        "environment": context.environment,
        "watermark": watermark(context.environment),
        "gateway": _points(GATEWAY_POINTS, snapshot.gateway),
        "resources": [
            {
                "id": resource_id,
                "name": context.names.get(resource_id, resource_id),
                "points": _points(RESOURCE_POINTS, snapshot.resources[resource_id]),
                **_price(resource_id, snapshot, context),
            }
            for resource_id in context.resource_ids
        ],
        "nodes": [
            {
                "id": node,
                "name": context.node_names.get(node, node),
                "points": _points(NODE_POINTS, snapshot.nodes[node]),
            }
            for node in context.nodes
        ],
        "sinks": context.sinks(),
    }


def _price(resource_id: str, snapshot: Snapshot, context: SinkContext) -> dict[str, Any]:
    """Return a resource's node and the price of the interval its dot_mw belongs to; nothing without a node."""
    known = snapshot.dot_prices.get(resource_id)
    if known is None:
        return {}
    return {"node": context.node_of.get(resource_id, ""), "dot_lmp": shown(LMP, known)}


def _points(points: Sequence[Point], values: Sequence[PointValue]) -> dict[str, dict[str, Any]]:
    return {point.key: shown(point, known) for point, known in zip(points, values, strict=True)}


def shown(point: Point, known: PointValue) -> dict[str, Any]:
    """Return one point as plain values: value, quality, and unit, source time and word where there are any."""
    told: dict[str, Any] = {"value": _plain(known.value), "quality": known.quality.name}
    if point.unit:
        told["unit"] = point.unit
    if known.source_time is not None:
        told["source_time"] = utc_text(known.source_time)
    in_words = word(point, known)
    if in_words is not None:
        told["word"] = in_words
    return told


def _plain(value: float | datetime | None) -> float | str | None:
    if isinstance(value, datetime):
        return utc_text(value)
    if value is None or not math.isfinite(value):
        return None
    return int(value) if isinstance(value, int) else value  # a plain number, also where it is a member of an enum
