"""Crash the gateway before and after every single call it makes: what was acknowledged was always stored.

The negative control acknowledges first; the same campaign must catch it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from caiso_ads.core.directive import Environment
from caiso_ads.core.model import DispatchBatch
from caiso_ads.core.state import initial
from caiso_ads.gateway import Gateway, Settings
from caiso_ads.ports import Receipt
from tests.fakes import FakeClock, MemoryStore, ScriptedSource, batch, trajectory
from tests.rig import FLAT, R1

UIDS = ["D3", "D1", "D2"]


class Crash(BaseException):
    """The process is gone; nothing may catch this."""


@dataclass
class Bomb:
    """Counts every call through a port, and ends the process at the chosen one."""

    at: int
    count: int = 0

    def tick(self) -> None:
        self.count += 1
        if self.count == self.at:
            raise Crash


class Armed:
    """A port whose every call can be the last: once before its effect, once after."""

    def __init__(self, port: Any, bomb: Bomb) -> None:
        self._port, self._bomb = port, bomb

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            self._bomb.tick()
            result = await method(*args, **kwargs)
            self._bomb.tick()
            return result

        return call


class AcknowledgesFirst(Gateway):
    """The order of the specification's pseudo-code, kept here as the negative control."""

    async def _record_batch(self, receipt: Receipt[DispatchBatch]) -> None:
        await self._source.validate(receipt.argument)
        await super()._record_batch(receipt)


@dataclass
class World:
    """The ISO and the disk: what survives a crash."""

    source: ScriptedSource = field(default_factory=lambda: ScriptedSource(
        batches=[batch(uid, dots={"R1": 5.0}) for uid in UIDS], trajectories=[trajectory("T1", FLAT)]
    ))  # fmt: skip
    store: MemoryStore = field(default_factory=MemoryStore)
    violations: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        async def check(operation: str, uid: str) -> None:
            if operation == "validate" and uid not in self.store.batches:
                self.violations.append(uid)

        self.source.on_call = check


async def live(world: World, make: Callable[..., Gateway], bomb: Bomb) -> None:
    """Run one life of the process: restore, two cycles, acknowledge."""
    clock = FakeClock()
    gateway = make(
        Armed(world.source, bomb), Armed(world.store, bomb), clock, initial(R1, Environment.PRODUCTION),
        Settings(acknowledge=True), lambda: True,
    )  # fmt: skip
    await gateway.restore()
    for _ in range(2):
        await gateway.poll_once()
        await gateway._outbox.send_due(gateway.feed)
        await clock.advance(11.0)


def lives_after_crash_at(step: int, make: Callable[..., Gateway]) -> tuple[World, bool]:
    """Crash at that call, start again without a bomb, and return what is left; False when the call was never made."""
    world = World()
    crashed = False
    try:
        asyncio.run(live(world, make, Bomb(step)))
    except Crash:
        crashed = True
    asyncio.run(live(world, make, Bomb(0)))
    return world, crashed


def test_whatever_call_is_the_last_one_nothing_is_lost_and_nothing_is_acknowledged_unstored() -> None:
    step, crashed = 0, True
    while crashed:
        step += 1
        world, crashed = lives_after_crash_at(step, Gateway)
        validated = [uid for operation, uid in world.source.calls if operation == "validate"]
        assert world.violations == [], f"crash at call {step}"
        assert list(world.store.batches) == UIDS, f"crash at call {step}"
        assert set(validated) == set(UIDS), f"crash at call {step}"
        assert next(item.batch_uid for item, _ in world.store.trajectories) == "T1"
    assert step > 40, "the campaign must really reach every step"


def test_the_campaign_catches_a_gateway_that_acknowledges_first() -> None:
    found = [step for step in range(1, 40) if lives_after_crash_at(step, AcknowledgesFirst)[0].violations]
    assert found
