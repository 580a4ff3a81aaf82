"""The sink, a simulated controller and a clock that is moved while they talk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from caiso_ads.ports import Feed, SinkContext
from caiso_ads.sinks.plant_writer import Config, PlantWriterSink
from caiso_ads.sinks.plant_writer.driver import Standing
from tests.fakes import FakeClock, KeptEvidence, MemoryStore
from tests.sinks.plant_writer.controller import Controller, controller
from tests.sinks.plant_writer.wishes import ID, snapshot

PLANT: dict[str, Any] = {
    "resource": ID, "host": "127.0.0.1", "rate_mw_per_min": 600.0, "readback_tolerance": 0.2, "timeout_s": 0.2,
    "setpoint": {"address": 100, "type": "int16", "scale": 0.1}, "enable": {"address": 101},
    "heartbeat": {"address": 102}, "on_release": "disable",
}  # fmt: skip
ENABLED: dict[str, Any] = {"r100": 400, "r101": 1, "r102": 0}


class Rig:
    """A running sink. ``data`` is what the next snapshots say; ``silent`` lets the control loop stand still."""

    def __init__(self, sink: PlantWriterSink, clock: FakeClock, evidence: KeptEvidence, feed_age_s: float) -> None:
        self.sink, self.clock, self.evidence = sink, clock, evidence
        self.data: dict[str, Any] = {}
        self.silent = False
        self.feed = Feed(snapshot(0, at=clock.now().plus(-feed_age_s).wall))
        self.task: asyncio.Task[None]

    @property
    def standing(self) -> Standing:
        return self.sink.standing[ID]

    def told(self) -> list[str]:
        return [text for _, _, text, _ in self.evidence.acts]

    def tells(self, text: str) -> bool:
        return any(text in one for one in self.told())

    async def step(self) -> None:
        if not self.silent:
            self.feed.publish(snapshot(self.feed.latest.generation + 1, at=self.clock.now().wall, **self.data))
        await self.clock.advance(0.5)
        await asyncio.sleep(0.002)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await self.step()
                assert not self.task.done(), self.task

    async def steps(self, count: int) -> None:
        for _ in range(count):
            await self.step()

    async def stop(self) -> None:
        self.task.cancel()
        async with asyncio.timeout(10):
            while not self.task.done():
                await self.clock.advance(0.5)
                await asyncio.sleep(0.002)


def config(port: int, *, mode: str = "live", **changes: Any) -> Config:
    plant = {key: value for key, value in (PLANT | changes).items() if value is not None}
    made = {"mode": mode, "plant": [plant | {"port": port}]}
    return msgspec.convert(made, Config, dec_hook=lambda kind, value: value)


@asynccontextmanager
async def running(made: Config, feed_age_s: float = 0.0, **context: Any) -> AsyncIterator[Rig]:
    """Run the sink."""
    clock, evidence = FakeClock(), KeptEvidence()
    known = {"environment": "production"} | context
    sink = made.build(
        SinkContext((ID, "BETA_2_UNIT"), {}, store=MemoryStore(), clock=clock, evidence=evidence, **known)
    )
    assert isinstance(sink, PlantWriterSink)
    rig = Rig(sink, clock, evidence, feed_age_s)
    started = asyncio.Event()
    rig.task = asyncio.create_task(sink.run(rig.feed, started.set))
    try:
        await asyncio.wait_for(started.wait(), 10)
        yield rig
    finally:
        await rig.stop()
        await asyncio.gather(rig.task, return_exceptions=True)


@asynccontextmanager
async def writing(registers: dict[str, int] | None = None, **changes: Any) -> AsyncIterator[tuple[Rig, Controller]]:
    """Run the sink against a simulated controller."""
    known: dict[str, Any] = ENABLED if registers is None else registers
    async with controller(**known) as one, running(config(one.port, **changes)) as rig:
        yield rig, one


def setpoints(one: Controller) -> list[float]:
    """Return the setpoints written, in MW."""
    return [round(words[0] / 10, 3) for address, words in one.writes if address == 100]
