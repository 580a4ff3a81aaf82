"""Size of one year on disk: 105,120 five-minute batches x 10 resources x 8 segments, written by the store's own code.

Each batch goes through ``record.record_batch`` and its intent is settled, as in the gateway. Only the waiting is left out: synchronous is OFF and
500 batches share a transaction. Neither changes what is written to a table: sizes are those of pages after the last
checkpoint, and a page is the same however often the disk was asked to keep it. The WAL is not counted; it is cut to at
most 64 MiB. Rows (what reports read) and payloads (the evidence, with its indexes) are measured apart with dbstat.

Run: python benchmarks/year_size.py [--json] [--batches 105120]
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from caiso_ads.store import engine, record
from caiso_ads.store.migrate import prepare
from caiso_ads.store.names import Names
from caiso_ads.store.sqlite import open_core

sys.path.insert(0, str(Path(__file__).parent))
from commit import make_batch, receipt_of

YEAR = 105_120
RESOURCES = 10
LIMIT_MB = 150
_PAYLOAD_TABLES = ("payload", "bad_item")
_SIZES = """
    SELECT coalesce(m.tbl_name, s.name) AS of_table, sum(s.pgsize) AS size
    FROM dbstat s LEFT JOIN sqlite_master m ON m.name = s.name GROUP BY of_table"""


def _connect_without_waiting(path: Path) -> sqlite3.Connection:
    db = engine.connect_writer(path)
    db.execute("PRAGMA synchronous = OFF")
    return db


def fill(path: Path, batches: int) -> float:
    """Write that many batches and return the seconds it took."""
    engine.create_file(path)
    db = open_core(path, _connect_without_waiting, "BEGIN IMMEDIATE")
    prepare(db, path)
    names, began = Names(), time.perf_counter()
    for first in range(0, batches, 500):
        with db.begin():
            for number in range(first, min(first + 500, batches)):
                receipt = receipt_of(make_batch(number, RESOURCES))
                done = record.record_batch(db, names, receipt, move_cursor=True, acknowledge=True)
                assert done.intent is not None
                record.settle_intent(db, done.intent.intent_id, result="ok", done=True, at=receipt.received_at)
    taken = time.perf_counter() - began
    db.close()
    return taken


def sizes(path: Path) -> dict[str, int]:
    """Return the bytes of each table with its indexes; raises sqlite3.OperationalError without dbstat."""
    db = sqlite3.connect(path)
    try:
        return dict(db.execute(_SIZES).fetchall())
    finally:
        db.close()


def measure(path: Path, batches: int) -> dict[str, object]:
    """Fill a database and return its sizes, scaled to a year."""
    seconds, scale = fill(path, batches), YEAR / batches / 1e6
    tables = {name: size * scale for name, size in sizes(path).items()}
    payloads = sum(size for name, size in tables.items() if name in _PAYLOAD_TABLES)
    return {
        "batches": batches,
        "seconds": round(seconds, 1),
        "rows_mb": round(sum(tables.values()) - payloads, 1),
        "payloads_mb": round(payloads, 1),
        "file_mb": round(path.stat().st_size * scale, 1),
        "limit_mb": LIMIT_MB,
        "tables_mb": {name: round(size, 2) for name, size in sorted(tables.items(), key=lambda item: -item[1])},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--batches", type=int, default=YEAR, help="fewer are scaled to a year (default: a whole year)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        result = measure(Path(folder) / "year.db", options.batches)
    if options.json:
        print(json.dumps(result))
        return
    print(f"{result['batches']} batches in {result['seconds']} s; one year of {YEAR} batches x {RESOURCES} resources:")
    print(f"rows {result['rows_mb']} MB (target: at most {LIMIT_MB}), payloads {result['payloads_mb']} MB")
    print(json.dumps(result["tables_mb"]))


if __name__ == "__main__":
    main()
