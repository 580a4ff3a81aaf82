"""The OPC UA sink with asyncua's command line tools, each a process of its own, and killed while they are served."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from asyncua import ua

from caiso_ads.core.quality import Directive, Quality
from caiso_ads.sinks._child.parent import ChildError
from tests.sinks.modbus.snapshots import IDS, resource, snapshot
from tests.sinks.opcua.clients import NAME, WORD, Running, client, place, point, serving, value

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
SETPOINT = f"ns=2;s={IDS[0]}.setpoint_mw"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Running]:
    async with serving(snapshot(), stall_limit_s=60.0) as made:
        yield made


def tool(name: str) -> str:
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


async def run(running: Running, name: str, *arguments: str, user: str = NAME, word: str = WORD) -> tuple[int, str]:
    keys = f"{place() / 'client.der'},{place() / 'client.key.pem'}"
    command = [tool(name), "-u", f"opc.tcp://127.0.0.1:{running.port}/caiso-ads", *arguments]
    if user:
        command += ["--security", f"Basic256Sha256,SignAndEncrypt,{keys}", "--user", user, "--password", word]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        out, _ = await asyncio.wait_for(process.communicate(), 20)
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, out.decode()


async def test_uaread_and_uals_with_a_good_login(running: Running) -> None:
    (status, read), (listed, names) = await asyncio.gather(
        run(running, "uaread", "-n", SETPOINT), run(running, "uals", "-n", f"ns=2;s={IDS[0]}")
    )
    assert (status, read.strip().splitlines()[-1]) == (0, "150.25")
    assert listed == 0
    assert "setpoint_mw" in names


async def test_row_162_a_wrong_password_and_no_name_are_refused(running: Running) -> None:
    for arguments, told in (
        ({"word": "wrong horse battery"}, "BadUserAccessDenied"),
        ({"user": ""}, "BadSecurityModeInsufficient"),
    ):
        status, text = await run(running, "uaread", "-n", SETPOINT, **arguments)
        assert status != 0
        assert told in text
        assert "150.25" not in text


async def test_row_163_uawrite_changes_nothing_and_is_in_the_evidence(running: Running) -> None:
    _, text = await run(running, "uawrite", "-n", SETPOINT, "-t", "double", "1.5")
    assert "BadUserAccessDenied" in text or "BadNotWritable" in text
    _, read = await run(running, "uaread", "-n", SETPOINT)
    assert "150.25" in read
    assert ("opcua", "127.0.0.1", "write") in running.evidence.refusals


class Kept:
    """What a subscription tells."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[Any] = asyncio.Queue()

    def datachange_notification(self, node: Any, val: Any, data: Any) -> None:
        self.heard.put_nowait(val)


async def test_a_held_number_is_null_by_its_point_and_uncertain_by_its_companion(running: Running) -> None:
    held = resource(Quality.BAD_COMM, directive=Directive.HOLD, reasons=1)
    running.feed.publish(snapshot({IDS[0]: held, IDS[1]: resource()}, generation=2))

    async def seen() -> bool:
        return ("opcua", 2) in running.evidence.shown

    await running.until(seen)
    async with client(running.port) as reader:
        found = await value(reader, f"{IDS[0]}.setpoint_mw")
        assert (found.Value and found.Value.Value, found.StatusCode.value) == (None, 0x80310000)
        companion = await value(reader, f"{IDS[0]}.setpoint_mw.held")
        assert (companion.Value.Value, companion.StatusCode.value) == (150.25, 0x40900000)
        good = await value(reader, f"{IDS[1]}.setpoint_mw.held")
        assert (good.Value.Value, good.StatusCode.value) == (150.25, 0)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX signals")
async def test_row_14_155_killed_while_clients_subscribe_it_serves_again(running: Running) -> None:
    kept = Kept()
    try:
        async with client(running.port) as reader:
            subscription = await reader.create_subscription(100, kept)
            nodes = [point(reader, f"{one}.setpoint_mw") for one in IDS] * 200
            await subscription.subscribe_data_change(nodes)
            async with asyncio.timeout(10):
                for _ in nodes:
                    await kept.heard.get()
            os.kill(running.sink.pid, signal.SIGKILL)
            with pytest.raises(ChildError, match="ended"):
                await running.task
    except (ua.UaError, ConnectionError, TimeoutError):
        pass  # how the client says good-bye to a server that is gone is its own affair
    running.feed.publish(snapshot(generation=3))
    await running.start()
    async with client(running.port) as reader:
        assert (await value(reader, "Gateway.snapshot_id")).Value.Value == 3
