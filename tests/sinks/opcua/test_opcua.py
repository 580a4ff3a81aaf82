"""The OPC UA sink with a client of its own: who is let in, what is seen, and what becomes of it when something dies."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua

from caiso_ads.core.points import GATEWAY_POINTS, RESOURCE_POINTS
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.errors import ConfigError
from caiso_ads.ports import SinkContext
from caiso_ads.sinks._child.parent import ChildError
from caiso_ads.sinks.opcua import Config
from tests.fakes import FakeClock, MemoryStore
from tests.sinks.modbus.snapshots import AT, IDS, nothing_known, resource, snapshot
from tests.sinks.opcua.clients import POLICIES, WORD, Running, client, keys, place, point, serving, value

pytestmark = pytest.mark.slow  # each starts a server in a process of its own; the contract of all sinks is fast

ALPHA = IDS[0]


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_listed_user_reads_values_with_status_and_source_time(policy: Any) -> None:
    async with serving(nothing_known()) as running, client(running.port, policy=policy) as reader:
        first = await value(reader, f"{ALPHA}.setpoint_mw")
        assert (first.Value.Value if first.Value else None, first.StatusCode.value) == (None, 0x80320000)
        running.feed.publish(snapshot({ALPHA: resource(pmin_mw=10.0, pmax_mw=200.0), IDS[1]: resource()}))
        await running.until(lambda: seen(running, 1))
        good = await value(reader, f"{ALPHA}.setpoint_mw")
        assert (good.Value.Value, good.StatusCode.value, good.SourceTimestamp) == (150.25, 0, AT)
        assert (await value(reader, f"{ALPHA}.directive")).Value.Value == Directive.FOLLOW
        unit = await point(reader, f"{ALPHA}.setpoint_mw.EngineeringUnits").read_value()
        assert (unit.UnitId, unit.DisplayName.Text) == (int.from_bytes(b"MAW", "big"), "MW")
        limits = await point(reader, f"{ALPHA}.setpoint_mw.EURange").read_value()
        assert (limits.Low, limits.High) == (10.0, 200.0)
        assert (await value(reader, "Gateway.snapshot_id")).Value.Value == 1


async def seen(running: Running, generation: int) -> bool:
    return ("opcua", generation) in running.evidence.shown


async def test_every_point_of_the_catalogue_is_there() -> None:
    async with serving(nothing_known()) as running, client(running.port) as reader:
        assert (await reader.get_namespace_array())[2] == "urn:caiso-ads:points"
        for folder, points in (("Gateway", GATEWAY_POINTS), (ALPHA, RESOURCE_POINTS), (IDS[1], RESOURCE_POINTS)):
            names = {(await node.read_browse_name()).Name for node in await point(reader, folder).get_children()}
            assert names - {"snapshot_id"} == {one.key for one in points}


@pytest.mark.parametrize(("name", "word"), [("historian", "wrong horse battery"), ("admin", WORD), ("historian", "")])
async def test_a_wrong_name_or_password_is_refused(name: str, word: str) -> None:
    async with serving(nothing_known()) as running:
        with pytest.raises(ua.UaError):
            async with client(running.port, name, word):
                pass


async def test_row_162_no_clear_text_and_nobody_without_a_name() -> None:
    async with serving(nothing_known()) as running:
        plain = Client(f"opc.tcp://127.0.0.1:{running.port}/caiso-ads", timeout=5)
        offered = await plain.connect_and_get_server_endpoints()
        assert {one.SecurityMode for one in offered} == {ua.MessageSecurityMode.SignAndEncrypt}
        assert {one.SecurityPolicyUri for one in offered} == {policy.URI for policy in POLICIES}
        assert {token.TokenType for one in offered for token in one.UserIdentityTokens} == {ua.UserTokenType.UserName}
        with pytest.raises((ua.UaError, ConnectionError, TimeoutError)):
            async with Client(f"opc.tcp://127.0.0.1:{running.port}/caiso-ads", timeout=5):
                pass
        with pytest.raises(ua.UaError):
            async with client(running.port, None):
                pass


async def test_a_listed_certificate_is_a_login_and_another_is_not() -> None:
    changes = {"users_file": None, "trusted_certificates": place() / "trusted"}
    async with serving(snapshot(), **changes) as running:
        async with client(running.port, None) as reader:
            assert (await value(reader, f"{ALPHA}.directive")).Value.Value == Directive.FOLLOW
        with pytest.raises(ua.UaError):
            async with client(running.port, None, own="stranger"):
                pass


async def test_where_certificates_are_listed_a_password_alone_is_not_enough() -> None:
    async with serving(snapshot(), trusted_certificates=place() / "trusted") as running:
        async with client(running.port):
            pass
        with pytest.raises(ua.UaError):
            async with client(running.port, own="stranger"):
                pass


async def test_row_163_a_write_is_refused_and_changes_nothing() -> None:
    async with serving(snapshot()) as running, client(running.port) as writer:
        for name in (f"{ALPHA}.setpoint_mw", "Gateway.heartbeat", f"{ALPHA}.setpoint_mw.EngineeringUnits"):
            before = await value(writer, name)
            with pytest.raises((ua.uaerrors.BadUserAccessDenied, ua.uaerrors.BadNotWritable)):
                await point(writer, name).write_value(ua.DataValue(before.Value))
        with pytest.raises(ua.UaError):
            await writer.nodes.objects.add_variable(2, "mine", 1.0)
        assert (await value(writer, f"{ALPHA}.setpoint_mw")).Value.Value == 150.25


class Changes:
    """What a subscription tells."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[Any, int]] = asyncio.Queue()

    def datachange_notification(self, node: Any, val: Any, data: Any) -> None:
        self.heard.put_nowait((val, data.monitored_item.Value.StatusCode.value))


