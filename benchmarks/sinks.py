"""All sinks at once: what the others cost a Modbus master, and when a change of directive is visible on each protocol.

One process serves a feed that ticks each second, 31 resources, so 1,005 points that all change; masters, subscribers and
probes are processes of their own. Three servers take turns, each started anew: Modbus alone (the yardstick), Modbus
and OPC UA with five subscribers of every variable, and every sink there is, with those subscribers and a DNP3 poll each
second. Fifty masters ask twenty times a second each, one block of 100 registers; every reply is checked. While every
sink runs, the directive changes between two ticks, and each protocol is probed ten times a second for it.

Everything shares the machine's processors, clients included. Run: ``python benchmarks/sinks.py [--json] [--rounds 3]``.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the readers and probes are those of the tests

from caiso_ads.app import calm_collector  # noqa: E402 - after the path
from caiso_ads.core.points import GATEWAY_POINTS, RESOURCE_POINTS, Kind, Point, PointValue, Snapshot  # noqa: E402
from caiso_ads.core.quality import Directive, Quality  # noqa: E402
from caiso_ads.ports import Feed, SinkContext, SystemClock  # noqa: E402
from caiso_ads.sinks import config_type  # noqa: E402
from tests.fakes import MemoryStore  # noqa: E402
from tests.sinks.opcua import clients as opcua  # noqa: E402
from tests.sinks.test_contract import PROBES  # noqa: E402
from tests.sinks.truths import AT_A_BROKER, READERS, Read, Where  # noqa: E402

IDS = tuple(f"RESOURCE_{number}" for number in range(31))
MASTERS, PER_S, SUBSCRIBERS = 50, 20, 5
SLICE_S, WARM_S, CHANGE_S, PROBE_S = 8.0, 2.0, 1.7, 0.1
LOG = Path(tempfile.gettempdir()) / "caiso-ads-benchmark-sinks.log"
SINKS = [name for name in READERS if name not in AT_A_BROKER]  # MQTT has a benchmark of its own
MODES = ("modbus", "opcua", "all")
LIMIT_MS, LIMIT_RATIO, LIMIT_S = 50.0, 2.0, 1.0


# --- the server, in its own process -------------------------------------------------------------------------------


def shot(generation: int, directive: Directive) -> Snapshot:
    """Return a snapshot in which every value differs from that of the one before."""
    now = datetime.now(UTC)

    def value(point: Point, index: int) -> PointValue:
        known = {"directive": directive, "quality": Quality.GOOD, "heartbeat": generation}.get(point.key)
        if known is not None:
            return PointValue(known, Quality.GOOD, now)
        if point.kind is Kind.TIME:
            return PointValue(now, Quality.GOOD, now)
        number = generation + index
        return PointValue(float(number) if point.kind is Kind.NUMBER else number % 1000, Quality.GOOD, now)

    rows = {one: tuple(value(point, index) for point in RESOURCE_POINTS) for index, one in enumerate(IDS)}
    return Snapshot(generation, now, tuple(value(point, 0) for point in GATEWAY_POINTS), rows)


def keys(name: str, folder: Path, place: Path) -> dict[str, Any]:
    """Return the configuration of one sink; ``place`` has the logins of OPC UA."""
    if name == "modbus":
        return {"port": 0, "max_connections": 256, "max_per_address": 256}
    if name == "opcua":
        return {"port": 0, "users_file": place / "users", "directory": place / "server"}
    (folder / name).mkdir(parents=True)
    return PROBES[name].keys(folder / name)


async def serve(mode: str, folder: Path, place: Path) -> None:
    """Serve until killed; says where each sink listens, then when the directive changed (monotonic clock)."""
    names = {"modbus": ["modbus"], "opcua": ["modbus", "opcua"], "all": SINKS}[mode]
    context = SinkContext(IDS, {one: one for one in IDS}, "simulator", MemoryStore(), SystemClock())
    feed = Feed(shot(1, Directive.FOLLOW))
    calm_collector()
    sinks: dict[str, Any] = {name: config_type(name)(**keys(name, folder, place)).build(context) for name in names}
    waiting = set(names)
    ready = asyncio.Event()

    def started(name: str) -> None:
        waiting.discard(name)
        if not waiting:
            ready.set()

    async with asyncio.TaskGroup() as tasks:
        for name, sink in sinks.items():
            tasks.create_task(sink.run(feed, lambda name=name: started(name)))
        await ready.wait()
        ports = {name: sink.bound[0][1] for name, sink in sinks.items() if getattr(sink, "bound", ())}
        print(json.dumps(ports), flush=True)
        tasks.create_task(tick(feed, changes=mode == "all"))


async def tick(feed: Feed, *, changes: bool) -> None:
    """Publish each second; and, where asked, a change of directive in between, at a time that drifts over the tick."""
    directive, started = Directive.FOLLOW, time.monotonic()
    next_tick, next_change = started + 1, started + CHANGE_S
    while True:
        due = min(next_tick, next_change) if changes else next_tick
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        changed = changes and due == next_change
        if changed:
            directive = Directive.HOLD if directive is Directive.FOLLOW else Directive.FOLLOW
            next_change += CHANGE_S
        else:
            next_tick += 1
        feed.publish(shot(feed.latest.generation + 1, directive))
        if changed:
            print(json.dumps([feed.latest.generation, time.monotonic()]), flush=True)


# --- the clients, each kind in its own process --------------------------------------------------------------------


async def masters(port: int, seconds: float) -> list[float]:
    """Ask as all masters do and return the time of every reply in ms; ends the program on a wrong one."""
    request = struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, 1100, 100)
    took: list[float] = []

    async def one(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        start = time.perf_counter() + 0.2 + number / MASTERS / PER_S
        for turn in range(int(seconds * PER_S)):
            await asyncio.sleep(max(0.0, start + turn / PER_S - time.perf_counter()))
            begun = time.perf_counter()
            writer.write(request)
            reply = await reader.readexactly(209)
            if turn >= WARM_S * PER_S:
                took.append((time.perf_counter() - begun) * 1e3)
            if reply[7] != 3 or reply[9:13] != reply[205:209]:
                sys.exit("a wrong or torn reply")
        writer.close()

    await asyncio.gather(*(one(number) for number in range(MASTERS)))
    return took


async def subscribe(port: int, place: Path) -> None:
    """Hold five subscriptions of every variable until killed; the client's own work is not measured."""
    opcua.use(place)

    class Deaf:
        def datachange_notification(self, node: Any, val: Any, data: Any) -> None:
            pass

    async with AsyncExitStack() as stack:
        for _ in range(SUBSCRIBERS):
            client = await stack.enter_async_context(opcua.client(port))
            subscription = await client.create_subscription(500, Deaf())
            names = [f"{one}.{point.key}" for one in IDS for point in RESOURCE_POINTS]
            await subscription.subscribe_data_change([opcua.point(client, name) for name in names])
        print("ready", flush=True)
        await asyncio.Event().wait()


