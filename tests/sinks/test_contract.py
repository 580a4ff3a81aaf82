"""What every sink promises, whatever it speaks: registered once, run here.

A new sink needs one line in ``PROBES``: its smallest configuration, and how a plant reads the directive of a resource.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from caiso_ads.core.quality import Directive, Quality
from caiso_ads.ports import Feed, Sink, SinkContext
from caiso_ads.sinks import REGISTRY, SinkConfig, config_type
from caiso_ads.sinks.plant_writer.keys import PlantKeys, PowerKeys
from tests.fakes import FakeClock, KeptEvidence, MemoryStore
from tests.sinks.dnp3.master import Master as Dnp3Master
from tests.sinks.iec104.master import Master as Iec104Master
from tests.sinks.modbus.snapshots import IDS, Master, nothing_known, resource, snapshot
from tests.sinks.mqtt import mosquitto
from tests.sinks.opcua import clients as opcua
from tests.sinks.sparkplug.reading import Host


@dataclass(frozen=True)
class Probe:
    """How to configure a sink in a folder, and how to read the first resource's directive from outside.

    ``serves`` is False for a sink that nobody reads from: it says itself what it goes by, and claims no sight.
    """

    keys: Callable[[Path], dict[str, Any]]
    directive: Callable[[Any, Path], Awaitable[str]]
    serves: bool = True


async def modbus_directive(sink: Any, folder: Path) -> str:
    master = Master(*await asyncio.open_connection(*sink.bound[0]))
    try:
        return Directive(int.from_bytes(await master.registers(1116, 1))).name
    finally:
        master.close()


async def dnp3_directive(sink: Any, folder: Path) -> str:
    master = await Dnp3Master.open(*sink.bound[0])
    try:
        return Directive((await master.read())["AI", 100][0]).name
    finally:
        master.close()


async def files_directive(sink: Any, folder: Path) -> str:
    head, *lines = await asyncio.to_thread(lambda: (folder / "all.csv").read_text(encoding="utf-8").splitlines())
    names = [name.strip('" ') for name in head.lstrip("\ufeff").split(",")]
    line = next(line for line in lines if IDS[0] in line)
    return dict(zip(names, line.split(","), strict=False))["directive"].strip('" ')


async def status_directive(sink: Any, folder: Path) -> str:
    shown = json.loads(await asyncio.to_thread((folder / "status.json").read_bytes))
    return Directive(
        next(one for one in shown["resources"] if one["id"] == IDS[0])["points"]["directive"]["value"]
    ).name


async def opcua_directive(sink: Any, folder: Path) -> str:
    async with opcua.client(sink.bound[0][1]) as reader:
        read = await opcua.value(reader, f"{IDS[0]}.directive")
        assert read.Value is not None
        return Directive(read.Value.Value).name


async def iec104_directive(sink: Any, folder: Path) -> str:
    master = await Iec104Master.open(*sink.bound[0])
    try:
        return Directive(int((await master.interrogate())[1001][0])).name
    finally:
        master.close()


def a_plant_that_is_away() -> PlantKeys:
    """Nobody listens there: the writer waits for it, and the gateway must not."""
    return PlantKeys(
        resource=IDS[0], host="127.0.0.1", port=1, rate_mw_per_min=1.0, readback_tolerance=0.1, timeout_s=0.5,
        setpoint=PowerKeys(address=1),
    )  # fmt: skip


async def plant_writer_directive(sink: Any, folder: Path) -> str:
    name: str = sink.standing[IDS[0]].directive.name
    return name


def mqtt_keys(folder: Path) -> dict[str, Any]:
    return {"url": mosquitto.shared().url, "prefix": f"contract-{sha256(str(folder).encode()).hexdigest()[:16]}"}


async def mqtt_directive(sink: Any, folder: Path) -> str:
    topic = f"{mqtt_keys(folder)['prefix']}/resource/{IDS[0]}"
    (seen,) = await asyncio.to_thread(mosquitto.shared().retained, topic)
    return str(seen.json["directive"])


def sparkplug_keys(folder: Path) -> dict[str, Any]:
    """Nothing of Sparkplug is retained, so the host that is asked later listens from now on."""
    group = mqtt_keys(folder)["prefix"]
    if group not in HOSTS:
        HOSTS[group] = mosquitto.shared().listen(f"spBv1.0/{group}/#")
    return {"url": mosquitto.shared().url, "group": group}


HOSTS: dict[str, mosquitto.Listener] = {}


@pytest.fixture(autouse=True)
def no_host_stays() -> Iterator[None]:
    yield
    while HOSTS:
        HOSTS.popitem()[1].close()


async def sparkplug_directive(sink: Any, folder: Path) -> str:
    host = HOSTS[sparkplug_keys(folder)["group"]]
    await host.until(lambda one: "/DBIRTH/" in one.topic and IDS[0] in one.topic)
    return Directive(Host().take(await host.caught_up()).values[f"resource:{IDS[0]}", "directive"]).name


PROBES = {
    "modbus": Probe(lambda folder: {"port": 0}, modbus_directive),
    "files": Probe(lambda folder: {"directory": folder}, files_directive),
    "dnp3": Probe(lambda folder: {"port": 0}, dnp3_directive),
    "status": Probe(lambda folder: {"path": folder / "status.json"}, status_directive),
    "iec104": Probe(lambda folder: {"port": 0}, iec104_directive),
    "opcua": Probe(lambda folder: opcua.keys(), opcua_directive),
    "plant_writer": Probe(lambda folder: {"plant": (a_plant_that_is_away(),)}, plant_writer_directive, serves=False),
    "mqtt": Probe(mqtt_keys, mqtt_directive),
    "sparkplug": Probe(sparkplug_keys, sparkplug_directive),
}

each_sink = pytest.mark.parametrize("name", list(REGISTRY))


class Bench:
    """One sink with its feed and a clock that is moved while waiting."""

    def __init__(self, name: str, folder: Path) -> None:
        self.probe, self.folder, self.clock = PROBES[name], folder, FakeClock()
        self.evidence = KeptEvidence()
        context = SinkContext(
            IDS, {one: one for one in IDS}, "simulator", MemoryStore(), self.clock, evidence=self.evidence
        )
        config: SinkConfig = config_type(name)(**self.probe.keys(folder))
        self.sink: Sink = config.build(context)
        self.feed = Feed(nothing_known())

    async def start(self) -> asyncio.Task[None]:
        started = asyncio.Event()
        task = asyncio.create_task(self.sink.run(self.feed, started.set))
        await self.until(lambda: ready(started.is_set() or task.done()))
        assert not task.done(), task
        return task

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(20):
            while not await condition():
                await self.clock.advance(1.0)
                await asyncio.sleep(0.002)

    async def shows(self, directive: Directive) -> None:
        async def reached() -> bool:
            return await self.probe.directive(self.sink, self.folder) == directive.name

        await self.until(reached)


async def ready(state: bool) -> bool:  # noqa: FBT001 - a condition is a truth value
    return state


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait((task,), timeout=20)
    assert task.cancelled()


def test_every_registered_sink_has_a_probe_and_every_probe_a_sink() -> None:
    assert set(PROBES) == set(REGISTRY)


@each_sink
def test_its_configuration_is_frozen_refuses_unknown_keys_and_says_whether_it_is_required(
    name: str, tmp_path: Path
) -> None:
    kind = config_type(name)
    config = kind(**PROBES[name].keys(tmp_path))
    assert isinstance(config.required, bool)
    with pytest.raises(AttributeError):
        config.required = True
    with pytest.raises(msgspec.ValidationError, match="unknown"):
        msgspec.convert(
            {"no_such_key": 1} | {key: str(v) for key, v in PROBES[name].keys(tmp_path).items() if key != "port"}, kind
        )


@each_sink
def test_building_does_no_input_or_output(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "not there"
    Bench(name, folder)
    assert not folder.exists()


@each_sink
async def test_it_serves_no_data_first_then_follows_the_directive(name: str, tmp_path: Path) -> None:
    bench = Bench(name, tmp_path)
    task = await bench.start()
    assert await bench.probe.directive(bench.sink, tmp_path) == "NO_DATA"
    bench.feed.publish(snapshot(generation=1))
    await bench.shows(Directive.FOLLOW)
    held = resource(Quality.BAD_COMM, directive=Directive.HOLD, reasons=1)
    bench.feed.publish(snapshot({IDS[0]: held, IDS[1]: resource()}, generation=2))
    await bench.shows(Directive.HOLD)
    await stop(task)


@each_sink
async def test_it_dies_alone(name: str, tmp_path: Path) -> None:
    bench = Bench(name, tmp_path)
    before = asyncio.all_tasks()
    await stop(await bench.start())
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    bench.feed.publish(snapshot(generation=1))  # the gateway goes on


@each_sink
async def test_it_can_be_run_again(name: str, tmp_path: Path) -> None:
    bench = Bench(name, tmp_path)
    await stop(await bench.start())
    bench.feed.publish(snapshot(generation=1))
    task = await bench.start()
    await bench.shows(Directive.FOLLOW)
    await stop(task)


@each_sink
async def test_it_tells_under_its_own_name_which_snapshots_it_has_shown(name: str, tmp_path: Path) -> None:
    bench = Bench(name, tmp_path)
    task = await bench.start()
    bench.feed.publish(snapshot(generation=3))
    if not bench.probe.serves:
        await bench.shows(Directive.FOLLOW)
        assert bench.evidence.shown == []
        await stop(task)
        return
    await bench.until(lambda: ready((name, 3) in bench.evidence.shown))
    assert await bench.probe.directive(bench.sink, tmp_path) == "FOLLOW"
    assert {sink for sink, _ in bench.evidence.shown} == {name}
    generations = [generation for _, generation in bench.evidence.shown]
    assert generations == sorted(generations)
    await stop(task)
