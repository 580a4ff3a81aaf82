"""One gateway, one snapshot, one truth: every protocol says the same of it, whatever its quality and directive."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from caiso_ads.core.points import Snapshot
from caiso_ads.core.quality import Directive, Quality, Reason
from caiso_ads.ports import Feed
from caiso_ads.sinks import REGISTRY
from tests.sinks.modbus.snapshots import IDS, nothing_known, resource, snapshot
from tests.sinks.test_contract import Bench
from tests.sinks.truths import AT_A_BROKER, READERS, READS_NOT, Read, Truth, Where

ALPHA = IDS[0]
FIRST = 10  # beyond the heartbeat of what is served before
SETPOINTS = (150.25, -22.0, 0.0, 0.001, 99.999, 1234.5)


def shots() -> Iterator[Snapshot]:
    """Yield snapshots of every quality, every directive, and values of both signs; heartbeat and number are one."""
    pairs = [*zip_longest(Quality, Directive, fillvalue=Directive.HOLD), (Quality.UNCERTAIN, Directive.FOLLOW)]
    pairs += [(Quality.GOOD, directive) for directive in Directive]
    for number, (quality, directive) in enumerate(pairs, start=FIRST):
        mw = SETPOINTS[number % len(SETPOINTS)]
        first = resource(Quality(quality), directive=directive, reasons=Reason.NONE, setpoint_mw=mw)
        yield snapshot({ALPHA: first, IDS[1]: resource()}, generation=number, heartbeat=number)
    held = resource(Quality.BAD_COMM, directive=Directive.HOLD, setpoint_mw=None)
    yield snapshot({ALPHA: held, IDS[1]: resource()}, generation=FIRST + len(pairs), heartbeat=FIRST + len(pairs))


def told(shown: Snapshot) -> Truth:
    """Return what the gateway itself says."""
    directive, quality, mw = (shown.value(ALPHA, key) for key in ("directive", "quality", "setpoint_mw"))
    assert isinstance(directive.value, int)
    assert isinstance(quality.value, int)
    assert mw.value is None or isinstance(mw.value, float)
    words = Directive(directive.value).name, Quality(quality.value).name
    return Truth(shown.generation, *words, mw.quality is Quality.GOOD, mw.value, shown.generation)


def test_every_registered_sink_is_read_here_or_says_why_not() -> None:
    assert set(REGISTRY) <= {*READERS, *READS_NOT}
    assert not {*READERS} & {*READS_NOT}


def readable() -> list[str]:
    """Return the sinks that can be read on this machine."""
    broker = shutil.which("mosquitto_sub")
    return [name for name in READERS if broker or name not in AT_A_BROKER]


class Served:
    """All sinks on one feed, each with a reader of its own protocol."""

    def __init__(self, folder: Path) -> None:
        self.feed = Feed(nothing_known())
        self.benches: dict[str, Bench] = {}
        for name in readable():
            (folder / name).mkdir()
            self.benches[name] = Bench(name, folder / name)
            self.benches[name].feed = self.feed
        self.reads: dict[str, Read] = {}

    async def read(self, stack: AsyncExitStack) -> None:
        for name, bench in self.benches.items():
            bound: Any = getattr(bench.sink, "bound", ())
            where = Where(bound[0][1] if bound else 0, bench.folder, ALPHA)
            self.reads[name] = await stack.enter_async_context(READERS[name](where))

    async def at(self, beat: int) -> dict[str, Truth]:
        """Return what each protocol says once it shows that heartbeat."""
        return dict(zip(self.reads, await asyncio.gather(*(self._at(name, beat) for name in self.reads)), strict=True))

    async def _at(self, name: str, beat: int) -> Truth:
        bench, read = self.benches[name], self.reads[name]
        async with asyncio.timeout(20):
            while (truth := await read()).beat != beat:
                assert truth.beat < beat
                await bench.clock.advance(1.0)
                await asyncio.sleep(0.002)
        return truth


@pytest.mark.slow
async def test_at_one_snapshot_all_protocols_tell_the_same_setpoint_quality_and_directive(tmp_path: Path) -> None:
    served = Served(tmp_path)
    tasks = [await bench.start() for bench in served.benches.values()]
    async with AsyncExitStack() as stack:
        await served.read(stack)
        seen: set[tuple[str, bool]] = set()
        for shot in shots():
            served.feed.publish(shot)
            truths, want = await served.at(shot.generation), told(shot)
            assert {name: truth for name, truth in truths.items() if not truth.agrees(want)} == {}
            assert {truth.snapshot_id for truth in truths.values()} <= {shot.generation, None}
            seen.add((want.directive, want.good))
    assert len(seen) >= len(Directive) + 2
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
