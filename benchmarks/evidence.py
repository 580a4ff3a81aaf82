"""A flood of evidence beside the loop: 1,000 rows a second into the hash chain, and what the loop notices of it.

The loop is the real one with 50 resources and a real store: it ticks every 50 ms instead of every second, so that there
are enough ticks to count, and polls every half second, each time with a new batch of 50 instructions whose durable
commit shares the writer's thread with the evidence. The yardstick is the same run without evidence; the two alternate.
Lateness is how much later than due a tick has published. The ISO here is a list: no network, nothing to decode.

Run: python benchmarks/evidence.py [--json] [--seconds 10] [--rounds 2]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from commit import START, make_batch, receipt_of

from caiso_ads.app import calm_collector
from caiso_ads.core.directive import Environment
from caiso_ads.core.model import DispatchBatch, TrajectoryBatch
from caiso_ads.core.resource import Resource
from caiso_ads.core.state import initial
from caiso_ads.gateway import Gateway, Settings
from caiso_ads.loop.evidence import EvidenceLog
from caiso_ads.loop.sightings import Sightings
from caiso_ads.ports import Receipt, SystemClock
from caiso_ads.ports.answers import Fact
from caiso_ads.store.chain import AuditRow, first_broken
from caiso_ads.store.sqlite import SqlStore
from caiso_ads.wire.payload import BadItem

RATE = 1000
TICK_S = 0.05
POLL_S = 0.5
NOTE_S = 0.02
WARM_S = 1.0
LIMIT = 2.0
SLACK_S = 1.0
RESOURCES = {name: Resource(name, name, -500.0, 5000.0) for name in (f"RESRCE_{n}_UNIT" for n in range(50))}


class OneMoreEachTime:
    """An ISO with one new batch of 50 instructions for each poll, made before anything is measured."""

    def __init__(self, count: int) -> None:
        first = int((datetime.now(UTC) - START).total_seconds() // 300)
        self._batches = [make_batch(first + number) for number in range(count)]
        self._receipts = {batch.batch_uid: receipt_of(batch) for batch in self._batches}
        self._next = 0

    async def list_since(self, batch_uid: str) -> Receipt[Sequence[DispatchBatch | BadItem]]:
        """Return the next batch."""
        self._next += 1
        return Receipt("list", batch_uid, b"", datetime.now(UTC), (self._batches[self._next - 1],))

    async def fetch_batch(self, batch_uid: str) -> Receipt[DispatchBatch]:
        """Return one batch."""
        return self._receipts[batch_uid]

    async def fetch_header(self, batch_uid: str) -> Receipt[DispatchBatch]:
        """Return one batch."""
        return self._receipts[batch_uid]

    async def is_new_trajectory(self, batch_uid: str) -> bool:  # noqa: ARG002 - the protocol fixes the signature
        """There is none."""
        return False

    async def fetch_trajectories(self, batch_uid: str) -> Receipt[Sequence[TrajectoryBatch | BadItem]]:
        """There is none."""
        return Receipt("trajectories", batch_uid, b"", datetime.now(UTC), ())

    async def validate(self, batch_uid: str) -> None:
        """Take note of nothing."""


@dataclass
class Run:
    """What one run gave; times in ms. ``rows`` are the durable rows of the flood, ``late_s`` how long the last took."""

    ticks: list[float] = field(default_factory=list)
    polls: list[float] = field(default_factory=list)
    rows: int = 0
    late_s: float = 0.0
    sound: bool = True


async def run(path: Path, seconds: float, rate: int) -> Run:
    """Let the loop run for so long with so many facts a second."""
    clock, found = SystemClock(), Run()
    store = await SqlStore.open(path, clock)
    evidence = EvidenceLog(store, clock)
    sightings = Sightings(evidence.note, clock)
    source = OneMoreEachTime(int((seconds + WARM_S) / POLL_S) + 2)
    gateway = Gateway(
        source, store, clock, initial(RESOURCES, Environment.SIMULATOR), Settings(), lambda: True,
        shown=sightings.published,
    )  # fmt: skip
    await gateway.restore()
    calm_collector()
    writing = asyncio.create_task(evidence.run())
    begin = time.perf_counter() + WARM_S
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_tick(gateway, sightings, begin, seconds, found))
        tasks.create_task(_poll(gateway, begin, seconds, found))
        if rate:
            tasks.create_task(_flood(evidence, begin, seconds, rate))
    while evidence.waiting:  # noqa: ASYNC110 - the queue has no event for its own emptiness
        await asyncio.sleep(0.005)
    found.late_s = time.perf_counter() - begin - seconds
    writing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await writing
    rows = [row async for row in _rows(store)]
    await store.close()
    found.rows = sum(row.kind == "flood" for row in rows)
    found.sound = first_broken(rows) is None
    return found


async def _due(begin: float, seconds: float, every: float) -> AsyncIterator[float]:
    """Yield when something is due (s since begin), at that time or later; the time before zero is for warming up."""
    for step in range(round(-WARM_S / every), round(seconds / every)):
        due = step * every
        await asyncio.sleep(begin + due - time.perf_counter())
        yield due


async def _tick(gateway: Gateway, sightings: Sightings, begin: float, seconds: float, found: Run) -> None:
    async for due in _due(begin, seconds, TICK_S):
        gateway.tick()
        sightings.seen("modbus", gateway.feed.latest.generation)
        if due >= 0:
            found.ticks.append((time.perf_counter() - begin - due) * 1e3)


async def _poll(gateway: Gateway, begin: float, seconds: float, found: Run) -> None:
    async for due in _due(begin, seconds, POLL_S):
        started = time.perf_counter()
        await gateway.poll_once()
        if due >= 0:
            found.polls.append((time.perf_counter() - started) * 1e3)


async def _flood(evidence: EvidenceLog, begin: float, seconds: float, rate: int) -> None:
    """Note facts like those of a Modbus client's first reads."""
    async for due in _due(begin, seconds, NOTE_S):
        if due < 0:
            continue
        for number in range(round(rate * NOTE_S)):
            detail = {"sink": "modbus", "client": f"10.0.0.{number}", "unit": 1, "snapshot": 17, "after_s": 0.123}
            text = f"first read by 10.0.0.{number}, unit 1, over modbus: snapshot 17"
            uid = "DISP-0000000A-ADD6-4038-9A1B-0A090000000A"
            evidence.note(Fact("flood", datetime.now(UTC), f"10.0.0.{number}", text, uid=uid, detail=detail))