async def probe(ports: dict[str, int], folder: Path, place: Path, seconds: float) -> dict[str, list[list[float]]]:
    """Read every protocol ten times a second; return for each the (heartbeat, time) at which it was first seen."""
    opcua.use(place)
    seen: dict[str, list[list[float]]] = defaultdict(list)

    end = time.monotonic() + seconds

    async def one(name: str) -> None:
        while time.monotonic() < end:
            with suppress(
                OSError, TimeoutError
            ):  # a client that gives up on a busy machine begins again; it is late then
                async with READERS[name](Where(ports.get(name, 0), folder / name, IDS[0])) as read:
                    await poll(name, read)

    async def poll(name: str, read: Read) -> None:
        while (begun := time.monotonic()) < end:
            beat = (await read()).beat
            if not seen[name] or beat > seen[name][-1][0]:
                seen[name].append([beat, time.monotonic()])
            await asyncio.sleep(max(0.0, begun + PROBE_S - time.monotonic()))

    await asyncio.gather(*(one(name) for name in SINKS))
    return seen


# --- the measurement ----------------------------------------------------------------------------------------------


@contextmanager
def process(*words: str, nice: int = 0) -> Iterator[subprocess.Popen[str]]:
    """Run a part of this script in a process of its own."""
    command = [
        *(["nice", "-n", str(nice)] if nice else []),
        sys.executable,
        str(Path(__file__).resolve()),
        "--part",
        *words,
    ]
    with LOG.open("a") as log:  # foreign libraries say much; it is read when something goes wrong
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT)
    try:
        yield running
    finally:
        running.kill()
        running.wait()
        assert running.stdout is not None
        running.stdout.close()


def line(running: subprocess.Popen[str]) -> str:
    """Return the next line of a part; the part must not have ended."""
    assert running.stdout is not None
    if not (text := running.stdout.readline()):
        raise SystemExit(f"a part ended; see {LOG}")
    return text


