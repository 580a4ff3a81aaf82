"""The CSV tables: one file for all resources and one for each, drawn from the point catalogue.

Rule: each file is whole, says until when it holds, and after ``close`` says SHUTDOWN for good.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from threading import Lock

from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS, Kind, Point, PointValue, Snapshot
from caiso_ads.core.quality import Quality
from caiso_ads.ports import SinkContext
from caiso_ads.sinks._files_write import replace_file
from caiso_ads.sinks.words import cell, column, csv_bytes, safe_text, shut_down, utc_text, watermark

VALID_S = 5.0  # a reader treats a file as stale from this age on: the rule for the heartbeat, promise Q5

_START = ("valid_until_utc", "watermark", "snapshot_id", "snapshot_utc")
_OWN = (*_START, "resource_id", "resource_name")
_PRICE = ("node", "dot_lmp_usd_per_mwh", "dot_lmp_quality")
_COLUMNS = _OWN + tuple(column(point) for point in RESOURCE_POINTS + GATEWAY_POINTS) + _PRICE
_NODE_COLUMNS = (*_START, "node", "node_name", *(column(point) for point in NODE_POINTS))
_LMP = Point("dot_lmp_usd_per_mwh", Kind.NUMBER, "USD/MWh", "LMP of the interval dot_mw belongs to")
_NO_PRICE = PointValue(None, Quality.INIT)


def resource_file(number: int, resource_id: str) -> str:
    """Return the file name of the n-th resource (from 1): short, and safe on every file system."""
    return f"resource-{number}-{re.sub('[^A-Za-z0-9_-]', '_', resource_id)[:40]}.csv"


def table(snapshot: Snapshot, context: SinkContext) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the headings and one row for each resource of the snapshot, in configured order."""
    start = _start(snapshot, context)
    gateway = tuple(map(cell, GATEWAY_POINTS, snapshot.gateway))
    rows = []
    for resource_id in context.resource_ids:
        names = (safe_text(resource_id), safe_text(context.names.get(resource_id, resource_id)))
        values = tuple(map(cell, RESOURCE_POINTS, snapshot.resources[resource_id]))
        rows.append((*start, *names, *values, *gateway, *_price_cells(resource_id, snapshot, context)))
    return _COLUMNS, rows


def node_table(snapshot: Snapshot, context: SinkContext) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the headings and one row for each pricing node, in served order."""
    start = _start(snapshot, context)
    rows = []
    for node in context.nodes:
        names = (safe_text(node), safe_text(context.node_names.get(node, node)))
        rows.append((*start, *names, *map(cell, NODE_POINTS, snapshot.nodes[node])))
    return _NODE_COLUMNS, rows


def _start(snapshot: Snapshot, context: SinkContext) -> tuple[str, ...]:
    until = utc_text(snapshot.at + timedelta(seconds=VALID_S))
    return (until, watermark(context.environment), str(snapshot.generation), utc_text(snapshot.at))


def _price_cells(resource_id: str, snapshot: Snapshot, context: SinkContext) -> tuple[str, str, str]:
    node = context.node_of.get(resource_id)
    if node is None:
        return ("", "", "")
    price = snapshot.dot_prices.get(resource_id, _NO_PRICE)
    return (safe_text(node), cell(_LMP, price), price.quality.name)


class Tables:
    """Writes the CSV files of one directory. Thread-safe: a late writer cannot undo ``close``."""

    def __init__(self, directory: Path, context: SinkContext) -> None:
        self._context = context
        self._all, self._prices = directory / "all.csv", directory / "prices.csv"
        self._single = [
            directory / resource_file(number, resource_id)
            for number, resource_id in enumerate(context.resource_ids, start=1)
        ]
        self._lock = Lock()
        self._closed = False

    def write(self, snapshot: Snapshot) -> None:
        """Replace every file; does nothing after ``close``. Raises OSError."""
        with self._lock:
            if not self._closed:
                self._replace(snapshot)

    def close(self, snapshot: Snapshot) -> None:
        """Replace every file a last time, with quality SHUTDOWN. Raises OSError."""
        with self._lock:
            self._closed = True
            self._replace(shut_down(snapshot))

    def _replace(self, snapshot: Snapshot) -> None:
        headings, rows = table(snapshot, self._context)
        replace_file(self._all, csv_bytes([headings, *rows]), durable=False)
        for path, row in zip(self._single, rows, strict=True):
            replace_file(path, csv_bytes([headings, row]), durable=False)
        if self._context.nodes:
            node_headings, node_rows = node_table(snapshot, self._context)
            replace_file(self._prices, csv_bytes([node_headings, *node_rows]), durable=False)
