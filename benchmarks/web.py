"""The page beside the loop: how fast a snapshot is given, what 200 open pages cost, and the memory of it all.

A whole gateway (``caiso-ads run`` against the stub of ``poll_cycle``, ten resources, Modbus and the page on) is asked from
this process. Its ticks are judged by its own clock, as the snapshots tell it: how far from one second after the one
before each of them came. Yardsticks of the same run: the smallest answer of the same server; the ticks with one page open;
the same gateway without the page. The pages read all they are sent; the answers are not parsed but for one of them.

Run: python benchmarks/web.py [--json] [--seconds 60] [--pages 200]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from cli_start import STATUS_FILE, _resident_mb, command
from poll_cycle import Worker
from stub_ads import RESOURCES, Files, next_start, serve

GET_LIMIT_MS, JITTER_LIMIT_MS, MEMORY_LIMIT_MB = 10.0, 50.0, 90.0
ROUNDS = 2000
QUIET_S = 30.0
SETTLE_S = 20.0
STARTS_WITHIN_S = 60.0


@contextmanager
def gateway(*, page: bool) -> Iterator[tuple[int, int]]:
    """Run a gateway and yield its process id and the port of its page (0 without one)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = Files.make(folder)
        server = Worker(serve, files, next_start(), 100)
        port = _free_port() if page else 0
        resources = "".join(f'[[resource]]\nid = "{one}"\npmin_mw = 0\npmax_mw = 500\n' for one in RESOURCES[:10])
        (folder / "gateway.toml").write_text(
            f'[ads]\nurl = "https://localhost:{server.take()}/ADS/APIWebService/v8"\nenvironment = "simulator"\n'
            f'certificate = "{files.client.name}"\nca_file = "{files.authority.name}"\n[store]\npath = "gateway.db"\n'
            f"{resources}[sinks.modbus]\nport = 0\n" + (f"[web]\nport = {port}\n" if page else ""),
            encoding="utf-8",
        )
        process = subprocess.Popen(
            [*command(), "run", "--config", str(folder / "gateway.toml")], stderr=subprocess.DEVNULL
        )
        try:
            time.sleep(SETTLE_S)
            yield process.pid, port
        finally:
            process.terminate()
            process.wait(20.0)
            server.end()


def _free_port() -> int:
    import socket  # noqa: PLC0415 - here alone

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Asking:
    """One kept connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        self._reader, self._writer, self._port = reader, writer, port

    @classmethod
    async def at(cls, port: int) -> Asking:
        """Connect."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 20), port)

    async def get(self, path: str) -> bytes:
        """Return the body of an answer."""
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n\r\n".encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head[:20]:
            raise RuntimeError(f"{path}: {head[:60]!r}")
        size = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        return await self._reader.readexactly(size)

    async def stream(self) -> asyncio.StreamReader:
        """Begin to listen."""
        self._writer.write(f"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n\r\n".encode())
        await self._reader.readuntil(b"\r\n\r\n")
        return self._reader

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def asked(port: int) -> tuple[list[float], list[float]]:
    """Return the times (ms) of snapshots and of the smallest answer, in alternation."""
    asking = await Asking.at(port)
    times: dict[str, list[float]] = {"/api/v1/snapshot": [], "/healthz": []}
    for _ in range(ROUNDS):
        for path, found in times.items():
            begun = time.perf_counter()
            await asking.get(path)
            found.append((time.perf_counter() - begun) * 1e3)
            await asyncio.sleep(0.002)
    asking.close()
    return times["/api/v1/snapshot"][100:], times["/healthz"][100:]


