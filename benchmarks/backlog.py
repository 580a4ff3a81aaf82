"""After an outage: how soon the present is shown and the whole history is stored, at 50 ms for each answer.

The built-in simulator runs in a process of its own with 24 hours of history; every answer waits 50 ms. The gateway is
the real one: mutual TLS, decoding, durable SQLite, publishing. The yardstick is the same server asked one batch after
the other with the same client, without storing anything.

Run: python benchmarks/backlog.py [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import sqlite3
import tempfile
import time
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from caiso_ads.ads.client import AdsClient
from caiso_ads.ads.tls import client_context
from caiso_ads.core.directive import Environment
from caiso_ads.core.quality import Quality
from caiso_ads.core.resource import Resource
from caiso_ads.core.state import initial
from caiso_ads.gateway import Gateway, Settings
from caiso_ads.ports import SystemClock
from caiso_ads.simulator.faults import Fault
from caiso_ads.simulator.fleet import default_fleet
from caiso_ads.simulator.kit import KitPaths, write_kit
from caiso_ads.simulator.server import AdsSimulator
from caiso_ads.store.sqlite import SqlStore

LATENCY_S = 0.05
LIMIT_S = 10.0
SAMPLE = 60


def serve(link: Connection, folder: Path) -> None:
    """Run the simulator until told to end; sends its addresses when ready."""

    async def main() -> None:
        async with AdsSimulator(directory=folder, keep=10) as simulator:
            simulator.faults.add(Fault(kind="late", times=None, seconds=LATENCY_S))
            link.send((simulator.url, simulator.response_url))
            await asyncio.to_thread(link.recv)

    asyncio.run(main())


async def measure(folder: Path, url: str, kit: KitPaths) -> list[dict[str, Any]]:
    """Run one first cycle of a new gateway and compare it with asking one by one."""
    context = client_context(ca_file=kit.ca, certificate=kit.certificate, key=kit.key)
    clock = SystemClock()
    resources = {
        item.resource_id: Resource(item.resource_id, item.name, -500.0, 500.0) for item in default_fleet().resources
    }
    async with AdsClient(url, ssl_context=context) as client:
        headers = await client.dispatch_batches_since("-1")
        begun = time.perf_counter()
        for header in headers[:SAMPLE]:
            await client.dispatch_batch(header.batch_uid)
        one_by_one = (time.perf_counter() - begun) / SAMPLE * len(headers)
    store = await SqlStore.open(folder / "backlog.db", clock)
    async with AdsClient(url, ssl_context=context) as client:
        state = initial(resources, Environment.SIMULATOR)
        gateway = Gateway(client, store, clock, state, Settings(), serving=lambda: True)
        await gateway.restore()
        begun = time.perf_counter()
        await gateway.poll_once()
        whole = time.perf_counter() - begun
        good = gateway.feed.latest.value(next(iter(resources)), "setpoint_mw").quality is Quality.GOOD
    await store.close()
    listed = [header.batch_uid for header in headers]
    with closing(sqlite3.connect(folder / "backlog.db")) as db:
        stored = [uid for (uid,) in db.execute("SELECT uid FROM payload WHERE stream = 1 ORDER BY id")]
    kept = stored[: len(listed)] == listed
    return [
        {
            "what": f"backlog of {len(listed)} batches at 50 ms an answer, until all are stored",
            "value": f"{whole:.1f} s",
            "yardstick": f"one by one, nothing stored: {one_by_one:.1f} s",
            "ratio": round(one_by_one / whole, 1),
            "target": f"<= {LIMIT_S:g} s, in list order",
            "met": whole <= LIMIT_S and kept,
        },
        {
            "what": "present setpoint good after how many cycles",
            "value": "1" if good else "more",
            "yardstick": "-",
            "ratio": 1,
            "target": "<= 1",
            "met": good,
        },
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Catching up after an outage.")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        link, theirs = spawn.Pipe()
        process = spawn.Process(target=serve, args=(theirs, folder), daemon=True)
        process.start()
        url, response_url = link.recv()
        kit = write_kit(folder, url, response_url, default_fleet(), modbus_port=5020, poll_interval_s=10.0)
        results = asyncio.run(measure(folder, url, kit))
        link.send(None)
        process.join(10.0)
    if options.json:
        print(json.dumps({"name": "backlog", "results": results}, indent=2))
        return
    for one in results:
        print(
            f"{one['what']}: {one['value']} ({one['target']}: {'met' if one['met'] else 'MISSED'}); {one['yardstick']}"
        )


if __name__ == "__main__":
    main()
