"""A sink's process from the gateway's side: what comes back, and that nothing it does reaches further (rows 14, 155)."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from caiso_ads.ports import Feed
from caiso_ads.sinks._child.parent import Child, ChildError
from caiso_ads.sinks._child.wire import Caps
from tests.fakes import KeptEvidence
from tests.sinks._child.echo import Setup
from tests.sinks.modbus.snapshots import fell_silent, nothing_known, snapshot

ECHO = str(Path(__file__).with_name("echo.py"))


class Rig:
    """A child, its feed and what was told."""

    def __init__(self, does: str = "", *, port: int = 0, notes: str = "", memory: int = 512, files: int = 64) -> None:
        self.evidence = KeptEvidence()
        self.child = Child("echo", (ECHO,), Caps(memory, files), self.evidence)
        self.feed = Feed(nothing_known())
        self.setup = Setup(does, port, notes)
        self.task: asyncio.Task[None]

    async def start(self) -> None:
        started = asyncio.Event()
        self.task = asyncio.create_task(self.child.run(self.setup, self.feed, started.set))
        waiting = asyncio.create_task(started.wait())
        await asyncio.wait((self.task, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self.task.done():
            self.task.result()

    async def publish(self, generation: int) -> None:
        self.feed.publish(snapshot(generation=generation))
        async with asyncio.timeout(20):
            while ("echo", generation) not in self.evidence.shown and not self.task.done():  # noqa: ASYNC110 - a pipe
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait((self.task,))


async def test_what_the_process_tells_arrives_and_it_shows_each_snapshot(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    rig = Rig(notes=str(tmp_path / "shown"))
    await rig.start()
    assert rig.child.bound[0][0] == "127.0.0.1"
    await rig.publish(1)
    assert rig.evidence.reads[-1] == ("echo", "10.0.0.9", 7, 1)
    assert ("echo", "10.0.0.9", "write") in rig.evidence.refusals
    assert ("caiso_ads.sinks.echo", logging.WARNING, "shown 1") in caplog.record_tuples
    await rig.stop()
    assert rig.child.pid is None
    assert "SHUTDOWN" in (tmp_path / "shown").read_text("utf-8")  # the last thing it was given
    assert max(rig.evidence.shown) == ("echo", 1)


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ("raise", "RuntimeError: out of luck"),
        ("config", "is wrong"),
        ("babble", "told"),
        ("open", "Too many open files"),
    ],
)
async def test_row_155_a_process_that_fails_says_why_and_can_be_started_again(does: str, told: str) -> None:
    rig = Rig(does)
    await rig.start()
    await rig.publish(1)
    rig.feed.publish(snapshot(generation=2))
    with pytest.raises((ChildError, OSError), match=told):
        await asyncio.wait_for(rig.task, 20)
    rig.feed.publish(snapshot(generation=3))
    await rig.start()
    await rig.stop()
    assert ("echo", 3) in rig.evidence.shown


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a cap on memory")
async def test_row_14_a_process_that_eats_memory_dies_of_its_own_cap() -> None:
    rig = Rig("eat", memory=256)
    await rig.start()
    rig.feed.publish(snapshot(generation=2))
    with pytest.raises(ChildError, match=r"MemoryError|ended with"):
        await asyncio.wait_for(rig.task, 20)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX signals")
async def test_row_155_a_killed_process_is_an_error_at_once() -> None:
    rig = Rig()
    await rig.start()
    assert rig.child.pid is not None
    os.kill(rig.child.pid, signal.SIGKILL)
    with pytest.raises(ChildError, match="ended with -9"):
        await asyncio.wait_for(rig.task, 5)


async def test_row_168_a_port_that_is_taken_is_named_as_such() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match=r"in use|Address"):
            await Rig(port=taken.getsockname()[1]).start()


PARENT = """
import asyncio, sys
sys.path.insert(0, {root!r})
from tests.sinks._child.test_parent import Rig
async def main():
    rig = Rig({does!r})
    await rig.start()
    print(rig.child.pid, rig.child.bound[0][1], flush=True)
    rig.feed.publish(__import__("tests.sinks.modbus.snapshots", fromlist=["x"]).snapshot(generation=2))
    await rig.task
asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX signals")
@pytest.mark.parametrize("does", ["", "stuck"])
async def test_when_the_gateway_is_killed_the_process_goes_and_its_port_is_free(does: str) -> None:
    code = PARENT.format(root=str(Path(__file__).parents[3]), does=does)
    gateway = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=subprocess.PIPE)
    assert gateway.stdout is not None
    pid, port = map(int, (await asyncio.wait_for(gateway.stdout.readline(), 20)).split())
    await asyncio.sleep(0.1)
    gateway.kill()
    await gateway.wait()
    async with asyncio.timeout(10):
        while is_there(pid):  # noqa: ASYNC110 - a process that is not ours to wait for
            await asyncio.sleep(0.05)
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))


def is_there(pid: int) -> bool:
    """Whether a process runs; one that waits to be reaped does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return not status.exists() or "State:\tZ" not in status.read_text()


async def test_a_process_that_starts_beside_a_stopped_loop_is_given_nothing_good(tmp_path: Path) -> None:
    rig = Rig(notes=str(tmp_path / "shown"))
    rig.feed = fell_silent(snapshot(generation=1))
    await rig.start()
    given = (tmp_path / "shown").read_text("utf-8")
    assert "GOOD" not in given
    assert "BAD_COMM" in given
    await rig.stop()
