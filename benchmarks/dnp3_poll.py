"""DNP3: an integrity poll of 200 resources by opendnp3's master, and what it costs the gateway's own loop.

Yardsticks: an opendnp3 outstation (C++) polled by the same master, values a second; and the same sink in a thread of the
gateway's process, longest hold of the loop. opendnp3 makes points of all nine types, so it sends other values, as many
as come nearest. A new snapshot is published each second meanwhile.
Needs dnp3py and yadnp3. Run: ``python benchmarks/dnp3_poll.py [--json]``.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from statistics import median
from typing import Any

from caiso_ads.core.points import GATEWAY_POINTS, RESOURCE_POINTS, Kind, Point, Row, Snapshot
from caiso_ads.core.quality import Quality
from caiso_ads.ports import Feed
from caiso_ads.ports.evidence import UNWATCHED
from caiso_ads.sinks._child.parent import Child
from caiso_ads.sinks._child.wire import Caps
from caiso_ads.sinks.dnp3 import Config, Dnp3Process, Setup

RESOURCES = tuple(f"RESOURCE_{number}" for number in range(200))
POLLS = 7
TARGET_SHARE, TARGET_HOLD_MS = 0.2, 100.0


def snapshot(generation: int) -> Snapshot:
    """Return a snapshot in which every value is other than in the last."""

    def row(points: tuple[Point, ...]) -> Row:
        now = datetime.now(UTC)
        known: dict[Kind, float | datetime] = {Kind.NUMBER: float(generation % 100), Kind.TIME: now}
        values = tuple(known.get(point.kind, generation % 3) for point in points)
        return Row(values, (Quality.GOOD,) * len(points), (now,) * len(points))

    return Snapshot(
        generation, datetime.now(UTC), row(GATEWAY_POINTS), {one: row(RESOURCE_POINTS) for one in RESOURCES}
    )


# --- the master and the outstation by opendnp3, each in its own process ----------------------------------------------


def master(port: int) -> None:
    """Poll integrity; print the seconds of each poll and the values of one."""
    import opendnp3 as o  # noqa: PLC0415 - a peer that may be missing, and each in its own process

    done: queue.Queue[float] = queue.Queue()

    class Values(o.ISOEHandler):  # type: ignore[misc]  # opendnp3 has no types
        count = 0

        def Process(self, _info: Any, values: Any) -> None:  # noqa: N802 - opendnp3's names
            self.count += len(values)

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(name)

    for name in ("BeginFragment", "EndFragment", "OnDeviceAttribute", "OnRawAPDU"):
        setattr(Values, name, lambda *_: None)

    class Application(o.IMasterApplication):  # type: ignore[misc]  # opendnp3 has no types
        def OnTaskComplete(self, info: Any) -> None:  # noqa: N802
            if "USER" in str(info.type):
                done.put(time.perf_counter() if "SUCCESS" in str(info.result) else -1.0)

        def AssignClassDuringStartup(self) -> bool:  # noqa: N802
            return False

    opened = threading.Event()
    for name in ("OnReceiveIIN", "OnTaskStart", "OnClose"):
        setattr(Application, name, lambda *_: None)
    Application.OnOpen = lambda _: opened.set()

    class Channel(o.IChannelListener):  # type: ignore[misc]  # opendnp3 has no types
        def OnStateChange(self, state: Any) -> None:  # noqa: N802
            pass

    manager = o.DNP3Manager(1)
    endpoint = o.IPEndpoint("127.0.0.1", port)
    retry = o.ChannelRetry.Default()
    channel = manager.AddTCPClient("client", o.levels.NOTHING, retry, [endpoint], "0.0.0.0", Channel())
    config = o.MasterStackConfig()
    config.link.LocalAddr, config.link.RemoteAddr = 1, 10
    config.master.disableUnsolOnStartup = False
    config.master.responseTimeout = o.TimeDuration.Seconds(60)
    values, application = Values(), Application()
    one = channel.AddMaster("master", values, application, config)
    one.Enable()
    opened.wait(20)
    time.sleep(1)  # it polls once by itself
    times = []
    for _ in range(POLLS):
        values.count, begun = 0, time.perf_counter()
        one.ScanClasses(o.ClassField.AllClasses(), values)
        times.append(done.get(timeout=60) - begun)
    print(json.dumps({"seconds": times, "values": values.count}), flush=True)
    manager.Shutdown()


def outstation(port: int, points: int) -> None:
    """Serve that many points of each of opendnp3's types until killed."""
    import opendnp3 as o  # noqa: PLC0415 - a peer that may be missing, and each in its own process

    class Application(o.IOutstationApplication):  # type: ignore[misc]  # opendnp3 has no types
        def GetApplicationIIN(self) -> Any:  # noqa: N802
            return o.ApplicationIIN()

    class Channel(o.IChannelListener):  # type: ignore[misc]  # opendnp3 has no types
        def OnStateChange(self, state: Any) -> None:  # noqa: N802
            pass

    class Commands(o.ICommandHandler):  # type: ignore[misc]  # opendnp3 has no types
        def Begin(self) -> None:  # noqa: N802
            pass

        def End(self) -> None:  # noqa: N802
            pass

    manager = o.DNP3Manager(1)
    endpoint = o.IPEndpoint("127.0.0.1", port)
    channel = manager.AddTCPServer("server", o.levels.NOTHING, o.ServerAcceptMode.CloseExisting, endpoint, Channel())
    config = o.OutstationStackConfig(o.DatabaseConfig(points))
    config.link.LocalAddr, config.link.RemoteAddr = 10, 1
    served = channel.AddOutstation("outstation", Commands(), Application(), config)
    served.Enable()
    print("ready", flush=True)
    threading.Event().wait()


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


