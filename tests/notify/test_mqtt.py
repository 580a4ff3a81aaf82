"""MQTT against Debian's broker: confirmed, not kept, and each kind of failure is an error."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import pytest

from caiso_ads.errors import ConfigError
from caiso_ads.notify.mqtt import Config
from tests.notify.rig import WORST, event, message
from tests.sinks.mqtt.mosquitto import free_port, listening, needs_broker, running


@needs_broker
async def test_a_subscriber_is_given_the_document_and_one_that_comes_later_is_not(tmp_path: Path) -> None:
    with running(tmp_path) as broker, listening(broker, "plant/alarms") as listener:
        way = Config(url=broker.url, topic="plant/alarms").build()
        told = message(event(text=WORST))
        await way.send(told)
        await way.send(told)
        heard = await listener.caught_up()
        assert [one.json for one in heard] == [told.document, told.document]
        assert {(one.qos, one.retained) for one in heard} <= {(0, False), (1, False)}
        assert broker.retained("plant/alarms", wait_s=1) == []
        assert json.loads(heard[0].payload)["test"] is False


@needs_broker
async def test_a_broker_that_refuses_us_or_our_topic_is_an_error(tmp_path: Path) -> None:
    rules = tmp_path / "acl"
    rules.write_text("topic write other\n")
    rules.chmod(0o600)
    forbidden = pytest.raises(ConnectionError, match=r"refused caiso-ads/alarms")
    with running(tmp_path, f"acl_file {rules}") as broker, forbidden:
        await Config(url=broker.url).build().send(message())
    with running(tmp_path, anonymous=False) as broker, pytest.raises(ConnectionError, match=r"(?i)not authorized"):
        await Config(url=broker.url).build().send(message())


@needs_broker
async def test_it_works_again_after_the_broker_was_killed(tmp_path: Path) -> None:
    with running(tmp_path) as broker:
        way = Config(url=broker.url).build()
        await way.send(message())
        broker.stop()
        with pytest.raises(ConnectionError):
            await way.send(message())
        broker.start()
        await way.send(message())


async def test_no_broker_is_an_error() -> None:
    with pytest.raises(ConnectionError):
        await Config(url=f"mqtt://127.0.0.1:{free_port()}").build().send(message())


async def test_a_broker_that_hangs_can_be_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        way = Config(url=f"mqtt://127.0.0.1:{silent.getsockname()[1]}").build()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await way.send(message())


@pytest.mark.parametrize("topic", ["a/#", "", "$SYS/x", "a//b"])
def test_a_topic_that_is_none_is_refused(topic: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config(url="mqtts://broker.example", topic=topic)
    assert caught.value.key == "topic"
