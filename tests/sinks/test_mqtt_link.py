"""The connection: refusals are errors, TLS is checked on both sides, and nothing of it is left behind."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiomqtt import Will

from caiso_ads.sinks._mqtt_config import Broker
from caiso_ads.sinks._mqtt_link import Link
from caiso_ads.sinks.mqtt import Config
from tests.sinks.mqtt.mosquitto import Mosquitto, free_port, listening, needs_broker, running
from tests.sinks.mqtt.sending import good, sending

WILL = Will("p/will", b"gone", qos=1, retain=True)


def link(port: int, **changes: Any) -> Link:
    keys = {"host": "127.0.0.1", "tls": None, "client_id": "us", "version": 5, "username": None, "password": None}
    return Link(Broker(port=port, **{**keys, **changes}), WILL, "sinks.mqtt")


def acl(folder: Path, *lines: str) -> tuple[str, ...]:
    path = folder / "acl"
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o600)
    return (f"acl_file {path}",)


@needs_broker
async def test_a_publish_that_the_broker_refuses_is_an_error(tmp_path: Path) -> None:
    rules = acl(tmp_path, "topic write p/state", "topic write p/gateway")
    with running(tmp_path, *rules) as broker, pytest.raises(ConnectionError, match=r"refused p/resource/.*authorized"):
        async with sending(Config(url=broker.url, prefix="p")):
            pass


@contextmanager
def answering(*answers: bytes) -> Iterator[int]:
    """Run a broker that gives one fixed answer to each thing it is sent."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.read(4096)
            writer.write(answer)
        await reader.read(4096)
        writer.close()

    wire = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.ensure_future(asyncio.start_server(serve, sock=wire))
    try:
        yield wire.getsockname()[1]
    finally:
        serving.result().close()


async def test_a_subscription_that_the_broker_refuses_is_an_error() -> None:
    with answering(b"\x20\x02\x00\x00", b"\x90\x03\x00\x01\x80") as port:
        made = link(port, version=4)
        await made.open()
        with pytest.raises(ConnectionError, match="refused to let us hear a/b"):
            await made.listen("a/b")
        await made.drop()


@needs_broker
async def test_a_broker_that_hangs_up_on_what_we_send_is_an_error_at_once(tmp_path: Path) -> None:
    with running(tmp_path) as broker:
        made = link(broker.port)
        await made.open()
        with pytest.raises(ConnectionError):
            await made.listen("/" * 300)  # more levels than it takes
        await made.drop()


@needs_broker
async def test_a_wrong_password_is_an_error_that_does_not_tell_it(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("s3cret\n")
    secret.chmod(0o600)
    with running(tmp_path, anonymous=False) as broker:
        with pytest.raises(ConnectionError, match=r"(?i)not authorized") as caught:
            async with sending(Config(url=broker.url, prefix="p", username="plant", password_file=secret)):
                pass
        assert "s3cret" not in str(caught.value)


async def test_a_broker_that_is_not_there_is_an_error_with_its_address() -> None:
    port = free_port()
    with pytest.raises(ConnectionError, match=f"127.0.0.1:{port}"):
        await link(port).open()
    with pytest.raises(ConnectionError, match="no-such-host"):
        await link(port, host="no-such-host.invalid").open()


@contextmanager
def deaf() -> Iterator[int]:
    """Accept connections and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def test_connecting_can_be_cancelled_and_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    with deaf() as port:
        made = link(port)
        opening = asyncio.create_task(made.open())
        await asyncio.sleep(0.1)
        opening.cancel()
        await asyncio.wait((opening,), timeout=5)
        assert opening.cancelled()
        await made.drop()
    await asyncio.sleep(0.05)
    assert {task for task in asyncio.all_tasks() - before if "_misc_loop" in repr(task)} == set()


@needs_broker
async def test_goodbye_takes_the_will_back_and_drop_does_not(tmp_path: Path) -> None:
    with running(tmp_path) as broker, listening(broker, "p/will") as listener:
        first = link(broker.port)
        await first.open()
        await first.post("p/x", b"1")
        await first.goodbye(first.post("p/x", b"2"))
        assert await listener.caught_up() == []
        second = link(broker.port)
        await second.open()
        await second.drop()
        await listener.until(lambda one: one.payload == b"gone")


@pytest.mark.slow
@needs_broker
async def test_a_broker_that_confirms_no_more_does_not_keep_us_from_leaving(tmp_path: Path) -> None:
    with running(tmp_path) as broker:
        made = link(broker.port)
        await made.open()
        before = asyncio.all_tasks()
        assert broker.process
        os.kill(broker.process.pid, 19)  # stopped: the connection stands and nothing is answered
        try:
            leaving = asyncio.create_task(made.goodbye(made.post("p/x", b"1")))
            await asyncio.wait((leaving,), timeout=8)
            assert leaving.done()
            assert leaving.exception() is None
        finally:
            os.kill(broker.process.pid, 18)
        assert [task for task in asyncio.all_tasks() if task not in before] == []


@contextmanager
def secured(folder: Path) -> Iterator[tuple[Mosquitto, dict[str, Any]]]:
    """Run a broker that wants client certificates; yield it and the keys that are let in."""
    ca, server, ours = trustme.CA(), None, None
    server, ours = ca.issue_cert("127.0.0.1", "localhost"), ca.issue_cert("gateway@plant")
    ca.cert_pem.write_to_path(folder / "ca.pem")
    for name, issued in (("server", server), ("ours", ours)):
        issued.private_key_and_cert_chain_pem.write_to_path(folder / f"{name}.pem")
        (folder / f"{name}.pem").chmod(0o600)
    lines = (f"cafile {folder}/ca.pem", f"certfile {folder}/server.pem", f"keyfile {folder}/server.pem")
    with running(folder, *lines, "require_certificate true") as broker:
        broker.client = ("--cafile", f"{folder}/ca.pem", "--cert", f"{folder}/ours.pem", "--key", f"{folder}/ours.pem")
        url = f"mqtts://127.0.0.1:{broker.port}"
        yield broker, {"url": url, "ca_file": folder / "ca.pem", "certificate": folder / "ours.pem"}


@needs_broker
async def test_tls_with_a_client_certificate_and_no_way_in_without(tmp_path: Path) -> None:
    with secured(tmp_path) as (broker, keys):
        async with sending(Config(**keys, prefix="p")) as sink:
            await sink.publish(good(1))
            (state,) = await asyncio.to_thread(broker.retained, "p/state")
            assert state.json["quality"] == "ALIVE"
            await sink.stop()
        (state,) = await asyncio.to_thread(broker.retained, "p/state")
        assert state.json["quality"] == "DEAD"
        trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
        without = {key: value for key, value in keys.items() if key != "certificate"}
        stranger = {**keys, "ca_file": tmp_path / "other.pem"}
        by_name = {**keys, "url": keys["url"].replace("127.0.0.1", "127.0.0.2")}
        for wrong in (without, stranger, by_name):
            with pytest.raises(ConnectionError):
                async with sending(Config(**wrong, prefix="p")):
                    pass
