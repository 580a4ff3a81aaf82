"""Durable commit of one batch of 50 instructions x 8 segments: the store against plain sqlite3 ``executemany``.

Both run WAL with synchronous=FULL on the same disk, in one run, one commit of each in turn; medians are compared.
The yardstick is kind to plain sqlite3: its rows are ready-made tuples, bound to a normalised schema of equal content
(payload, batch, instruction, segment, cursor, outbox), with no digest, no lookup of duplicates and no thread to hand
over to. The store's time runs from the awaited call with a Receipt to its return.

Run: python benchmarks/commit.py [--json] [--rounds 300]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import statistics
import tempfile
import time
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from caiso_ads.core.codes import BatchStatus, BatchType, DispatchMode, InstructionType
from caiso_ads.core.model import DispatchBatch, Instruction, InstructionDetail
from caiso_ads.ports import Receipt, SystemClock
from caiso_ads.store.sqlite import SqlStore
from caiso_ads.wire.packing import pack
from caiso_ads.wire.payload import encode

START = datetime(2026, 1, 1, tzinfo=UTC)
SEGMENTS = ("SCHD", "SUPP", "RMPS", "SPIN", "NSPN", "HASE", "MSS", "TBD")
LIMIT = 2.5


def make_batch(number: int, instructions: int = 50) -> DispatchBatch:
    """Return a five-minute batch as ADS sends it, with eight segments in each instruction."""
    start = START + timedelta(minutes=5 * number)
    uid = f"DISP-{number:08X}-ADD6-4038-9A1B-0A0900{number:06X}"
    return DispatchBatch(
        batch_uid=uid,
        market_id=str(120072117 + number),
        batch_status=BatchStatus.CLOSED,
        batch_received=start - timedelta(seconds=227),
        batch_sent=start - timedelta(seconds=226),
        batch_expires=start - timedelta(seconds=226),
        batch_type=BatchType.FIVE_MINUTE,
        start_time=start,
        dispatch_mode=DispatchMode.INTERVAL,
        binding_flag="Y",
        revision_no=0,
        instructions=tuple(_instruction(uid, start, number, n) for n in range(instructions)),
    )


def _instruction(uid: str, start: datetime, number: int, n: int) -> Instruction:
    schedule = float(20 + 5 * (n % 17))
    supplement = round(((number * 7 + n * 13) % 2000) / 100 - 10, 2)
    ramped = round(schedule + (number + n) % 3, 2)
    dot = round(ramped + supplement, 2)
    mw = (schedule, supplement, ramped, 0.0, 0.0, 0.0, 0.0, 0.0)
    return Instruction(
        instruction_uid=f"{uid}-I{(number * 31 + n * 37) % 3000}",
        batch_uid=uid,
        resource_id=f"RESRCE_{n}_UNIT",
        start_time=start + timedelta(seconds=150),
        dot_mw=dot,
        instruction_type=InstructionType.DOT,
        pre_goto_mw=round(dot - 1.25, 2),
        bid_delay_min=2,
        accept_dot_mw=dot,
        pass_indicator="RTED",
        revision_number=0,
        status_code=BatchStatus.NEW,
        hourly_mw=schedule,
        agc_flag="N",
        rmr_flag="N",
        detail=tuple(
            InstructionDetail(seg_no=k, service_type=name, mw=value)
            for k, (name, value) in enumerate(zip(SEGMENTS, mw, strict=True), 1)
        ),
    )


def receipt_of(batch: DispatchBatch) -> Receipt[DispatchBatch]:
    """Return the answer that carries this batch."""
    payload = pack(encode(batch)).encode()
    return Receipt("getDispatchBatch", batch.batch_uid, payload, batch.batch_received, batch)


_PLAIN_SCHEMA = """
CREATE TABLE payload (id INTEGER PRIMARY KEY, uid TEXT, received_at INTEGER, sha256 BLOB, body BLOB);
CREATE TABLE batch ({batch}, payload INTEGER);
CREATE TABLE instruction ({instruction});
CREATE TABLE segment (instruction_uid TEXT, seg_no INTEGER, service_type TEXT, mw REAL,
    PRIMARY KEY (instruction_uid, seg_no)) WITHOUT ROWID;
