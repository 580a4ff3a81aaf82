"""CPU of one poll cycle: the gateway against a straight Python 3 port of the loop of the 2018 scripts.

A cycle: both streams asked, one new batch of 50 instructions and one new trajectory of ten resources. The gateway
decodes and checks all of it, commits it durably and publishes; the port fetches the same documents, parses the
trajectory, overwrites two files. Gateway, port and server are three processes; cycles alternate; CPU is the user and
system time of the process, its threads included.

The port's TLS contexts load the machine's authorities, as the scripts' did. ``--lenient`` gives the port contexts with
one authority only, to show what is left of the difference without that.

Run: python benchmarks/poll_cycle.py [--json] [--rounds 60] [--lenient]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from seed_port import SeedPort
from stub_ads import RESOURCES, STEP, Files, batch_uid, next_start, serve

from caiso_ads.ads.client import AdsClient
from caiso_ads.ads.tls import client_context
from caiso_ads.core.directive import Environment
from caiso_ads.core.state import Resource, initial
from caiso_ads.gateway import Gateway, Settings
from caiso_ads.ports import Instant, SystemClock
from caiso_ads.store.sqlite import SqlStore

TARGET = 30.0
WARM_UP = 5
_SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one cycle cost: CPU and wall time in seconds."""

    cpu_s: float
    wall_s: float


class BatchClock:
    """Real time that jumps by almost one dispatch interval before each cycle, so that the batch of it is due."""

    def __init__(self) -> None:
        self.jumped_s = 0.0

    def now(self) -> Instant:
        """Return this instant."""
        return SystemClock().now().plus(self.jumped_s)

    async def sleep(self, seconds: float) -> None:
        """Wait in real time."""
        await asyncio.sleep(seconds)


def run_gateway(link: Connection, url: str, files: Files, folder: Path) -> None:
    """Run a cycle of the gateway for each message; a process of its own."""
    asyncio.run(_run_gateway(link, url, files, folder))


async def _run_gateway(link: Connection, url: str, files: Files, folder: Path) -> None:
    clock = BatchClock()
    context = client_context(ca_file=files.authority, certificate=files.client)
    store = await SqlStore.open(folder / "gateway.db", clock)
    resources = {name: Resource(name, name, 0.0, 500.0) for name in RESOURCES}
    async with AdsClient(url, ssl_context=context) as client:
        state = initial(resources, Environment.SIMULATOR)
        gateway = Gateway(client, store, clock, state, Settings(), serving=lambda: True)
        await gateway.restore()
        number = 0
        while await asyncio.to_thread(link.recv):
            begun_cpu, begun = time.process_time(), time.perf_counter()
            await gateway.poll_once()
            link.send(Cost(time.process_time() - begun_cpu, time.perf_counter() - begun))
            assert (await store.cursors()).dispatch_uid == batch_uid(number), "each cycle has its own new batch"
            assert gateway.feed.latest.value(RESOURCES[0], "next_dot_mw").value is not None, "and publishes it"
            number += 1
            clock.jumped_s += STEP.total_seconds() - 1.0
    await store.close()


def run_port(link: Connection, url: str, files: Files, folder: Path) -> None:
    """Run a cycle of the port for each message; a process of its own."""
    os.environ["TMPDIR"] = str(folder)  # where suds keeps its parsed WSDLs
    tempfile.tempdir = None
    port = SeedPort(url, files.client, files.authority, folder, RESOURCES)
    while link.recv():
        begun_cpu, begun = time.process_time(), time.perf_counter()
        port.cycle()
        link.send(Cost(time.process_time() - begun_cpu, time.perf_counter() - begun))
        assert set(port.setpoints) == set(RESOURCES), "the port finds its setpoints"


class Worker:
    """A process that answers messages."""

    def __init__(self, target: Callable[..., None], *arguments: Any) -> None:
        self._link, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=target, args=(theirs, *arguments), daemon=True)
        self._process.start()
        theirs.close()

    def take(self) -> Any:
        """Return the next message."""
        return self._link.recv()

    def cycle(self) -> Cost:
        """Let it run one cycle."""
        self._link.send(True)
        cost = self._link.recv()
        assert isinstance(cost, Cost)
        return cost

    def end(self) -> None:
        """Let it finish."""
        self._link.send(False)
        self._process.join(10.0)


def measure(rounds: int, *, lenient: bool, begin: datetime) -> tuple[list[Cost], list[Cost]]:
    """Return the costs of the gateway and of the port, cycle by cycle."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = Files.make(folder)
        if lenient:
            os.environ["SSL_CERT_FILE"], os.environ["SSL_CERT_DIR"] = str(files.authority), str(folder / "none")
        server = Worker(serve, files, begin, rounds + WARM_UP)
        url = f"https://localhost:{server.take()}/ADS/APIWebService/v8"
        workers = [Worker(run, url, files, folder) for run in (run_gateway, run_port)]
        costs = [tuple(worker.cycle() for worker in workers) for _ in range(rounds + WARM_UP)][WARM_UP:]
        for worker in (*workers, server):
            worker.end()
    return [cost[0] for cost in costs], [cost[1] for cost in costs]


def report(ours: list[Cost], port: list[Cost]) -> dict[str, Any]:
    """Return the one result in the common form."""
    cpu, wall = (
        [statistics.median(getattr(cost, name) for cost in costs) * 1e3 for costs in (ours, port)]
        for name in ("cpu_s", "wall_s")
    )
    ratio = cpu[1] / cpu[0]
    return {
        "what": "one poll cycle with a new batch of 50 instructions, CPU",
        "value": f"{cpu[0]:.2f} ms ({wall[0]:.1f} ms wall)",
        "yardstick": f"port of the 2018 scripts {cpu[1]:.1f} ms ({wall[1]:.1f} ms wall)",
        "ratio": round(ratio, 2),
        "target": f">= {TARGET:g}",
        "met": ratio >= TARGET,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU of one poll cycle against the loop of the 2018 scripts.")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--rounds", type=int, default=60, help="cycles of each (60)")
    parser.add_argument("--lenient", action="store_true", help="give the port one authority instead of the machine's")
    options = parser.parse_args()
    result = report(*measure(options.rounds, lenient=options.lenient, begin=next_start()))
    if options.json:
        print(json.dumps({"name": "poll_cycle", "results": [result]}, indent=2))
    else:
        print(f"{result['what']}: {result['value']}")
        print(f"{result['yardstick']}")
        print(f"ratio {result['ratio']} ({result['target']}: {'met' if result['met'] else 'MISSED'})")


if __name__ == "__main__":
    main()
