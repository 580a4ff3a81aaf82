"""The MQTT sink at a real broker, seen by Debian's mosquitto_sub: its life, its death, and what is left behind."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from caiso_ads.core.quality import Directive
from caiso_ads.sinks.mqtt import Config
from tests.sinks.modbus.snapshots import IDS, fell_silent, resource, snapshot
from tests.sinks.mqtt.mosquitto import Heard, Mosquitto, listening, needs_broker, running
from tests.sinks.mqtt.sending import good, sending

pytestmark = needs_broker

STATE, FIRST = "p/state", f"p/resource/{IDS[0]}"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with running(tmp_path) as made:
        yield made


def config(broker: Mosquitto, **keys: Any) -> Config:
    return Config(url=broker.url, prefix="p", **keys)


def said(heard: list[Heard], topic: str, key: str) -> list[Any]:
    return [one.json[key] for one in heard if one.topic == topic]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_documents_come_before_alive_and_a_late_subscriber_finds_them_retained(
    broker: Mosquitto, protocol: Any
) -> None:
    with listening(broker, "p/#") as listener:
        async with sending(config(broker, protocol=protocol)) as sink:
            heard = await listener.caught_up()
            assert heard[-1].topic == STATE
            assert heard[-1].json["quality"] == "ALIVE"
            assert {one.topic for one in heard[:-1]} == {"p/gateway", *(f"p/resource/{one}" for one in IDS)}
            assert {one.qos for one in heard} == {1}
            await sink.publish(good(1))
            found = {one.topic: one for one in await asyncio.to_thread(broker.retained, "p/#", 4)}
            assert found[FIRST].retained
            assert found[FIRST].json["directive"] == "FOLLOW"
            assert found[FIRST].json["session"] == found[STATE].json["session"]


async def test_an_orderly_stop_says_shutdown_then_dead(broker: Mosquitto) -> None:
    with listening(broker, "p/#") as listener:
        async with sending(config(broker)) as sink:
            await sink.publish(good(1))
            await sink.stop()
        heard = await listener.caught_up()
    assert said(heard, STATE, "quality") == ["ALIVE", "DEAD"]
    assert heard[-1].topic == STATE
    assert said(heard, FIRST, "quality")[-1] == "SHUTDOWN"
    assert said(heard, FIRST, "directive")[-1] == "HOLD"
    assert said(heard, FIRST, "reasons")[-1] == ["SHUTTING_DOWN"]


async def test_row_166_an_abrupt_end_leaves_dead_behind_and_no_farewell_takes_the_will_back(broker: Mosquitto) -> None:
    async with sending(config(broker)) as sink:
        sink.feed.publish(snapshot({IDS[0]: resource()}, generation=1))  # a fault of ours: one is missing
        await asyncio.wait((sink.task,), timeout=10)
        assert isinstance(sink.task.exception(), KeyError), sink.task
    (state,) = await asyncio.to_thread(broker.retained, STATE)
    assert state.json["quality"] == "DEAD"


KILLED = """
import asyncio, sys
from caiso_ads.ports import Feed
from caiso_ads.sinks.mqtt import Config
from caiso_ads.sinks.mqtt.publisher import MqttSink, Settings
from tests.sinks.mqtt.sending import context, good
made = MqttSink(Config(url=sys.argv[1], prefix="p"), Settings("p", "", 20.0, 5.0, expiry_s=2), context())
asyncio.run(made.run(Feed(good(1)), lambda: print("started", flush=True)))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kill -9 is POSIX's")
async def test_row_166_after_kill_9_who_subscribes_finds_dead_and_the_documents_expire(broker: Mosquitto) -> None:
    command = [sys.executable, "-c", KILLED, broker.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as process:  # noqa: ASYNC220 - a short start
        assert process.stdout
        assert await asyncio.to_thread(process.stdout.readline) == b"started\n"
        (before,) = await asyncio.to_thread(broker.retained, FIRST)
        assert before.json["directive"] == "FOLLOW"
        with listening(broker, STATE) as listener:
            process.kill()
            await listener.until(lambda one: one.json["quality"] == "DEAD")
    (state,) = await asyncio.to_thread(broker.retained, STATE)
    assert (state.json["quality"], state.json["session"]) == ("DEAD", before.json["session"])
    async with asyncio.timeout(8):
        while await asyncio.to_thread(broker.retained, FIRST, 1, 1):
            pass
    assert await asyncio.to_thread(broker.retained, STATE)


async def test_every_document_expires_but_the_word_dead_does_not(broker: Mosquitto) -> None:
    """mosquitto_sub's %E gives what is left of the message expiry of MQTT 5."""
    command = ["mosquitto_sub", "-p", str(broker.port), "-V", "5", "-t", "p/#", "-F", "%t %E", "-W", "1"]

    async def expiries() -> dict[str, str]:
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
        return {topic: left for topic, _, left in (line.partition(" ") for line in done.stdout.splitlines())}

    async with sending(config(broker)) as sink:
        alive = await expiries()
        assert set(alive) == {STATE, FIRST, f"p/resource/{IDS[1]}", "p/gateway"}
        assert all(50 <= int(left) <= 60 for left in alive.values())
        await sink.stop()
    assert not (await expiries())[STATE].strip("0 ")


async def test_row_165_only_the_newest_state_is_sent_after_the_broker_was_away(broker: Mosquitto) -> None:
    async with sending(config(broker)) as sink:
        await sink.publish(good(1))
        broker.stop()
        await asyncio.wait((sink.task,), timeout=10)
        assert isinstance(sink.task.exception(), ConnectionError)
        for generation in range(2, 500):  # a day of snapshots nobody is sent
            sink.feed.publish(good(generation, setpoint_mw=float(generation)))
        task = asyncio.create_task(sink.sink.run(sink.feed, lambda: None))
        await asyncio.wait((task,), timeout=10)
        assert isinstance(task.exception(), ConnectionError)
        broker.start()
        with listening(broker, "p/#") as listener:
            started = asyncio.Event()
            task = asyncio.create_task(sink.sink.run(sink.feed, started.set))
            await started.wait()
            heard = await listener.caught_up()
            assert said(heard, FIRST, "snapshot_id") == [499]
            assert said(heard, STATE, "quality") == ["ALIVE"]
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_row_167_a_repeated_or_late_document_is_known_by_its_number_and_time(broker: Mosquitto) -> None:
    with listening(broker, FIRST) as listener:
        async with sending(config(broker)) as sink:
            for generation in (1, 2, 3):
                await sink.publish(good(generation, setpoint_mw=float(generation)))
            heard = await listener.caught_up()
    numbers = said(heard, FIRST, "sequence")
    assert numbers == sorted(set(numbers))
    assert said(heard, FIRST, "snapshot_id") == [0, 1, 2, 3]
    assert len(set(said(heard, FIRST, "session"))) == 1


async def test_a_directive_is_seen_within_a_second_and_what_is_unchanged_is_not_sent(broker: Mosquitto) -> None:
    with listening(broker, "p/#") as listener:
        async with sending(config(broker)) as sink:
            await sink.publish(good(1))
            before = len(await listener.caught_up())
            held = resource(directive=Directive.HOLD, reasons=1)
            await sink.publish(snapshot({IDS[0]: held, IDS[1]: resource()}, generation=2))
            after = (await listener.caught_up())[before:]
            assert [one.topic for one in after] == ["p/gateway", FIRST]
            assert after[1].json["directive"] == "HOLD"
            await sink.advance(20.0)
            await sink.publish(snapshot({IDS[0]: held, IDS[1]: resource()}, generation=3))
            again = (await listener.caught_up())[before + 2 :]
            assert {one.topic for one in again} == {"p/gateway", STATE, *(f"p/resource/{one}" for one in IDS)}


async def test_when_the_loop_stands_still_nothing_stays_good(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    with listening(broker, FIRST) as listener, caplog.at_level(logging.WARNING):
        async with sending(config(broker, stall_limit_s=0.1), good(1)) as sink:
            seen = await listener.until(lambda one: one.json["directive"] == "HOLD")
            assert (seen.json["quality"], seen.json["points"]["setpoint_mw"]["value"]) == ("BAD_COMM", 150.25)
            await sink.publish(good(2))
            again = await listener.until(lambda one: one.json["snapshot_id"] == 2)
            assert again.json["directive"] == "FOLLOW"
    assert "published nothing" in caplog.text


async def test_a_new_connection_beside_a_stopped_loop_shows_nothing_good(broker: Mosquitto) -> None:
    with listening(broker, FIRST) as listener:
        async with sending(config(broker), fell_silent(good(1))) as sink:
            assert (await listener.caught_up())[-1].json["directive"] == "HOLD"
            await sink.publish(good(2))
            assert (await listener.caught_up())[-1].json["directive"] == "FOLLOW"


async def test_home_assistant_is_told_before_alive(broker: Mosquitto) -> None:
    with listening(broker, "#") as listener:
        async with sending(config(broker, home_assistant=True)):
            heard = await listener.caught_up()
    alive = next(place for place, one in enumerate(heard) if one.topic == STATE)
    told = [place for place, one in enumerate(heard) if one.topic.startswith("homeassistant/")]
    assert told
    assert max(told) < alive


async def test_a_takeover_by_another_client_of_our_name_is_an_error_not_a_silence(broker: Mosquitto) -> None:
    async with sending(config(broker)) as sink, sending(config(broker)):
        await asyncio.wait((sink.task,), timeout=10)
        assert isinstance(sink.task.exception(), ConnectionError)
