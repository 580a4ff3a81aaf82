"""The MQTT sink with 200 resources at 1 Hz: CPU time of its process while a real broker takes every document.

Two loads: a usual second, in which a tenth of the resources have a new setpoint (the others changed in their ages only)
and the refresh of 20 s runs, and a second in which every setpoint moves. The yardstick is paho itself, publishing the
very same bytes to the same topics with the same QoS and expiry from its own network loop; the two alternate. The broker
(Debian's mosquitto) is a process of its own and not counted. Sparkplug has a row of its own, against the same paho.

Run: python benchmarks/mqtt.py [--json] [--seconds 20] [--rounds 2]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from caiso_ads.core.points import GATEWAY_POINTS, RESOURCE_POINTS, Kind, Point, Row, Snapshot
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.ports import Feed, SinkContext, Store, SystemClock
from caiso_ads.sinks.mqtt import Config as MqttConfig
from caiso_ads.sinks.mqtt.documents import Documents
from caiso_ads.sinks.mqtt.topics import Topics
from caiso_ads.sinks.sparkplug import Config as SparkplugConfig

IDS = tuple(f"RESRCE_{number}_UNIT" for number in range(200))
START = datetime(2026, 7, 1, 12, tzinfo=UTC)
LIMIT = 0.01
PREFIX, REFRESH_S, NOT_RUN = "bench", 20.0, 3


def moment(number: int, share: int) -> Snapshot:
    """Return the snapshot of a second in which one of ``share`` resources has a new setpoint."""
    resources = {one: row(RESOURCE_POINTS, number, (number + place) // share) for place, one in enumerate(IDS)}
    gateway = row(GATEWAY_POINTS, number, number)
    return Snapshot(number + 1, START + timedelta(seconds=number), gateway, resources)


def row(points: Sequence[Point], number: int, mw: int) -> Row:
    """Return the points of one owner: setpoint and operating point are new with ``mw``, ages each second."""
    values = tuple(_value(point, number, float(mw)) for point in points)
    return Row(values, (Quality.GOOD,) * len(points), (START,) * len(points))


def _value(point: Point, number: int, mw: float) -> float | int | datetime:
    if point.key in {"setpoint_mw", "dop_mw", "heartbeat"}:
        return mw
    if point.kind is Kind.TIME:
        return START
    if point.kind is Kind.NUMBER:
        return float(number) if point.unit == "s" else 1.0
    return {"directive": int(Directive.FOLLOW), "quality": int(Quality.GOOD)}.get(point.key, 0)


def context() -> SinkContext:
    return SinkContext(IDS, {one: one for one in IDS}, "production", cast("Store", None), SystemClock())


async def ours(config: Any, moments: list[Snapshot]) -> float:
    """Return the share of one core the sink takes (process CPU time by wall time)."""
    feed, started = Feed(Snapshot(0, START, moments[0].gateway, moments[0].resources)), asyncio.Event()
    task = asyncio.create_task(config.build(context()).run(feed, started.set))
    await asyncio.wait_for(started.wait(), 10)
    await asyncio.sleep(0.5)
    begin, cpu = time.perf_counter(), time.process_time()
    for number, shown in enumerate(moments, start=1):
        feed.publish(shown)
        await asyncio.sleep(begin + number - time.perf_counter())
    spent = time.process_time() - cpu
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return spent / len(moments)


def sent_by(moments: list[Snapshot]) -> list[list[tuple[str, bytes]]]:
    """Return what the sink sends for each second."""
    made = Documents(context(), Topics(PREFIX), 1, REFRESH_S)
    list(made.due(moments[0], 0.0))
    return [list(made.due(shown, float(number))) for number, shown in enumerate(moments, start=1)]


def bare(port: int, seconds: list[list[tuple[str, bytes]]]) -> float:
    """Return the share of one core paho takes for the same bytes."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="bare", protocol=paho.MQTTv5)
    client.connect("127.0.0.1", port, 10)
    client.loop_start()
    expiry = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho has no types there
    expiry.MessageExpiryInterval = 60
    time.sleep(0.5)
    begin, cpu = time.perf_counter(), time.process_time()
    for number, messages in enumerate(seconds, start=1):
        for topic, payload in messages:
            client.publish(topic, payload, 1, True, expiry)
        time.sleep(max(0.0, begin + number - time.perf_counter()))
    spent = time.process_time() - cpu
    client.disconnect()
    client.loop_stop()
    return spent / len(seconds)


@contextlib.contextmanager
def broker() -> Iterator[int]:
    tool = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if tool is None:
        print("needs Debian's mosquitto", file=sys.stderr)
        raise SystemExit(NOT_RUN)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mosquitto.conf"
        file.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 10000\n")
        with subprocess.Popen([tool, "-c", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            time.sleep(0.5)
            try:
                yield port
            finally:
                process.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    results: list[dict[str, object]] = []
    with broker() as port:
        url = f"mqtt://127.0.0.1:{port}"
        for share, told in ((10, "a tenth of the setpoints new each second"), (1, "every setpoint new each second")):
            moments = [moment(number, share) for number in range(options.seconds)]
            seconds = sent_by(moments)
            shares: dict[str, list[float]] = {"mqtt": [], "sparkplug": [], "paho": []}
            for _ in range(options.rounds):
                shares["mqtt"].append(asyncio.run(ours(MqttConfig(url=url, prefix=PREFIX), moments)))
                shares["paho"].append(bare(port, seconds))
                shares["sparkplug"].append(asyncio.run(ours(SparkplugConfig(url=url), moments)))
            count = statistics.mean(map(len, seconds))
            results += [report(name, told, count, shares) for name in ("mqtt", "sparkplug")]
    if options.json:
        print(json.dumps({"name": "mqtt", "results": results}, indent=2))
        return
    for one in results:
        told = "met" if one["met"] else "MISSED"
        print(f"{one['what']}: {one['value']} ({one['target']}: {told}); {one['yardstick']}; ratio {one['ratio']}")


def report(name: str, told: str, count: float, shares: dict[str, list[float]]) -> dict[str, object]:
    """Return a row of benchmarks/README.md."""
    share, yardstick = statistics.median(shares[name]), statistics.median(shares["paho"])
    return {
        "what": f"{name}: {len(IDS)} resources at 1 Hz, {told}: CPU of one core in %",
        "value": f"{share * 100:.2f} %",
        "yardstick": f"paho alone, the {count:.0f} MQTT documents a second: {yardstick * 100:.2f} %",
        "ratio": round(share / yardstick, 2),
        "target": f"<= {LIMIT * 100:g} %",
        "met": share <= LIMIT,
    }


if __name__ == "__main__":
    main()