def one_round(mode: str, place: Path) -> tuple[list[float], dict[str, list[float]]]:
    """Start one server, load it and return the masters' times (ms) and the delays of each protocol (s)."""
    with tempfile.TemporaryDirectory() as folder, process("serve", mode, folder, str(place)) as server:
        ports = json.loads(line(server))
        with ExitStack() as parts:
            if "opcua" in ports:
                line(parts.enter_context(process("subscribe", str(ports["opcua"]), str(place), nice=5)))
            probing = None
            if mode == "all":
                probing = parts.enter_context(process("probe", json.dumps(ports), folder, str(place)))
            asking = parts.enter_context(process("masters", str(ports["modbus"])))
            took = json.loads(line(asking))
            seen = json.loads(line(probing)) if probing else {}
        server.kill()
        assert server.stdout is not None
        changes = [json.loads(text) for text in server.stdout.read().splitlines()]
    return took, delays(changes, seen)


def delays(changes: list[list[float]], seen: dict[str, list[list[float]]]) -> dict[str, list[float]]:
    """Return for each protocol how long after each change (s) it was first read at it or beyond."""
    found: dict[str, list[float]] = defaultdict(list)
    for name, times in seen.items():
        for beat, at in changes:
            later = [when for number, when in times if number >= beat]
            if later and times[0][0] < beat:  # it was being read before the change, and after it
                found[name].append(min(later) - at)
    return found


def p99(times: list[float]) -> float:
    """Return the 99th percentile."""
    return sorted(times)[int(0.99 * len(times))]


def measure(rounds: int) -> list[dict[str, Any]]:
    """Let the three servers take turns and return the rows of benchmarks/README.md."""
    place = opcua.place()
    took: dict[str, list[float]] = defaultdict(list)
    late: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds):
        for mode in MODES:
            print(f"  round {number + 1}, {mode}", file=sys.stderr, flush=True)
            times, found = one_round(mode, place)
            took[mode].append(p99(times))
            for name, delay in found.items():
                late[name] += delay
    alone, with_opcua, with_all = (median(took[mode]) for mode in MODES)
    load = f"{MASTERS} masters x {PER_S} reads/s"
    if missing := set(SINKS) - set(late):
        raise SystemExit(f"no change was seen on {', '.join(sorted(missing))}")
    worst = {name: max(times) for name, times in late.items()}
    slowest = max(worst, key=lambda name: worst[name])
    each = ", ".join(f"{name} {worst[name]:.2f}" for name in sorted(worst, key=lambda name: -worst[name]))
    yardstick = f"Modbus alone {alone:.2f} ms"
    return [
        {
            "what": f"Modbus reads, {load}, while every other sink runs and is read: p99",
            "value": f"{with_all:.2f} ms", "yardstick": yardstick, "ratio": round(with_all / alone, 2),
            "target": f"<= {LIMIT_MS:.0f} ms", "met": with_all <= LIMIT_MS,
        },
        {
            "what": f"the same beside OPC UA, 1,000 variables at 1 Hz to {SUBSCRIBERS} subscribers: p99",
            "value": f"{with_opcua:.2f} ms", "yardstick": yardstick, "ratio": round(with_opcua / alone, 2),
            "target": f"<= {LIMIT_RATIO:.0f}", "met": with_opcua / alone <= LIMIT_RATIO,
        },
        {
            "what": f"a change of directive until the last protocol shows it, probed at 10 Hz under that load, worst of {len(late[slowest])}",
            "value": f"{worst[slowest]:.2f} s ({each})", "yardstick": f"Modbus {worst['modbus']:.2f} s",
            "ratio": round(worst[slowest] / worst["modbus"], 2), "target": f"<= {LIMIT_S:.0f} s",
            "met": worst[slowest] <= LIMIT_S,
        },
    ]  # fmt: skip


def part(words: list[str]) -> None:
    """Run one part in this process."""
    name, *rest = words
    if name == "serve":
        asyncio.run(serve(rest[0], Path(rest[1]), Path(rest[2])))
    elif name == "subscribe":
        asyncio.run(subscribe(int(rest[0]), Path(rest[1])))
    elif name == "masters":
        print(json.dumps(asyncio.run(masters(int(rest[0]), SLICE_S))), flush=True)
    else:
        print(json.dumps(asyncio.run(probe(json.loads(rest[0]), Path(rest[1]), Path(rest[2]), SLICE_S))), flush=True)


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each server")
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        part(options.part)
        return
    if not shutil.which("nice") or any(importlib.util.find_spec(name) is None for name in ("asyncua", "dnp3")):
        print("needs the libraries of every sink, and nice", file=sys.stderr)
        raise SystemExit(3)
    rows = measure(options.rounds)
    if options.json:
        print(json.dumps({"name": "sinks", "results": rows}, indent=2))
        return
    for row in rows:
        print(f"{row['what']}\n  {row['value']}; {row['yardstick']}; ratio {row['ratio']}; target {row['target']}")


if __name__ == "__main__":
    main()
