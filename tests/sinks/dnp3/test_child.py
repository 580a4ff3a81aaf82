"""DNP3 from a process of its own: what it tells arrives in the gateway, and killed it serves again (rows 155, 160, 161)."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from caiso_ads.core.quality import Directive
from caiso_ads.ports import Feed, SinkContext
from caiso_ads.sinks._child.parent import ChildError
from caiso_ads.sinks.dnp3 import Config
from tests.fakes import FakeClock, KeptEvidence, MemoryStore
from tests.sinks.dnp3.master import CLASS_1, Master
from tests.sinks.modbus.snapshots import IDS, snapshot

DIRECTIVE = ("AI", 100)


class Running:
    """The sink as the gateway has it."""

    def __init__(self, **keys: Any) -> None:
        self.evidence = KeptEvidence()
        names = {one: one for one in IDS}
        context = SinkContext(IDS, names, "simulator", MemoryStore(), FakeClock(), evidence=self.evidence)
        self.sink: Any = Config(**{"port": 0, **keys}).build(context)
        self.feed = Feed(snapshot(generation=1))
        self.task: asyncio.Task[None]

    async def start(self) -> None:
        started = asyncio.Event()
        self.task = asyncio.create_task(self.sink.run(self.feed, started.set))
        waiting = asyncio.create_task(started.wait())
        await asyncio.wait((self.task, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self.task.done():
            self.task.result()

    async def told(self, what: Any, where: list[Any]) -> None:
        async with asyncio.timeout(10):
            while what not in where:  # noqa: ASYNC110 - it comes by a pipe
                await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(**keys: Any) -> AsyncIterator[Running]:
    running = Running(**keys)
    await running.start()
    try:
        yield running
    finally:
        running.task.cancel()
        await asyncio.wait((running.task,))


async def test_row_161_controls_and_reads_are_in_the_gateways_evidence() -> None:
    async with serving() as running:
        master = await Master.open(*running.sink.bound[0])
        assert (await master.read())[DIRECTIVE] == (Directive.FOLLOW, 0x01)
        await running.told(("dnp3", "127.0.0.1", 10, 1), running.evidence.reads)
        for function in (3, 5, 13):  # select, direct operate, cold restart
            await master.request(function, b"")
            await running.told(("dnp3", "127.0.0.1", f"control (function {function})"), running.evidence.refusals)
        assert (await master.read())[DIRECTIVE] == (Directive.FOLLOW, 0x01)
        master.close()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX signals")
async def test_row_155_160_killed_it_serves_again_and_says_that_it_restarted() -> None:
    async with serving() as running:
        master = await Master.open(*running.sink.bound[0])
        await master.request(2, bytes((80, 1, 0, 7, 7, 0)))
        assert not (await master.request(1, CLASS_1))[0][2] & 0x80
        os.kill(running.sink.pid, signal.SIGKILL)
        with pytest.raises(ChildError, match="ended with -9"):
            await running.task
        with pytest.raises((ConnectionError, OSError)):
            await master.read()
        master.close()
        running.feed.publish(snapshot(generation=2))
        await running.start()
        again = await Master.open(*running.sink.bound[0])
        assert (await again.request(1, CLASS_1))[0][2] & 0x80
        assert (await again.read())[DIRECTIVE] == (Directive.FOLLOW, 0x01)
        again.close()


def test_the_gateways_process_never_holds_the_library() -> None:
    code = (
        "import sys; from caiso_ads.sinks import config_type; from tests.sinks.dnp3.test_child import Running\n"
        "for one in [one for one in sys.modules if one.split('.')[0] == 'dnp3']: del sys.modules[one]\n"
        "Running(); print('dnp3' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, os.getcwd()])}  # noqa: PTH109 - where tests run
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "False"
