"""What prices cost the store: the size of a year of ten nodes, and the time of one answer with all nodes.

The year is written as the gateway would, one answer for each five minutes with all components, a tenth of it and
scaled; only the waiting for the disk is left out, which changes no page. The answer with all nodes is one hour of
17,000 nodes through ``SqlStore.record_prices`` on a real file: stored, seen again, and with every price changed.

Run: python benchmarks/price_store.py [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sqlite3
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from caiso_ads.core.price import Market, Price
from caiso_ads.ports import SystemClock
from caiso_ads.ports.prices import PriceAnswer
from caiso_ads.store import engine, prices
from caiso_ads.store.migrate import prepare
from caiso_ads.store.sqlite import SqlStore, open_core

YEAR, PART = 105_120, 10_512
BEGIN, FIVE = datetime(2026, 1, 1, tzinfo=UTC), timedelta(minutes=5)
LIMIT_MB, LIMIT_S = 100, 5
_SIZE = "SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'price%'"


def answer(nodes: int, first: int, count: int, chance: random.Random, delay_s: float) -> PriceAnswer:
    """Return so many intervals of so many nodes with all components, received so long after the first begins."""

    def part(spread: float, around: float = 0.0) -> float:
        return round(chance.gauss(around, spread), 5)

    told = tuple(
        Price(
            f"NODE_{node}_7_N{node:05}",
            Market.RTD,
            start,
            start + FIVE,
            part(9, 30),
            part(9, 30),
            part(2),
            part(1),
            0.0,
        )
        for node in range(nodes)
        for start in (BEGIN + n * FIVE for n in range(first, first + count))
    )
    received = BEGIN + first * FIVE + timedelta(seconds=delay_s)
    return PriceAnswer("queryname=PRC_CURR_LMP", Market.RTD, 3, received, told)


def _connect_without_waiting(path: Path) -> sqlite3.Connection:
    db = engine.connect_writer(path)
    db.execute("PRAGMA synchronous = OFF")
    return db


def year_mb(path: Path) -> float:
    """Return the megabytes of a year of ten nodes; raises sqlite3.OperationalError without dbstat."""
    engine.create_file(path)
    db = open_core(path, _connect_without_waiting, "BEGIN IMMEDIATE")
    prepare(db, path)
    chance = random.Random(1)
    for first in range(0, PART, 100):
        with db.begin():
            for number in range(first, min(first + 100, PART)):
                prices.record_prices(db, answer(10, number, 1, chance, 137.123456))
    db.close()
    raw = sqlite3.connect(path)
    try:
        return float(raw.execute(_SIZE).fetchone()[0]) * YEAR / PART / 1e6
    finally:
        raw.close()


async def all_nodes_s(path: Path) -> list[float]:
    """Return the seconds of CPU time to store an answer with all nodes, to see it again, and to correct all of it."""
    store = await SqlStore.open(path, SystemClock())
    taken = []
    for seed, delay_s in ((1, 4000.0), (1, 8000.0), (2, 12000.0)):
        told = answer(17_000, 0, 12, random.Random(seed), delay_s)
        began = time.process_time()
        await store.record_prices(told)
        taken.append(time.process_time() - began)
    await store.close()
    return taken


def _row(what: str, value: float, unit: str, limit: float | None) -> dict[str, object]:
    row: dict[str, object] = {"what": what, "value": f"{value:.3g} {unit}", "yardstick": "none", "ratio": None}
    if limit is None:
        return {**row, "target": "", "met": True}
    ratio = round(value / limit, 3)
    return {**row, "yardstick": f"{limit} {unit}", "ratio": ratio, "target": "<= 1", "met": ratio <= 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            year = year_mb(Path(folder) / "year" / "year.db")
        except sqlite3.OperationalError as problem:
            print(f"this SQLite cannot measure tables: {problem}", file=sys.stderr)
            sys.exit(3)
        stored, again, changed = asyncio.run(all_nodes_s(Path(folder) / "all" / "all.db"))
    rows = [
        _row("a year of 5-minute prices of 10 nodes on disk", year, "MB", LIMIT_MB),
        _row("204,000 prices in one answer, stored: CPU", stored, "s", LIMIT_S),
        _row("204,000 prices in one answer, seen again: CPU", again, "s", LIMIT_S),
        _row("204,000 prices in one answer, all corrected: CPU", changed, "s", None),
    ]
    if options.json:
        print(json.dumps({"name": "price_store", "results": rows}))
        return
    for row in rows:
        print(f"{row['what']}: {row['value']} (yardstick {row['yardstick']})")


if __name__ == "__main__":
    main()