async def poll(port: int) -> tuple[float, int]:
    """Return the median seconds of a poll, and its values."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "--master", str(port), stdout=subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(process.communicate(), 240)
    found = json.loads(out)
    return median(found["seconds"]), int(found["values"])


async def reference(values: int) -> float:
    """Return values a second of the C++ outstation with about that many values."""
    port = free_port()
    command = (sys.executable, __file__, "--outstation", str(port), str(values // 7))
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        await asyncio.wait_for(process.stdout.readline(), 20)
        seconds, count = await poll(port)
        return count / seconds
    finally:
        process.kill()
        await process.wait()


# --- ours ------------------------------------------------------------------------------------------------------------


async def ours(make: Callable[[], Any]) -> tuple[float, int, float]:
    """Return seconds of a poll, its values, and the longest hold of this loop in ms."""
    sink, feed, started = make(), Feed(snapshot(1)), asyncio.Event()
    running = asyncio.create_task(sink.run(feed, started.set))
    await asyncio.wait_for(started.wait(), 60)
    hold = 0.0

    async def tick() -> None:
        nonlocal hold
        await asyncio.sleep(0.5)
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            hold, last = max(hold, now - last - 0.001), now

    async def publish() -> None:
        generation = 1
        made = (snapshot(2), snapshot(3))  # made before: what is measured is the sink
        while True:
            await asyncio.sleep(1)
            generation += 1
            feed.publish(replace(made[generation % 2], generation=generation))

    others = [asyncio.create_task(tick()), asyncio.create_task(publish())]
    seconds, values = await poll(sink.bound[0][1])
    for task in (*others, running):
        task.cancel()
    await asyncio.gather(*others, running, return_exceptions=True)
    return seconds, values, 1000 * hold


def child() -> Any:
    """Return the sink as the gateway has it."""
    config = Config(port=0)
    caps = Caps(config.memory_limit_mb, config.descriptor_limit)
    program = ("-P", "-m", "caiso_ads.sinks.dnp3._child")
    return Dnp3Process(Child("dnp3", program, caps, UNWATCHED), Setup(config, RESOURCES, ()))


def thread() -> Any:
    """Return the same sink with its work in a thread of this process."""
    from caiso_ads.sinks.dnp3.server import (  # noqa: PLC0415 - the library must not be here before
        Dnp3Sink,
        settings_of,
    )

    config = Config(port=0)
    return Dnp3Sink(config.plan(RESOURCES), settings_of(config), UNWATCHED)


async def measure() -> list[dict[str, Any]]:
    """Return the rows of benchmarks/README.md."""
    seconds, values, hold = await ours(child)
    _, _, threaded = await ours(thread)
    rate, theirs = values / seconds, await reference(values)
    return [
        {
            "what": f"DNP3 integrity poll of {len(RESOURCES)} resources, {values:,} values, opendnp3's master",
            "value": f"{seconds:.2f} s, {rate:,.0f} values/s",
            "yardstick": f"opendnp3 outstation (C++) {theirs:,.0f} values/s",
            "ratio": rate / theirs,
            "target": f">= {TARGET_SHARE}",
            "met": rate / theirs >= TARGET_SHARE,
        },
        {
            "what": "longest hold of the gateway's loop during these polls",
            "value": f"{hold:.0f} ms",
            "yardstick": f"the same sink in a thread {threaded:.0f} ms",
            "ratio": hold / threaded,
            "target": f"<= {TARGET_HOLD_MS:.0f} ms",
            "met": hold <= TARGET_HOLD_MS,
        },
    ]


def main() -> None:
    """Measure, or be one of the other processes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--master", type=int)
    parser.add_argument("--outstation", type=int, nargs=2)
    wanted = parser.parse_args()
    missing = [name for name in ("dnp3", "opendnp3") if importlib.util.find_spec(name) is None]
    if missing:
        sys.stderr.write(f"not installed: {', '.join(missing)}\n")
        sys.exit(3)
    if wanted.master:
        return master(wanted.master)
    if wanted.outstation:
        return outstation(*wanted.outstation)
    rows = asyncio.run(measure())
    print(json.dumps({"name": "dnp3_poll", "results": rows}) if wanted.json else "\n".join(map(str, rows)))
    return None


if __name__ == "__main__":
    main()
