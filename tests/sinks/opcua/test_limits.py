"""What clients may not do: guess, flood, write; each refusal is in the evidence (rows 155, 162, 163, 164)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from asyncua import Client, ua

from tests.sinks.modbus.snapshots import IDS, snapshot
from tests.sinks.opcua.clients import NAME, POLICIES, WORD, Running, client, place, point, serving, value

ALPHA = IDS[0]


pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]  # each server takes seconds to start


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plain() -> AsyncIterator[Running]:
    async with serving(snapshot(generation=4)) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tight() -> AsyncIterator[Running]:
    caps = {"max_sessions": 2, "max_subscriptions": 2, "max_monitored_items": 100, "memory_limit_mb": 512}
    async with serving(snapshot(), **caps) as running:
        yield running


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


async def test_row_162_163_logins_and_writes_that_are_refused_are_in_the_evidence(plain: Running) -> None:
    with pytest.raises(ua.UaError):
        await login(plain, "wrong horse battery")
    await told(plain, "login")
    async with client(plain.port) as writer:
        with pytest.raises(ua.UaError):
            await point(writer, f"{ALPHA}.setpoint_mw").write_value(1.0)
        await told(plain, "write")
        with pytest.raises(ua.UaError):
            await writer.nodes.objects.add_variable(2, "mine", 1.0)
        await told(plain, "change of nodes")


@asynccontextmanager
async def bare(running: Running, *, encrypted: bool) -> AsyncIterator[Any]:
    """Yield the wire of a client that has a channel and nothing else, and does none of the library's checks."""
    made = Client(f"opc.tcp://127.0.0.1:{running.port}/caiso-ads", timeout=5)
    if encrypted:
        policy, own, key = POLICIES[0], place() / "stranger.der", place() / "stranger.key.pem"
        await made.set_security(policy, own, key, mode=ua.MessageSecurityMode.SignAndEncrypt)
    await made.connect_socket()
    try:
        await made.send_hello()
        await made.open_secure_channel()
        yield made.uaclient
    finally:
        made.disconnect_socket()


async def test_row_162_a_password_in_the_clear_is_not_taken(plain: Running) -> None:
    async with bare(plain, encrypted=False) as wire:
        create = ua.CreateSessionParameters(RequestedSessionTimeout=10_000.0)
        with pytest.raises(ua.uaerrors.BadSecurityModeInsufficient):
            await wire.create_session(create)
        token = ua.UserNameIdentityToken(PolicyId="username", UserName=NAME, Password=WORD.encode())
        with pytest.raises(ua.uaerrors.BadSecurityModeInsufficient):
            await wire.activate_session(ua.ActivateSessionParameters(UserIdentityToken=token))
        await told(plain, "channel")


async def test_the_session_of_another_cannot_be_taken_over_by_its_number(plain: Running) -> None:
    async with client(plain.port) as victim:
        async with bare(plain, encrypted=True) as wire:
            wire.protocol.authentication_token = victim.uaclient.protocol.authentication_token  # type: ignore[union-attr] # it is connected
            with pytest.raises(ua.UaError):
                await wire.activate_session(ua.ActivateSessionParameters())
            one = ua.ReadValueId(NodeId=ua.NodeId.from_string(f"ns=2;s={ALPHA}.setpoint_mw"), AttributeId=13)
            with pytest.raises(ua.UaError):
                await wire.read(ua.ReadParameters(NodesToRead=[one]))
        assert (await value(victim, f"{ALPHA}.directive")).Value.Value == 1


async def test_who_read_which_snapshot_is_told_once_by_reading_and_by_a_subscription(plain: Running) -> None:
    async with client(plain.port) as reader:
        for _ in range(2):
            await value(reader, f"{ALPHA}.directive")

        async def read(generation: int) -> bool:
            return ("opcua", "127.0.0.1", 0, generation) in plain.evidence.reads

        await plain.until(lambda: read(4))
        subscription = await reader.create_subscription(100, Deaf())
        await subscription.subscribe_data_change(point(reader, "Gateway.snapshot_id"))
        plain.feed.publish(snapshot(generation=5))
        await plain.until(lambda: read(5))
        assert len(plain.evidence.reads) == len(set(plain.evidence.reads))


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


async def test_row_164_sessions_subscriptions_and_items_beyond_the_caps_are_refused(tight: Running) -> None:
    async with AsyncExitStack() as stack:
        first, _ = [await stack.enter_async_context(client(tight.port)) for _ in range(2)]
        with pytest.raises(ua.UaError):
            await login(tight, "correct horse battery")
        subscriptions = [await first.create_subscription(0, Deaf()) for _ in range(2)]
        with pytest.raises(ua.uaerrors.BadTooManySubscriptions):
            await first.create_subscription(100, Deaf())
        node = point(first, f"{ALPHA}.directive")
        await subscriptions[0].subscribe_data_change([node] * 60)
        with pytest.raises(ua.uaerrors.BadTooManyMonitoredItems):
            await subscriptions[1].subscribe_data_change([node] * 60)
        assert (await value(first, f"{ALPHA}.directive")).Value.Value == 1


async def test_row_164_idle_connections_give_way_and_a_second_session_on_one_is_refused(tight: Running) -> None:
    idle = [await asyncio.open_connection("127.0.0.1", tight.port) for _ in range(12)]
    async with client(tight.port) as reader:
        assert (await value(reader, f"{ALPHA}.directive")).Value.Value == 1
        with pytest.raises(ua.UaError):
            await reader.create_session()
    for _, writer in idle:
        writer.transport.abort()


JUNK = (
    b"HELF\xff\xff\xff\x7f" + bytes(4 << 20),  # a message of 2 GB
    b"MSGF\x08\x00\x00\x00" * 5000,
    b"GET / HTTP/1.1\r\n\r\n" * 1000,
    bytes(range(256)) * 100,
)


async def test_row_155_164_bytes_that_are_no_opc_ua_hurt_nobody(tight: Running) -> None:
    for junk in JUNK:
        _, writer = await asyncio.open_connection("127.0.0.1", tight.port)
        writer.write(junk)
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(0.2):
                await writer.drain()
        writer.transport.abort()
    tight.feed.publish(snapshot(generation=2))
    async with client(tight.port) as reader:
        assert (await value(reader, f"{ALPHA}.directive")).Value.Value == 1
    assert not tight.task.done()
