"""What clients may not do: guess, flood, write; each refusal is in the evidence (rows 155, 162, 163, 164)."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from asyncua import Client, ua

from tests.sinks.modbus.snapshots import IDS, nothing_known, snapshot
from tests.sinks.opcua.clients import Running, client, point, serving, value

ALPHA = IDS[0]


class Deaf:
    """A subscriber that keeps nothing."""

    def datachange_notification(self, node: Any, val: Any, data: Any) -> None:
        """Do nothing."""


async def told(running: Running, what: str) -> None:
    async def there() -> bool:
        return ("opcua", "127.0.0.1", what) in running.evidence.refusals

    await running.until(there)


async def login(running: Running, word: str) -> None:
    async with client(running.port, word=word):
        pass


async def test_row_162_163_logins_and_writes_that_are_refused_are_in_the_evidence() -> None:
    async with serving(snapshot()) as running:
        with pytest.raises(ua.UaError):
            await login(running, "wrong horse battery")
        await told(running, "login")
        with pytest.raises((ua.UaError, ConnectionError, TimeoutError)):
            async with Client(f"opc.tcp://127.0.0.1:{running.port}/caiso-ads", timeout=5):
                pass
        await told(running, "channel")
        async with client(running.port) as writer:
            with pytest.raises(ua.UaError):
                await point(writer, f"{ALPHA}.setpoint_mw").write_value(1.0)
            await told(running, "write")
            with pytest.raises(ua.UaError):
                await writer.nodes.objects.add_variable(2, "mine", 1.0)
            await told(running, "change of nodes")
            with pytest.raises(ua.UaError):
                await writer.register_server(writer)  # type: ignore[arg-type] # it only asks for its names
    assert {what for _, _, what in running.evidence.refusals} <= {
        "login",
        "channel",
        "write",
        "change of nodes",
        "registration of a server",
    }


async def test_who_read_which_snapshot_is_told_once_by_reading_and_by_a_subscription() -> None:
    async with serving(snapshot(generation=4)) as running, client(running.port) as reader:
        for _ in range(2):
            await value(reader, f"{ALPHA}.directive")

        async def read(generation: int) -> bool:
            return ("opcua", "127.0.0.1", 0, generation) in running.evidence.reads

        await running.until(lambda: read(4))
        subscription = await reader.create_subscription(100, Deaf())
        await subscription.subscribe_data_change(point(reader, "Gateway.snapshot_id"))
        running.feed.publish(snapshot(generation=5))
        await running.until(lambda: read(5))
        assert len(running.evidence.reads) == len(set(running.evidence.reads))


async def test_row_162_guessing_is_slowed_down_also_with_the_right_password() -> None:
    async with serving(snapshot()) as running:
        for number in range(5):
            with pytest.raises(ua.UaError):
                await login(running, f"wrong horse {number}")
        with pytest.raises(ua.UaError):
            await login(running, "correct horse battery")  # it must wait now, like any other
        assert len([one for one in running.evidence.refusals if one[2] == "login"]) == 6

        async def again() -> bool:
            try:
                await login(running, "correct horse battery")
            except ua.UaError:
                return False
            return True

        await running.until(again)


async def test_row_164_sessions_subscriptions_and_items_beyond_the_caps_are_refused() -> None:
    caps = {"max_sessions": 2, "max_subscriptions": 2, "max_monitored_items": 100}
    async with serving(snapshot(), **caps) as running, AsyncExitStack() as stack:
        first, _ = [await stack.enter_async_context(client(running.port)) for _ in range(2)]
        with pytest.raises(ua.UaError):
            await login(running, "correct horse battery")
        subscriptions = [await first.create_subscription(0, Deaf()) for _ in range(2)]
        with pytest.raises(ua.uaerrors.BadTooManySubscriptions):
            await first.create_subscription(100, Deaf())
        node = point(first, f"{ALPHA}.directive")
        await subscriptions[0].subscribe_data_change([node] * 60)
        with pytest.raises(ua.uaerrors.BadTooManyMonitoredItems):
            await subscriptions[1].subscribe_data_change([node] * 60)
        assert (await value(first, f"{ALPHA}.directive")).Value.Value == 1


async def test_row_164_idle_connections_give_way_and_a_second_session_on_one_is_refused() -> None:
    async with serving(snapshot(), max_sessions=2) as running:
        idle = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(12)]
        async with client(running.port) as reader:
            assert (await value(reader, f"{ALPHA}.directive")).Value.Value == 1
            with pytest.raises(ua.UaError):
                await reader.create_session()
        for _, writer in idle:
            writer.transport.abort()


@pytest.mark.parametrize(
    "junk",
    [
        b"HELF\xff\xff\xff\x7f" + bytes(4 << 20),  # a message of 2 GB
        b"MSGF\x08\x00\x00\x00" * 5000,
        b"GET / HTTP/1.1\r\n\r\n" * 1000,
        bytes(range(256)) * 100,
    ],
)
async def test_row_155_164_bytes_that_are_no_opc_ua_hurt_nobody(junk: bytes) -> None:
    async with serving(nothing_known(), memory_limit_mb=512) as running:
        for _ in range(3):
            _, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(junk)
            try:
                async with asyncio.timeout(1):
                    await writer.drain()
            except (ConnectionError, TimeoutError):
                pass
            writer.transport.abort()
        running.feed.publish(snapshot())
        async with client(running.port) as reader:
            assert (await value(reader, f"{ALPHA}.directive")).Value.Value == 1
        assert not running.task.done()