async def listened(port: int, pages: int, seconds: float) -> tuple[list[float], int, float]:
    """Keep so many pages open; return by how much (ms) each tick missed its second, the least messages a page had, and MB."""
    opened = [await Asking.at(port) for _ in range(pages)]
    first, *others = [await each.stream() for each in opened]
    counts, size = [0] * len(others), 0

    async def drain(place: int, reader: asyncio.StreamReader) -> None:
        nonlocal size
        while True:
            taken = await reader.read(1 << 16)
            size += len(taken)
            counts[place] += taken.count(b"event: change")

    draining = [asyncio.create_task(drain(n, reader)) for n, reader in enumerate(others)]
    ticks = await _ticks(first, seconds)
    for task in draining:
        task.cancel()
    await asyncio.gather(*draining, return_exceptions=True)
    for each in opened:
        each.close()
    misses = [
        abs((after - before) * 1e3 - 1000.0 * (later - earlier))
        for (earlier, before), (later, after) in pairwise(ticks)
    ]
    return misses, min(counts, default=len(ticks)), size / 1e6


async def _ticks(reader: asyncio.StreamReader, seconds: float) -> list[tuple[int, float]]:
    """Return each heartbeat and the gateway's time of it (unix seconds)."""
    ticks: list[tuple[int, float]] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        line = await reader.readline()
        if line.startswith(b'data: {"snapshot_id"'):
            told = json.loads(line[6:])["gateway"]
            # Between two beats a poll may publish too, with the beat of before.
            if "heartbeat" in told and (not ticks or told["heartbeat"][0] != ticks[-1][0]):
                at = datetime.fromisoformat(told["utc_time"][0])
                ticks.append((told["heartbeat"][0], at.timestamp()))
    return ticks


def p99(values: list[float]) -> float:
    """Return the 99th percentile."""
    return statistics.quantiles(values, n=100)[98]


def results(pages: int, seconds: float) -> list[dict[str, Any]]:
    """Measure everything."""
    with gateway(page=True) as (process, port):
        snapshots, smallest = asyncio.run(asked(port))
        quiet, _, _ = asyncio.run(listened(port, 1, QUIET_S))
        busy, least, megabytes = asyncio.run(listened(port, pages, seconds))
        resident = _resident_mb(process) if STATUS_FILE.exists() else None
    made = [
        {
            "what": f"GET of the snapshot of 10 resources, p99 of {len(snapshots):,}",
            "value": f"{p99(snapshots):.2f} ms (median {statistics.median(snapshots):.2f} ms)",
            "yardstick": f"the smallest answer of the same server: {p99(smallest):.2f} ms (median {statistics.median(smallest):.2f} ms)",
            "ratio": round(p99(snapshots) / p99(smallest), 2),
            "target": f"<= {GET_LIMIT_MS:g} ms",
            "met": p99(snapshots) <= GET_LIMIT_MS,
        },
        {
            "what": f"how far a tick is from its second, with {pages} pages open for {seconds:g} s, p99",
            "value": f"{p99(busy):.0f} ms (median {statistics.median(busy):.0f} ms, worst {max(busy):.0f} ms); "
            f"each page had at least {least} changes, {megabytes:.0f} MB in all",
            "yardstick": f"with one page: {p99(quiet):.0f} ms (median {statistics.median(quiet):.0f} ms)",
            "ratio": round(p99(busy) / max(p99(quiet), 0.5), 2),
            "target": f"<= {JITTER_LIMIT_MS:g} ms",
            "met": p99(busy) <= JITTER_LIMIT_MS and least >= 0.9 * seconds,
        },
    ]
    if resident is not None:
        with gateway(page=False) as (process, _):
            without = _resident_mb(process)
        made.append(
            {
                "what": f"gateway with Modbus and the page, after those {pages} pages, resident memory",
                "value": f"{resident:.1f} MB",
                "yardstick": f"without the page {without:.1f} MB",
                "ratio": round(resident / without, 2),
                "target": f"<= {MEMORY_LIMIT_MB:g} MB",
                "met": resident <= MEMORY_LIMIT_MB,
            }
        )
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description="The page beside the loop.")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the pages are open (60)")
    parser.add_argument("--pages", type=int, default=200, help="how many (200)")
    options = parser.parse_args()
    found = results(options.pages, options.seconds)
    if options.json:
        print(json.dumps({"name": "web", "results": found}, indent=2))
        return
    for one in found:
        print(
            f"{one['what']}: {one['value']} ({one['target']}: {'met' if one['met'] else 'MISSED'}); {one['yardstick']}"
        )


if __name__ == "__main__":
    main()
