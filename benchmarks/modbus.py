"""Modbus reads a second against a libmodbus C server: alternating slices, every reply checked.

Server on one CPU, load generator (C) on another, 100 holding registers a request, one outstanding request for each
master. "cold" is the first slice after a fresh start of both servers; "warm" is the median of the later ones. The
server under test publishes a new snapshot of 50 resources each second while it is measured.
Needs gcc and libmodbus (Debian: libmodbus-dev). Run: ``python benchmarks/modbus.py [--json]``.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from caiso_ads.core.points import GATEWAY_POINTS, RESOURCE_POINTS, Kind, Point, PointValue, Snapshot
from caiso_ads.core.quality import Quality
from caiso_ads.loop.sightings import Sightings
from caiso_ads.ports import Feed, SystemClock
from caiso_ads.sinks.modbus import Config
from caiso_ads.sinks.modbus.server import ModbusSink

HERE = Path(__file__).parent
RESOURCES = tuple(f"RESOURCE_{number}" for number in range(50))
CONFIG = Config(max_connections=256, max_per_address=256)
FIRST = CONFIG.plan(RESOURCES).block_base(0)
TARGET = {"asyncio": 0.85, "uvloop": 0.95}


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice of one server."""

    server: str
    reads_per_s: float
    p50_us: float
    p99_us: float
    generator_cpu: float


@dataclass(frozen=True, slots=True)
class Result:
    """One cell of the table: a loop and a number of masters. Ratios are of neighbouring slices."""

    loop: str
    masters: int
    pairs: int
    ours_reads_per_s: float
    reference_reads_per_s: float
    ours_p99_us: float
    reference_p99_us: float
    cold_ratio: float
    warm_ratio: float
    warm_quartiles: tuple[float, float]
    generator_cpu: float
    target: float

    def row(self) -> dict[str, Any]:
        """Return the form of benchmarks/README.md."""
        return {
            "what": f"Modbus reads of 100 registers, {self.masters} masters, {self.loop}, warm",
            "value": f"{self.ours_reads_per_s:,.0f}/s, p99 {self.ours_p99_us:.0f} us (cold ratio {self.cold_ratio:.2f})",
            "yardstick": f"libmodbus C server {self.reference_reads_per_s:,.0f}/s, p99 {self.reference_p99_us:.0f} us",
            "ratio": self.warm_ratio,
            "target": f">= {self.target}",
            "met": self.warm_ratio >= self.target,
        }


# --- the server under test, in its own process --------------------------------------------------------------------


async def serve(port: int) -> None:
    """Serve until killed, a new snapshot each second."""
    snapshot = _snapshot()
    feed = Feed(snapshot)
    plan, settings = CONFIG.plan(RESOURCES), CONFIG.settings()
    evidence = Sightings(lambda _fact: None, SystemClock())  # as in the gateway: each master's reads are followed
    sink = ModbusSink(plan, replace(settings, port=port), evidence)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sink.run(feed, lambda: print("ready", flush=True)))
        while True:
            await asyncio.sleep(1)
            snapshot = Snapshot(snapshot.generation + 1, datetime.now(UTC), snapshot.gateway, snapshot.resources)
            feed.publish(snapshot)


def _snapshot() -> Snapshot:
    now = datetime.now(UTC)

    def value(point: Point) -> PointValue:
        return PointValue(now if point.kind is Kind.TIME else 1, Quality.GOOD, now)

    resources = dict.fromkeys(RESOURCES, tuple(map(value, RESOURCE_POINTS)))
    return Snapshot(1, now, tuple(map(value, GATEWAY_POINTS)), resources)


# --- the measurement ----------------------------------------------------------------------------------------------


def pin(process: subprocess.Popen[str], cpu: int) -> None:
    """Give a process one CPU, where the system allows it and has more than one."""
    if sys.platform == "linux" and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(process.pid, {cpu})


