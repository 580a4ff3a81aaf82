"""From the last byte of an answer to a register a master can read, with 200 resources in one batch.

The gateway is the real one from there on: decoding, durable SQLite, fold, publish, and a Modbus master on a socket
that asks as soon as there is something new and must read the new target. The gateway ticks meanwhile; its clock
jumps by five minutes from batch to batch, so that it holds what a real horizon of two hours holds.
The yardstick is the same Modbus read with nothing new to wait for.

Run: python benchmarks/latency.py [--json] [--batches 120]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import statistics
import struct
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from poll_cycle import BatchClock
from stub_ads import make_batch

from caiso_ads.ads.client import AdsClient
from caiso_ads.ads.exchange import HttpReply, HttpRequest
from caiso_ads.app import calm_collector
from caiso_ads.core.directive import Environment
from caiso_ads.core.model import DispatchBatch
from caiso_ads.core.points import RESOURCE_POINTS
from caiso_ads.core.resource import Resource
from caiso_ads.core.state import initial
from caiso_ads.gateway import Gateway, Settings
from caiso_ads.sinks.modbus import Config
from caiso_ads.sinks.modbus.layout import slot
from caiso_ads.sinks.modbus.server import ModbusSink
from caiso_ads.store.sqlite import SqlStore
from caiso_ads.wire.operations import VERSIONS
from caiso_ads.wire.packing import pack
from caiso_ads.wire.payload import encode, encode_batch_list
from caiso_ads.wire.soap import encode_response

RESOURCES = [f"UNIT_{number}_7_SYN" for number in range(200)]
LIMIT_MS = 50.0
DOT = [point.key for point in RESOURCE_POINTS].index("dot_mw")
URL = "https://localhost" + VERSIONS["v8"].dispatch_path


def batch_of(number: int, at: datetime) -> DispatchBatch:
    """Return a batch that sets a new target for all 200 resources, in force at once."""
    one = make_batch(0, at)
    uid = f"DISP-{number:08d}"
    instructions = tuple(
        replace(
            one.instructions[n % len(one.instructions)], instruction_uid=f"{uid}-I{n}", batch_uid=uid,
            resource_id=resource_id, start_time=at, dot_mw=float(number),
        )
        for n, resource_id in enumerate(RESOURCES)
    )  # fmt: skip
    return replace(one, batch_uid=uid, start_time=at - timedelta(hours=3), instructions=instructions)


class ReadyAnswers:
    """A transport whose answers are complete at once; ``complete`` is when the last batch was."""

    def __init__(self) -> None:
        self.batch: DispatchBatch | None = None
        self.complete = 0.0

    async def post(self, request: HttpRequest, **_: Any) -> HttpReply:
        """Answer from the prepared batch."""
        operation = next(
            name
            for name in ("BatchesSinceUID", "getDispatchBatch", "getTrajectoryData", "isNewTraj")
            if name.encode() in request.body
        )
        batches = [self.batch] if self.batch else []
        name, text = {
            "BatchesSinceUID": ("getDispatchBatchesSinceUID", encode_batch_list(batches).decode()),
            "getDispatchBatch": ("getDispatchBatch", pack(encode(batches[0])) if batches else ""),
            "getTrajectoryData": ("getTrajectoryData", ""),
            "isNewTraj": ("isNewTrajData", "false"),
        }[operation]
        body = encode_response(VERSIONS["v8"].dispatch_namespace, name, text)
        self.complete = time.perf_counter()
        return HttpReply(200, {"content-type": "text/xml"}, body, datetime.now(UTC))

    async def close(self) -> None:
        """Nothing is open."""


class Master:
    """A Modbus master on a socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: int) -> None:
        self._reader, self._writer = reader, writer
        self._request = struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, address, 2)

    async def read(self) -> float:
        """Read one float."""
        self._writer.write(self._request)
        answer = await self._reader.readexactly(13)
        value: float = struct.unpack(">f", answer[9:])[0]
        return value


async def measure(batches: int) -> tuple[list[float], list[float]]:
    """Return the times in ms from complete answer to new register, and of plain reads."""
    clock = BatchClock(0.0)
    resources = {name: Resource(name, name, -500.0, 5000.0) for name in RESOURCES}
    transport = ReadyAnswers()
    with tempfile.TemporaryDirectory() as folder:
        store = await SqlStore.open(Path(folder) / "latency.db", clock)
        client = AdsClient(URL, ssl_context=ssl.create_default_context())
        client._transport = transport  # type: ignore[assignment]  # noqa: SLF001 - answers without a network
        gateway = Gateway(client, store, clock, initial(resources, Environment.SIMULATOR), Settings(), lambda: True)
        await gateway.restore()
        config = Config(port=0)
        sink = ModbusSink(config.plan(tuple(RESOURCES)), config.settings())
        started = asyncio.Event()
        tasks = [asyncio.create_task(sink.run(gateway.feed, started.set)), asyncio.create_task(gateway._tick_forever())]  # noqa: SLF001
        await started.wait()
        calm_collector()
        address = config.plan(tuple(RESOURCES)).block_base(len(RESOURCES) - 1) + slot(DOT)
        master = Master(*await asyncio.open_connection(*sink.bound[0]), address)
        ours, plain = [], []
        for number in range(1, batches + 11):
            clock.jumped_s += 299.0
            transport.batch = batch_of(number, clock.now().wall - timedelta(seconds=1))
            polling = asyncio.create_task(gateway.poll_once())
            while gateway.feed.latest.value(RESOURCES[-1], "dot_mw").value != float(number):
                await gateway.feed.after(gateway.feed.latest.generation)
            if await master.read() != float(number):
                raise RuntimeError("published, and yet a master reads something else")
            ours.append((time.perf_counter() - transport.complete) * 1e3)
            await polling
            begun = time.perf_counter()
            await master.read()
            plain.append((time.perf_counter() - begun) * 1e3)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await store.close()
    return ours[10:], plain[10:]


def main() -> None:
    parser = argparse.ArgumentParser(description="Answer complete to register readable.")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--batches", type=int, default=120, help="how many batches (120)")
    options = parser.parse_args()
    ours, plain = asyncio.run(measure(options.batches))
    p99 = statistics.quantiles(ours, n=100)[98]
    result = {
        "what": "answer complete to register readable, 200 resources, p99",
        "value": f"{p99:.1f} ms (median {statistics.median(ours):.1f} ms)",
        "yardstick": f"a Modbus read alone: median {statistics.median(plain):.2f} ms",
        "ratio": round(p99 / statistics.median(plain), 1),
        "target": f"<= {LIMIT_MS:g} ms",
        "met": p99 <= LIMIT_MS,
    }
    if options.json:
        print(json.dumps({"name": "latency", "results": [result]}, indent=2))
        return
    print(
        f"{result['what']}: {result['value']} ({result['target']}: {'met' if result['met'] else 'MISSED'}); {result['yardstick']}"
    )


if __name__ == "__main__":
    main()