CREATE TABLE cursor (stream TEXT PRIMARY KEY, uid TEXT);
CREATE TABLE outbox (id INTEGER PRIMARY KEY, kind TEXT, batch_uid TEXT, created_at INTEGER, done INTEGER);
INSERT INTO cursor VALUES ('dispatch', '-1');
"""


def _names(noun: type[Any]) -> list[str]:
    return [field.name for field in fields(noun) if field.metadata and not field.metadata["item"]]


def _tuple(noun: Any) -> tuple[Any, ...]:
    values = (getattr(noun, name) for name in _names(type(noun)))
    return tuple(int(value.timestamp() * 1e6) if isinstance(value, datetime) else value for value in values)


class Plain:
    """The yardstick: one connection, prepared rows, ``executemany``, one commit."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        batch = ", ".join(_names(DispatchBatch)).replace("batch_uid", "batch_uid TEXT PRIMARY KEY")
        instruction = ", ".join(_names(Instruction)).replace("instruction_uid", "instruction_uid TEXT PRIMARY KEY", 1)
        self.db.executescript(_PLAIN_SCHEMA.format(batch=batch, instruction=instruction))
        self._batch = self._insert("batch", len(_names(DispatchBatch)) + 1)
        self._instruction = self._insert("instruction", len(_names(Instruction)))

    @staticmethod
    def _insert(table: str, columns: int) -> str:
        return f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})"

    @staticmethod
    def prepare(receipt: Receipt[DispatchBatch]) -> tuple[Any, ...]:
        """Make all tuples beforehand, outside of the measured time."""
        batch = receipt.content
        assert isinstance(batch, DispatchBatch)
        at = int(receipt.received_at.timestamp() * 1e6)
        segments = [
            (item.instruction_uid, part.seg_no, part.service_type, part.mw)
            for item in batch.instructions
            for part in item.detail
        ]
        payload = (batch.batch_uid, at, receipt.digest, receipt.payload)
        return payload, _tuple(batch), [_tuple(item) for item in batch.instructions], segments

    def commit(self, prepared: tuple[Any, ...]) -> None:
        """Write one batch durably."""
        payload, batch, instructions, segments = prepared
        db = self.db
        db.execute("BEGIN IMMEDIATE")
        row = db.execute("INSERT INTO payload (uid, received_at, sha256, body) VALUES (?, ?, ?, ?)", payload).lastrowid
        db.execute(self._batch, (*batch, row))
        db.executemany(self._instruction, instructions)
        db.executemany("INSERT INTO segment VALUES (?, ?, ?, ?)", segments)
        db.execute("UPDATE cursor SET uid = ? WHERE stream = 'dispatch'", (payload[0],))
        db.execute("INSERT INTO outbox (kind, batch_uid, created_at, done) VALUES ('validate', ?, ?, 0)", payload[:2])
        db.execute("COMMIT")


async def measure(folder: Path, rounds: int) -> tuple[float, float]:
    """Return the medians of the store and of the yardstick in milliseconds."""
    plain, store = Plain(folder / "plain.db"), await SqlStore.open(folder / "store.db", SystemClock())
    receipts = [receipt_of(make_batch(number)) for number in range(rounds)]
    prepared = [plain.prepare(receipt) for receipt in receipts]
    ours, theirs = [], []
    for receipt, ready in zip(receipts, prepared, strict=True):
        began = time.perf_counter()
        plain.commit(ready)
        between = time.perf_counter()
        await store.record_batch(receipt, acknowledge=True)
        theirs.append(between - began)
        ours.append(time.perf_counter() - between)
    await store.close()
    plain.db.close()
    warm = rounds // 10  # the first commits fill caches on both sides
    return statistics.median(ours[warm:]) * 1e3, statistics.median(theirs[warm:]) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--rounds", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        ours, theirs = asyncio.run(measure(Path(folder), options.rounds))
    result = {
        "what": "durable commit of 50 instructions x 8 segments",
        "value": f"{ours:.2f} ms",
        "yardstick": f"sqlite3 executemany {theirs:.2f} ms",
        "ratio": ours / theirs,
        "target": f"<= {LIMIT}",
        "met": ours <= LIMIT * theirs,
    }
    if options.json:
        print(json.dumps({"name": "commit", "results": [result]}))
    else:
        print(f"store {ours:.2f} ms, plain sqlite3 {theirs:.2f} ms: {ours / theirs:.2f}x (target: at most {LIMIT}x)")


if __name__ == "__main__":
    main()
