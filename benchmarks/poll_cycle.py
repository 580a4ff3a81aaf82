"""CPU of one poll cycle: the gateway against a straight Python 3 port of the loop of the 2018 scripts.

A cycle: both streams asked, one new batch of 50 instructions and one new trajectory of ten resources. The gateway
decodes and checks all of it, commits it durably and publishes; the port fetches the same documents, parses the
trajectory and overwrites two files. The second figure adds what the gateway does beside: it asks again for the headers
of the two batches that govern the present and the next interval. Gateway, port and server are processes of their own;
cycles alternate; CPU is the user and system time of a process, its threads included.

The port builds its client from the WSDL each cycle and a TLS context with the machine's authorities for each call.
``--kind`` spares it both: suds' cache of parsed WSDLs is on, and its contexts load one authority only. That shows what
is left of the difference without them.

Run: python benchmarks/poll_cycle.py [--json] [--rounds 60] [--kind]
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
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from seed_port import SeedPort
from stub_ads import RESOURCES, STEP, Files, batch_uid, next_start, serve

from caiso_ads.ads.client import AdsClient
from caiso_ads.ads.tls import client_context
from caiso_ads.core.directive import Environment
from caiso_ads.core.resource import Resource
from caiso_ads.core.state import initial
from caiso_ads.gateway import Gateway, Settings
from caiso_ads.ports import Instant, SystemClock
from caiso_ads.store.sqlite import SqlStore

TARGET = 30.0
WARM_UP = 5
PAST_S = 600.0  # so far ahead of the batches none of them is re-checked
_SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one cycle cost: CPU and wall time in seconds."""

    cpu_s: float
    wall_s: float


class BatchClock:
    """Real time, ``ahead_s`` ahead, that jumps by almost one interval from cycle to cycle, as the batches do."""

    def __init__(self, ahead_s: float) -> None:
        self.jumped_s = ahead_s

    def now(self) -> Instant:
        """Return this instant."""
        return SystemClock().now().plus(self.jumped_s)

    async def sleep(self, seconds: float) -> None:
        """Wait in real time."""
        await asyncio.sleep(seconds)


def run_gateway(link: Connection, url: str, files: Files, folder: Path, ahead_s: float) -> None:
    """Run a cycle of the gateway for each message; a process of its own."""
    asyncio.run(_run_gateway(link, url, files, folder, ahead_s))


async def _run_gateway(link: Connection, url: str, files: Files, folder: Path, ahead_s: float) -> None:
    clock = BatchClock(ahead_s)
    context = client_context(ca_file=files.authority, certificate=files.client)
    store = await SqlStore.open(folder / f"gateway{ahead_s:.0f}.db", clock)
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
            shown = gateway.feed.latest.value(RESOURCES[0], "dot_mw" if ahead_s else "next_dot_mw")
            assert shown.value is not None, "and publishes it"
            number += 1
            clock.jumped_s += STEP.total_seconds() - 1.0
    await store.close()


def run_port(link: Connection, url: str, files: Files, folder: Path, kind: bool) -> None:  # noqa: FBT001 - spawn takes positions
    """Run a cycle of the port for each message; a process of its own."""
    os.environ["TMPDIR"] = str(folder)  # where suds keeps its parsed WSDLs
    tempfile.tempdir = None
    port = SeedPort(url, files.client, files.authority, folder, RESOURCES, cached_wsdl=kind)
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


def measure(rounds: int, *, kind: bool) -> list[list[Cost]]:
    """Return the costs, cycle by cycle: the gateway, the gateway with re-checks, the port."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = Files.make(folder)
        if kind:
            os.environ["SSL_CERT_FILE"], os.environ["SSL_CERT_DIR"] = str(files.authority), str(folder / "none")
        server = Worker(serve, files, next_start(), rounds + WARM_UP)
        url = f"https://localhost:{server.take()}/ADS/APIWebService/v8"
        workers = [
            Worker(run_gateway, url, files, folder, PAST_S),
            Worker(run_gateway, url, files, folder, 0.0),
            Worker(run_port, url, files, folder, kind),
        ]
        costs = [[worker.cycle() for worker in workers] for _ in range(rounds + WARM_UP)][WARM_UP:]
        for worker in (*workers, server):
            worker.end()
    return [list(one) for one in zip(*costs, strict=True)]


def median_ms(costs: list[Cost], name: str) -> float:
    return float(statistics.median(getattr(cost, name) for cost in costs)) * 1e3


def result(what: str, ours: list[Cost], port: list[Cost]) -> dict[str, Any]:
    """Return one result in the common form."""
    ratio = median_ms(port, "cpu_s") / median_ms(ours, "cpu_s")
    return {
        "what": what,
        "value": f"{median_ms(ours, 'cpu_s'):.2f} ms ({median_ms(ours, 'wall_s'):.1f} ms wall)",
        "yardstick": f"port of the 2018 scripts {median_ms(port, 'cpu_s'):.1f} ms "
        f"({median_ms(port, 'wall_s'):.1f} ms wall)",
        "ratio": round(ratio, 2),
        "target": f">= {TARGET:g}",
        "met": ratio >= TARGET,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU of one poll cycle against the loop of the 2018 scripts.")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--rounds", type=int, default=60, help="cycles of each (60)")
    parser.add_argument("--kind", action="store_true", help="spare the port its WSDL and the machine's authorities")
    options = parser.parse_args()
    plain, live, port = measure(options.rounds, kind=options.kind)
    results = [
        result("one poll cycle with a new batch of 50 instructions, CPU", plain, port),
        result("the same, and two open batches re-checked", live, port),
    ]
    if options.json:
        print(json.dumps({"name": "poll_cycle", "results": results}, indent=2))
        return
    for one in results:
        print(f"{one['what']}: {one['value']}; {one['yardstick']}")
        print(f"  ratio {one['ratio']} ({one['target']}: {'met' if one['met'] else 'MISSED'})")


if __name__ == "__main__":
    main()
