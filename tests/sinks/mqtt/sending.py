"""A running MQTT or Sparkplug sink with its feed, for the tests of both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from caiso_ads.core.points import Snapshot
from caiso_ads.ports import Feed, Sink, SinkContext
from tests.fakes import FakeClock, KeptEvidence, MemoryStore
from tests.sinks.modbus.snapshots import IDS, nothing_known, snapshot


def context(**changes: Any) -> SinkContext:
    """Return a context with a fake clock and evidence that is kept."""
    names = {one: f"name of {one}" for one in IDS}
    keys = {"evidence": KeptEvidence(), **changes}
    return SinkContext(IDS, names, "simulator", MemoryStore(), keys.pop("clock", None) or FakeClock(), **keys)


@dataclass
class Sending:
    """One run of a sink."""

    sink: Sink
    context: SinkContext
    feed: Feed
    task: asyncio.Task[None]

    @property
    def evidence(self) -> KeptEvidence:
        assert isinstance(self.context.evidence, KeptEvidence)
        return self.context.evidence

    async def publish(self, shown: Snapshot) -> None:
        """Publish and wait until the sink has sent it."""
        self.feed.publish(shown)
        async with asyncio.timeout(10):
            while shown.generation not in [generation for _, generation in self.evidence.shown]:
                assert not self.task.done(), self.task
                await asyncio.sleep(0.002)

    async def advance(self, seconds: float) -> None:
        clock = self.context.clock
        assert isinstance(clock, FakeClock)
        await clock.advance(seconds)

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait((self.task,), timeout=15)
        assert self.task.cancelled()


@asynccontextmanager
async def sending(config: Any, first: Snapshot | Feed | None = None, **changes: Any) -> AsyncIterator[Sending]:
    """Run the sink of a configuration until the end of the block; an error before it has started is raised."""
    known = context(**changes)
    feed = first if isinstance(first, Feed) else Feed(first or nothing_known())
    sink, started = config.build(known), asyncio.Event()
    task = asyncio.create_task(sink.run(feed, started.set))
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED, timeout=15)
    waiting.cancel()
    if task.done():
        task.result()
    try:
        yield Sending(sink, known, feed, task)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def good(generation: int, **changes: Any) -> Snapshot:
    """Return a snapshot of two good resources."""
    from tests.sinks.modbus.snapshots import resource

    row = resource(**changes)
    return snapshot(dict.fromkeys(IDS, row), generation=generation)