async def _rows(store: SqlStore) -> AsyncIterator[AuditRow]:
    after = 0
    while found := await store.audit_rows(after, 5000):
        for row in found:
            yield row
        after = found[-1].row


def p99(times: Sequence[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    quiet, busy = [], []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for number in range(options.rounds):
            quiet.append(asyncio.run(run(Path(folder) / f"quiet{number}.db", options.seconds, 0)))
            busy.append(asyncio.run(run(Path(folder) / f"busy{number}.db", options.seconds, RATE)))
    results = report(quiet, busy, options.seconds)
    if options.json:
        print(json.dumps({"name": "evidence", "results": results}, indent=2))
        return
    for one in results:
        told = "met" if one["met"] else "MISSED"
        print(f"{one['what']}: {one['value']} ({one['target']}: {told}); {one['yardstick']}")


def report(quiet: Sequence[Run], busy: Sequence[Run], seconds: float) -> list[dict[str, object]]:
    """Return the rows of benchmarks/README.md; the samples of all rounds count together."""
    wanted = int(seconds * RATE)
    slowest = min(one.rows / (seconds + max(0.0, one.late_s - SLACK_S)) for one in busy)
    sound = all(one.sound and one.rows == wanted for one in busy)
    late = max(one.late_s for one in busy)
    ticks, still = ([time for one in runs for time in one.ticks] for runs in (busy, quiet))
    polls, alone = ([time for one in runs for time in one.polls] for runs in (busy, quiet))
    tick_ratio, poll_ratio = p99(ticks) / p99(still), statistics.median(polls) / statistics.median(alone)
    return [
        {
            "what": f"evidence rows a second for {seconds:g} s, hash-chained and durable, beside the loop",
            "value": f"{slowest:,.0f}/s, the last written {late:.2f} s after it was noted, chain verified: {sound}",
            "yardstick": f"{RATE:,}/s noted",
            "ratio": round(slowest / RATE, 3),
            "target": ">= 1",
            "met": sound and slowest >= RATE,
        },
        {
            "what": "tick of 50 resources published after it was due, p99, with that flood",
            "value": f"{p99(ticks):.1f} ms (median {statistics.median(ticks):.1f} ms, worst {max(ticks):.1f} ms)",
            "yardstick": f"without evidence {p99(still):.1f} ms (median {statistics.median(still):.1f} ms)",
            "ratio": round(tick_ratio, 2),
            "target": f"<= {LIMIT:g}",
            "met": tick_ratio <= LIMIT,
        },
        {
            "what": "poll cycle with a new batch of 50 instructions, wall, median, with that flood",
            "value": f"{statistics.median(polls):.1f} ms (worst {max(polls):.1f} ms)",
            "yardstick": f"without evidence {statistics.median(alone):.1f} ms (worst {max(alone):.1f} ms)",
            "ratio": round(poll_ratio, 2),
            "target": f"<= {LIMIT:g}",
            "met": poll_ratio <= LIMIT,
        },
    ]


if __name__ == "__main__":
    main()