async def test_a_subscriber_hears_a_changed_directive_and_at_the_end_that_we_stop() -> None:
    changes = Changes()
    async with serving(snapshot()) as running, client(running.port) as reader:
        subscription = await reader.create_subscription(100, changes)
        await subscription.subscribe_data_change(point(reader, f"{ALPHA}.directive"))
        async with asyncio.timeout(20):
            assert await changes.heard.get() == (Directive.FOLLOW, 0)
            held = resource(Quality.BAD_COMM, directive=Directive.HOLD, reasons=1)
            running.feed.publish(snapshot({ALPHA: held, IDS[1]: resource()}, generation=2))
            assert await changes.heard.get() == (Directive.HOLD, 0x40000000)
            await subscription.subscribe_data_change(point(reader, f"{ALPHA}.setpoint_mw"))
            assert await changes.heard.get() == (None, 0x80310000)
            await running.stop()
            assert await changes.heard.get() == (None, 0x800C0000)


async def test_row_158_a_loop_that_stands_still_is_not_good() -> None:
    async with serving(snapshot(), stall_limit_s=2.0) as running, client(running.port) as reader:

        async def distrusted() -> bool:
            return bool((await value(reader, f"{ALPHA}.setpoint_mw")).StatusCode.value == 0x80310000)

        await running.until(distrusted)
        assert (await value(reader, f"{ALPHA}.directive")).Value.Value == Directive.HOLD
        assert (await value(reader, "Gateway.snapshot_id")).StatusCode.value == 0x40000000


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX signals")
async def test_a_killed_process_is_an_error_of_this_sink_and_it_serves_again() -> None:
    async with serving(snapshot()) as running:
        os.kill(running.sink.pid, signal.SIGKILL)
        with pytest.raises(ChildError, match="ended"):
            await running.task
        running.feed.publish(snapshot(generation=2))
        await running.start()
        async with client(running.port) as reader:
            assert (await value(reader, "Gateway.snapshot_id")).Value.Value == 2


def context() -> SinkContext:
    return SinkContext(IDS, {}, "simulator", MemoryStore(), FakeClock())


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"host": " "}, "host"),
        ({"port": 70_000}, "port"),
        ({"users_file": None}, "users_file"),
        ({"directory": None}, "directory"),
    ],
)
def test_what_cannot_work_is_refused_by_name(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Config(**{**keys(), **changes}).build(context())
    assert (refused.value.table, refused.value.key) == ("sinks.opcua", key)


async def test_a_file_without_a_user_and_a_folder_without_a_certificate_are_refused(tmp_path: Path) -> None:
    (tmp_path / "users").write_text("# nobody\n")
    (tmp_path / "empty").mkdir()
    for changes in ({"users_file": tmp_path / "users"}, {"trusted_certificates": tmp_path / "empty"}):
        with pytest.raises(ConfigError, match="nobody may log in") as refused:
            await Running(nothing_known(), **changes).start()
        assert refused.value.cure


async def test_the_key_is_made_once_and_is_the_owners_alone(tmp_path: Path) -> None:
    sink: Any = Config(**{**keys(), "directory": tmp_path / "pki"}).build(context())
    first = sink.setup()
    assert sink.setup() == first
    if os.name == "posix":
        assert Path(first.key_file).stat().st_mode & 0o777 == 0o600
    Path(first.key_file).write_text("no key")
    with pytest.raises(ConfigError, match="server"):
        sink.setup()