def start(command: Sequence[str], cpu: int) -> subprocess.Popen[str]:
    """Start a server and wait until it says "ready"."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    pin(process, cpu)
    assert process.stdout is not None
    if process.stdout.readline().strip() != "ready":
        raise SystemExit(f"{command[0]} did not start")
    return process


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def build(folder: Path) -> tuple[Path, Path]:
    """Compile both C programs; ends with status 3 where a tool is missing."""
    header = Path("/usr/include/modbus/modbus.h")
    if not shutil.which("gcc") or not header.exists() or sys.platform != "linux":
        print("needs Linux, gcc and libmodbus-dev", file=sys.stderr)
        raise SystemExit(3)
    reference, generator = folder / "reference", folder / "loadgen"
    flags = ["-O2", "-std=gnu11", "-Wall", "-Wextra"]
    include = [f"-I{header.parent}"]
    subprocess.run(
        ["gcc", *flags, *include, str(HERE / "modbus_c/reference.c"), "-lmodbus", "-o", str(reference)], check=True
    )
    subprocess.run(["gcc", *flags, str(HERE / "modbus_c/loadgen.c"), "-o", str(generator)], check=True)
    return reference, generator


def load(generator: Path, masters: int, pairs: int, slice_ms: int, ports: tuple[int, int]) -> list[Slice]:
    """Run the generator; A is ours, B the reference."""
    arguments = [str(n) for n in (FIRST, masters, pairs, slice_ms, *ports)]
    process = subprocess.Popen([str(generator), *arguments], stdout=subprocess.PIPE, text=True)
    pin(process, 1)
    output, _ = process.communicate(timeout=120)
    if process.returncode:
        raise SystemExit("the load generator met a wrong reply or a lost connection")
    slices = []
    for line in output.splitlines():
        server, replies, seconds, p50, p99, cpu = line.split()
        took = float(seconds)
        slices.append(Slice(server, int(replies) / took, float(p50), float(p99), float(cpu) / took))
    return slices


def measure(tools: tuple[Path, Path], loop: str, masters: int, pairs: int, slice_ms: int) -> Result:
    """Measure one cell with fresh servers."""
    reference, generator = tools
    ports = free_port(), free_port()
    ours = [sys.executable, str(Path(__file__).resolve()), "--serve", str(ports[0]), "--loop", loop]
    servers = [start(ours, 0), start([str(reference), str(ports[1]), str(FIRST)], 0)]
    try:
        slices = load(generator, masters, pairs, slice_ms, ports)
    finally:
        for server in servers:
            server.kill()
            server.communicate()
    a, b = slices[0::2], slices[1::2]
    ratios = [x.reads_per_s / y.reads_per_s for x, y in zip(a, b, strict=True)]
    warm = sorted(ratios[1:])
    return Result(
        loop=loop,
        masters=masters,
        pairs=pairs,
        ours_reads_per_s=round(median(x.reads_per_s for x in a[1:])),
        reference_reads_per_s=round(median(x.reads_per_s for x in b[1:])),
        ours_p99_us=median(x.p99_us for x in a[1:]),
        reference_p99_us=median(x.p99_us for x in b[1:]),
        cold_ratio=round(ratios[0], 3),
        warm_ratio=round(median(warm), 3),
        warm_quartiles=(round(warm[len(warm) // 4], 3), round(warm[-1 - len(warm) // 4], 3)),
        generator_cpu=round(max(x.generator_cpu for x in slices), 2),
        target=TARGET[loop],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--pairs", type=int, default=9, help="slices of each server in a cell, the first is cold")
    parser.add_argument("--slice-ms", type=int, default=1000)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--loop", default="", help="asyncio or uvloop only")
    options = parser.parse_args()
    loops = [options.loop] if options.loop else [one for one in TARGET if one == "asyncio" or _has_uvloop()]
    if options.serve:
        _run(serve(options.serve), loops[0])
        return
    with tempfile.TemporaryDirectory() as folder:
        tools = build(Path(folder))
        results = [measure(tools, loop, n, options.pairs, options.slice_ms) for loop in loops for n in (10, 50)]
    if options.json:
        print(json.dumps({"name": "modbus", "results": [result.row() for result in results]}, indent=2))
        return
    print("loop     masters  reads/s ours  libmodbus  p99 us ours  libmodbus  cold   warm (quartiles)      target")
    for r in results:
        spread = f"{r.warm_ratio:.2f} ({r.warm_quartiles[0]:.2f}..{r.warm_quartiles[1]:.2f})"
        print(
            f"{r.loop:8} {r.masters:7} {r.ours_reads_per_s:13,.0f} {r.reference_reads_per_s:10,.0f} {r.ours_p99_us:12.0f}"
            f" {r.reference_p99_us:10.0f} {r.cold_ratio:5.2f}   {spread:20} {r.target:6.2f}"
        )
    print(f"load generator: at most {max(r.generator_cpu for r in results):.0%} of its CPU; every reply checked")


def _has_uvloop() -> bool:
    return importlib.util.find_spec("uvloop") is not None


def _run(work: Any, loop: str) -> None:
    if loop == "uvloop":
        uvloop = importlib.import_module("uvloop")
        asyncio.Runner(loop_factory=uvloop.new_event_loop).run(work)
    else:
        asyncio.run(work)


if __name__ == "__main__":
    main()
