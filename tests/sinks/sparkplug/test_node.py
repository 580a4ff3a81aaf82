"""The Sparkplug edge node at a real broker: birth, data, death, commands, and what the public decoder reads."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from caiso_ads.core.quality import Directive
from caiso_ads.sinks.sparkplug import Config
from caiso_ads.sinks.sparkplug.payload import DataType, Metric, Payload, encode
from tests.sinks.modbus.snapshots import IDS, fell_silent, resource, snapshot
from tests.sinks.mqtt.mosquitto import Heard, Listener, Mosquitto, listening, needs_broker, running
from tests.sinks.mqtt.sending import good, sending
from tests.sinks.sparkplug.reading import Host, read, value

pytestmark = needs_broker

NCMD, DEVICE = "spBv1.0/g/NCMD/e", f"resource:{IDS[0]}"
REBIRTH = encode(Payload(1, (Metric("Node Control/Rebirth", True, DataType.BOOLEAN),)))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with running(tmp_path) as made:
        yield made


@pytest.fixture
def listener(broker: Mosquitto) -> Iterator[Listener]:
    with listening(broker, "spBv1.0/#") as made:
        yield made


def config(broker: Mosquitto, **keys: Any) -> Config:
    return Config(url=broker.url, group="g", edge_node="e", **keys)


def kinds(heard: Any) -> list[str]:
    return [one.topic.split("/")[2] for one in heard]


def snapshot_of(one: Heard) -> int:
    return int(next(value(made) for made in read(one.payload)["metrics"] if made.get("name") == "snapshot_id"))


def snapshot_in(host: Host, one: Heard) -> int | None:
    """Return the snapshot of a DDATA, which has no names."""
    made = read(one.payload)["metrics"][0]
    return int(value(made)) if host.names.get(made.get("alias"), ("", ""))[1] == "snapshot_id" else None


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_birth_data_and_an_orderly_death_with_the_number_of_the_birth(
    broker: Mosquitto, listener: Listener, protocol: Any
) -> None:
    async with sending(config(broker, protocol=protocol)) as node:
        await node.publish(good(1))
        host = Host().take(await listener.caught_up())
        assert host.online
        assert host.values[DEVICE, "directive"] == Directive.FOLLOW
        await node.stop()
    heard = await listener.caught_up()
    assert kinds(heard) == ["NBIRTH", "DBIRTH", "DBIRTH", "DDATA", "DDATA", "NDEATH"]
    assert not Host().take(heard).online
    assert not any(one.retained for one in heard)
    assert await asyncio.to_thread(broker.retained, "spBv1.0/#", 1, 1) == []


async def test_an_abrupt_death_is_told_by_the_broker_with_the_number_of_the_birth(
    broker: Mosquitto, listener: Listener
) -> None:
    async with sending(config(broker)) as node:
        node.feed.publish(snapshot({IDS[0]: resource()}, generation=1))  # a fault of ours: one is missing
        await asyncio.wait((node.task,), timeout=10)
        assert isinstance(node.task.exception(), KeyError)
    await listener.until(lambda one: "/NDEATH/" in one.topic)
    heard = await listener.caught_up()
    assert kinds(heard).count("NDEATH") == 1
    assert not Host().take(heard).online


async def test_each_connection_has_the_next_number_and_the_first_is_the_clocks(
    broker: Mosquitto, listener: Listener
) -> None:
    async with sending(config(broker)) as node:
        first = Host().take(await listener.caught_up()).bd_seq
        assert first == (int(node.context.clock.now().wall.timestamp()) + 1) % 256
        await node.stop()
        again = asyncio.create_task(node.sink.run(node.feed, lambda: None))
        await listener.until(lambda one: "NBIRTH" in one.topic and Host().take([one]).bd_seq != first)
        assert Host().take(await listener.caught_up()).bd_seq == (first + 1) % 256
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)


async def test_a_rebirth_is_given_when_asked_but_not_as_often_as_asked(broker: Mosquitto, listener: Listener) -> None:
    async with sending(config(broker)) as node:
        for _ in range(3):
            await asyncio.to_thread(broker.publish, NCMD, REBIRTH)
        await node.publish(good(1))
        assert kinds(await listener.caught_up()).count("NBIRTH") == 1
        await node.advance(5.0)
        await node.publish(good(2))
        await listener.until(lambda one: "NBIRTH" in one.topic and snapshot_of(one) == 2)
        await node.publish(good(3))
        heard = await listener.caught_up()
        assert kinds(heard).count("NBIRTH") == 2
        assert Host().take(one for one in heard if "NCMD" not in one.topic).online
        assert node.evidence.refusals == []


def command(name: str, given: Any = True) -> bytes:  # noqa: FBT002
    kind = DataType.BOOLEAN if isinstance(given, bool) else DataType.DOUBLE
    return encode(Payload(1, (Metric(name, given, kind),)))


async def test_every_other_command_is_refused_counted_and_changes_nothing(
    broker: Mosquitto, listener: Listener
) -> None:
    async with sending(config(broker), good(1)) as node:
        await node.advance(60.0)
        tries: list[tuple[str, bytes, str]] = [
            (NCMD, command("setpoint_mw", 900.0), "node command"),
            (NCMD, command("Node Control/Reboot"), "node command"),
            (NCMD, b"\xff\xff", "command that cannot be read"),
            (NCMD, b"", "node command"),
            (f"spBv1.0/g/DCMD/e/{DEVICE}", command("setpoint_mw", 900.0), "device command"),
        ]
        for topic, payload, _ in tries:
            await asyncio.to_thread(broker.publish, topic, payload)
        await asyncio.to_thread(broker.publish, NCMD, command("Node Control/Rebirth", given=False))
        await node.publish(good(2))
        async with asyncio.timeout(5):
            while len(node.evidence.refusals) < len(tries):  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)
        assert node.evidence.refusals == [("sparkplug", "broker", what) for _, _, what in tries]
        heard = await listener.caught_up()
        assert kinds(heard).count("NBIRTH") == 1
        host = Host().take(one for one in heard if "CMD" not in one.topic)
        assert host.values[DEVICE, "setpoint_mw"] == 150.25


async def test_a_command_that_was_retained_is_not_obeyed(broker: Mosquitto) -> None:
    await asyncio.to_thread(broker.publish, NCMD, REBIRTH, "-r")
    async with sending(config(broker)) as node:
        await node.publish(good(1))
        assert node.evidence.refusals == [("sparkplug", "broker", "retained command")]


async def test_when_the_loop_stands_still_nothing_stays_good(
    broker: Mosquitto, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        async with sending(config(broker, stall_limit_s=0.1), good(1)) as node:
            first = len(await listener.caught_up())
            await listener.until(lambda one: one in listener.heard[first:] and "DDATA" in one.topic)
            host = Host().take(await listener.caught_up())
            assert host.values[DEVICE, "directive"] == Directive.HOLD
            assert host.qualities[DEVICE, "setpoint_mw"] == 0
            await node.publish(good(2))
            again = await listener.until(lambda one: DEVICE in one.topic and snapshot_in(host, one) == 2)
            assert (
                Host().take(listener.heard[: listener.heard.index(again) + 1]).qualities[DEVICE, "setpoint_mw"] == 192
            )
    assert "published nothing" in caplog.text


async def test_a_birth_beside_a_stopped_loop_shows_nothing_good(broker: Mosquitto, listener: Listener) -> None:
    async with sending(config(broker), fell_silent(good(1))) as node:
        host = Host().take(await listener.caught_up())
        assert (host.values[DEVICE, "directive"], host.qualities[DEVICE, "setpoint_mw"]) == (Directive.HOLD, 0)
        await node.publish(good(2))
        assert Host().take(await listener.caught_up()).qualities[DEVICE, "setpoint_mw"] == 192


def state(*, online: bool, timestamp: int) -> bytes:
    return json.dumps({"online": online, "timestamp": timestamp}).encode()


async def test_nothing_is_born_before_the_primary_host_is_online_and_all_dies_when_it_leaves(
    broker: Mosquitto, listener: Listener
) -> None:
    topic = "spBv1.0/STATE/scada"
    publish = broker.publish
    await asyncio.to_thread(publish, topic, state(online=False, timestamp=5), "-r")
    async with asyncio.timeout(30):
        born = asyncio.create_task(anext(_born(broker)))
        await asyncio.sleep(0.1)
        assert "NBIRTH" not in kinds(await listener.caught_up())
        await asyncio.to_thread(publish, topic, state(online=True, timestamp=9), "-r")
        node = await born
        await asyncio.to_thread(publish, topic, b"nonsense")
        await asyncio.to_thread(publish, topic, state(online=False, timestamp=7))  # late: older than what we know
        await asyncio.to_thread(publish, topic, state(online=False, timestamp=10))
        await asyncio.wait((node.task,))
        assert "offline" in str(node.task.exception())
        heard = await listener.caught_up()
        assert kinds(heard)[-1] == "NDEATH"


async def _born(broker: Mosquitto) -> Any:
    async with sending(config(broker, primary_host="scada")) as node:
        yield node


PEER = "sparkplug-payload@1.0.3"
SCRIPT = """
const sparkplug = require("sparkplug-payload").get("spBv1.0");
const lines = require("fs").readFileSync(0, "utf8").trim().split("\\n");
console.log(JSON.stringify(lines.map(line => sparkplug.decodePayload(Buffer.from(line, "hex"))),
    (key, value) => value && value.high !== undefined ? value.low + value.high * 2 ** 32 : value));
