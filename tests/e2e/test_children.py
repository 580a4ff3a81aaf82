"""kill -9 of each child process of a gateway that is read on every protocol: nobody else notices, and it comes back."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from caiso_ads.sinks import REGISTRY
from tests.e2e import processes
from tests.sinks.truths import AT_A_BROKER, READERS, Truth, Where

pytestmark = [
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform != "linux", reason="looks for the children in /proc"),
]

MASTERS = 6  # of Modbus, each asking twenty times a second; two places below the limit of an address
PATIENCE_S = 40.0


def children(parent: int) -> dict[int, str]:
    """Return the child processes, each with the name of the sink it serves, or its command where it is of none."""
    found = {}
    for pid in map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split()):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        found[pid] = next((name for name in REGISTRY if f".sinks.{name}" in command), command)
    return found


class Readers:
    """One endless reader for each protocol, and more of Modbus; what each saw, and how often it lost its connection."""

    def __init__(self, places: dict[str, Where]) -> None:
        self.places = places
        self.seen: dict[str, list[Truth]] = defaultdict(list)
        self.lost: dict[str, int] = defaultdict(int)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for name in self.places:
                for _ in range(MASTERS if name == "modbus" else 1):
                    tasks.create_task(self._read(name))

    async def _read(self, name: str) -> None:
        pause_s = 0.05 if name == "modbus" else 0.1
        while True:
            with suppress(Exception):  # whatever the client's library says when the server is gone; it is counted
                async with READERS[name](self.places[name]) as read:
                    while True:
                        async with asyncio.timeout(5):
                            self.seen[name].append(await read())
                        await asyncio.sleep(pause_s)
            self.lost[name] += 1
            await asyncio.sleep(0.2)

    async def all_beyond(self, beat: int) -> None:
        """Return when every protocol has shown a later heartbeat."""
        async with asyncio.timeout(PATIENCE_S):
            while any(not self.seen[name] or self.seen[name][-1].beat <= beat for name in self.places):  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.1)

    @property
    def beat(self) -> int:
        return max(seen[-1].beat for seen in self.seen.values())

    def compared(self) -> tuple[set[str], list[tuple[str, Truth]]]:
        """Return which protocols met Modbus at a snapshot (at a beat, where no number is told), and what it contradicts."""
        by_id: dict[int | None, list[Truth]] = defaultdict(list)
        by_beat: dict[int, list[Truth]] = defaultdict(list)
        for truth in self.seen["modbus"]:
            by_id[truth.snapshot_id].append(truth)
            by_beat[truth.beat].append(truth)
        met, wrong = set(), []
        for name, seen in self.seen.items():
            for truth in seen:
                same = by_beat[truth.beat] if truth.snapshot_id is None else by_id[truth.snapshot_id]
                if same:
                    met.add(name)
                    wrong += [] if any(truth.agrees(other) for other in same) else [(name, truth)]
        return met, wrong


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[tuple[int, dict[str, Where]]]:
    """Run the demo in a process; yield its process ID and where each protocol is read."""
    log = tmp_path / "demo.log"
    port = processes.free_port()
    process = processes.caiso_ads(
        "demo", "--directory", str(tmp_path), "--modbus-port", str(port), "--plain", "--calm", log=log
    )
    try:
        processes.wait_for(r"snapshot \d+", log, process)
        yield process.pid, places(tmp_path)
    finally:
        code = processes.stop(process)
    assert code == 0, log.read_text()


def places(directory: Path) -> dict[str, Where]:
    """Return where the demo's sinks are read, from its configuration; sinks with neither port nor file are left out."""
    config = tomllib.loads((directory / "gateway.toml").read_text(encoding="utf-8"))
    folder = directory / "reading"
    folder.mkdir()
    (folder / "all.csv").symlink_to(directory / "files" / "all.csv")
    (folder / "status.json").symlink_to(directory / "gateway.db.status.json")
    login = ("demo", (directory / "opcua-password").read_text().strip())
    first = config["resource"][0]["id"]
    tables = {"status": {}, **config["sinks"]}
    can = {name: table for name, table in tables.items() if name in READERS and name not in AT_A_BROKER}
    return {name: Where(table.get("port", 0), folder, first, login) for name, table in can.items()}


async def test_each_child_killed_under_load_comes_back_and_no_other_protocol_notices(
    demo: tuple[int, dict[str, Where]],
) -> None:
    parent, where = demo
    readers = Readers(where)
    reading = asyncio.create_task(readers.run())
    await readers.all_beyond(0)
    before = children(parent)
    assert "opcua" in before.values()
    for pid, name in before.items():
        lost = dict(readers.lost)
        os.kill(pid, signal.SIGKILL)
        killed_at = readers.beat
        deadline = time.monotonic() + PATIENCE_S
        while name not in (now := children(parent)).values() or pid in now:
            assert time.monotonic() < deadline, f"{name} did not come back"
            await asyncio.sleep(0.1)
        await readers.all_beyond(killed_at)
        others = {other for other in where if readers.lost[other] != lost.get(other, 0)} - {name}
        assert others == set(), f"kill -9 of {name} cut others"
    await readers.all_beyond(readers.beat + 2)
    reading.cancel()
    await asyncio.wait((reading,))
    met, wrong = readers.compared()
    assert wrong == []
    assert met == set(where)
