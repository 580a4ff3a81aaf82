"""Size of one year on disk: 105,120 five-minute batches x 10 resources x 8 segments, written by the store's own code.

By default a quarter of the year is written and scaled; ``--batches 105120`` writes it all (they agree within 1 %).

Each batch goes through ``record.record_batch`` and its intent is settled, as in the gateway. Only the waiting is left
out: synchronous is OFF, the cache is large, and 500 batches share a transaction. None of it changes what is written to
a table: sizes are those of pages after the last checkpoint, and a page is the same however often the disk was asked to
keep it. The WAL is not counted; it is cut to at most 64 MiB. Packing takes longer than storing, so each packed document
serves for 20 batches. Rows (what reports read) and payloads (the evidence, with its indexes) are measured apart, with
dbstat.

Run: python benchmarks/year_size.py [--json] [--batches 26280]
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from commit import make_batch, receipt_of

from caiso_ads.ports import Receipt
from caiso_ads.store import engine, record
from caiso_ads.store.migrate import prepare
from caiso_ads.store.names import Names
from caiso_ads.store.sqlite import open_core

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
    db.execute("PRAGMA cache_size = -200000")
    return db


def fill(path: Path, batches: int) -> float:
    """Write that many batches and return the seconds it took."""
    engine.create_file(path)
    db = open_core(path, _connect_without_waiting, "BEGIN IMMEDIATE")
    prepare(db, path)
    names, began, payload = Names(), time.perf_counter(), b""
    for first in range(0, batches, 500):
        with db.begin():
            for number in range(first, min(first + 500, batches)):
                batch = make_batch(number, RESOURCES)
                if number % 20 == 0:
                    payload = receipt_of(batch).payload
                receipt = Receipt("getDispatchBatch", batch.batch_uid, payload, batch.batch_received, batch)
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


@dataclass(frozen=True, slots=True)
class Year:
    """Megabytes of each table with its indexes, scaled to a year, and how they were got."""

    batches: int
    seconds: float
    tables: dict[str, float]

    @property
    def payloads(self) -> float:
        """Megabytes of the evidence."""
        return sum(size for name, size in self.tables.items() if name in _PAYLOAD_TABLES)

    @property
    def rows(self) -> float:
        """Megabytes of everything else."""
        return sum(self.tables.values()) - self.payloads


def measure(path: Path, batches: int) -> Year:
    """Fill a database and return its sizes."""
    seconds = fill(path, batches)
    return Year(batches, seconds, {name: size * YEAR / batches / 1e6 for name, size in sizes(path).items()})


def _document(year: Year) -> dict[str, object]:
    what = f"{YEAR} batches x {RESOURCES} resources x 8 segments on disk"
    rows: dict[str, object] = {"what": f"{what}: rows", "value": f"{year.rows:.0f} MB", "yardstick": f"{LIMIT_MB} MB"}
    rows |= {"ratio": year.rows / LIMIT_MB, "target": "<= 1", "met": year.rows <= LIMIT_MB}
    evidence: dict[str, object] = {
        "what": f"{what}: payloads kept as evidence",
        "value": f"{year.payloads:.0f} MB",
        "yardstick": "none",
    }
    evidence |= {"ratio": None, "target": "", "met": True}
    return {"name": "year_size", "results": [rows, evidence]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--batches", type=int, default=YEAR // 4, help="are scaled to a year")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            year = measure(Path(folder) / "year.db", options.batches)
        except sqlite3.OperationalError as problem:
            print(f"this SQLite cannot measure tables: {problem}", file=sys.stderr)
            sys.exit(3)
    if options.json:
        print(json.dumps(_document(year)))
        return
    print(f"{year.batches} batches in {year.seconds:.0f} s; one year of {YEAR} batches x {RESOURCES} resources:")
    print(f"rows {year.rows:.1f} MB (target: at most {LIMIT_MB}), payloads {year.payloads:.1f} MB")
    for name, size in sorted(year.tables.items(), key=lambda item: -item[1]):
        print(f"  {name:<18}{size:8.2f} MB")


if __name__ == "__main__":
    main()