"""


def public_decoder() -> Path:
    """Return a folder in which Eclipse's decoder is installed; skips where it cannot be had."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not (node and npm):
        pytest.skip("needs node and npm for Eclipse's sparkplug-payload")
    folder = Path(tempfile.gettempdir()) / "caiso-ads-peers" / "sparkplug-payload-1.0.3"
    if not (folder / "node_modules" / "sparkplug-payload").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts", PEER]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
        if done.returncode:
            pytest.skip(f"npm cannot install {PEER} here")
    return folder


@pytest.mark.slow
async def test_eclipses_decoder_reads_what_we_send(broker: Mosquitto, listener: Listener) -> None:
    folder = await asyncio.to_thread(public_decoder)
    async with sending(config(broker)) as sink:
        await sink.publish(snapshot({IDS[0]: resource(setpoint_mw=-7.5), IDS[1]: resource()}, generation=1))
        await sink.stop()
    heard = await listener.caught_up()
    text = "\n".join(one.payload.hex() for one in heard)
    command = ["node", "-e", SCRIPT]
    done = await asyncio.to_thread(
        subprocess.run, command, input=text, capture_output=True, text=True, check=True, cwd=folder
    )
    read_there = dict(zip(kinds(heard), json.loads(done.stdout), strict=False))
    birth = {one["name"]: one for one in read_there["DBIRTH"]["metrics"]}
    assert birth["setpoint_mw"]["value"] is None
    assert birth["setpoint_mw"]["properties"]["Quality"]["value"] == 0
    assert birth["setpoint_mw"]["properties"]["engUnit"]["value"] == "MW"
    assert birth["dot_target_time"]["type"] == "DateTime"
    first = json.loads(done.stdout)[kinds(heard).index("DDATA")]
    alias = birth["setpoint_mw"]["alias"]
    other = {one["alias"]: one for one in first["metrics"]}
    host = Host().take(heard)
    names = {place: key for place, (device, key) in host.names.items() if device == DEVICE}
    assert {names[place] for place in other} >= {"setpoint_mw", "directive", "snapshot_id"}
    mine = next(place for place, key in names.items() if key == "setpoint_mw")
    assert (other[mine]["value"], other[mine]["properties"]["Quality"]["value"]) == (-7.5, 192)
    assert alias > mine
    death = read_there["NDEATH"]["metrics"][0]
    assert (death["name"], death["value"], death["type"]) == ("bdSeq", host.bd_seq, "Int64")
    assert [one["seq"] for one in json.loads(done.stdout)[:-1]] == list(range(len(heard) - 1))
