"""A running station for the tests of this folder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from caiso_ads.core.points import Snapshot
from caiso_ads.ports import Feed, SinkContext
from caiso_ads.sinks.iec104 import Config
from caiso_ads.sinks.iec104.server import Iec104Sink
from tests.fakes import START, FakeClock, KeptEvidence, MemoryStore
from tests.sinks.iec104.master import Master
from tests.sinks.modbus.snapshots import IDS, nothing_known

LATER = START + timedelta(hours=1)  # the clock's now, where the snapshots are of START


@dataclass
class Rig:
    """The sink with its feed, and the masters that were opened."""

    sink: Iec104Sink
    feed: Feed
    evidence: KeptEvidence
    task: asyncio.Task[None]
    masters: list[Master] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.sink.bound[0][1]

    async def master(self, *, start: bool = True) -> Master:
        self.masters.append(await Master.open("127.0.0.1", self.port, start=start))
        return self.masters[-1]

    async def publish(self, shown: Snapshot) -> None:
        self.feed.publish(shown)
        await self.until(lambda: self.sink.generation == shown.generation)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - what it waits for lies beyond a socket or in a thread
                await asyncio.sleep(0.005)


@asynccontextmanager
async def running(
    first: Snapshot | Feed | None = None, ids: tuple[str, ...] = IDS, faster: dict[str, Any] | None = None, **keys: Any
) -> AsyncIterator[Rig]:
    """Serve; ``faster`` replaces settings by values a configuration may not have."""
    evidence = KeptEvidence()
    context = SinkContext(
        ids, {one: one for one in ids}, "simulator", MemoryStore(), FakeClock(LATER), evidence=evidence
    )
    sink = Config(port=0, stall_limit_s=60.0, **keys).build(context)  # a slow machine is no stalled loop
    assert isinstance(sink, Iec104Sink)
    sink.settings = replace(sink.settings, **faster or {})
    feed = first if isinstance(first, Feed) else Feed(first or nothing_known())
    started = asyncio.Event()
    task = asyncio.create_task(sink.run(feed, started.set))
    rig = Rig(sink, feed, evidence, task)
    await rig.until(lambda: started.is_set() or task.done())
    if task.done():
        await task
    try:
        yield rig
    finally:
        for master in rig.masters:
            master.close()
        task.cancel()
        await asyncio.wait((task,))
