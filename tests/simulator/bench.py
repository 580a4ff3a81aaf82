"""Shared pieces of the simulator's tests: a clock moved by hand and a market on it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from caiso_ads.core.model import DispatchBatch, Instruction
from caiso_ads.ports import Instant
from caiso_ads.simulator.fleet import OPERATOR, Fleet, Identity, default_fleet
from caiso_ads.simulator.ledger import Ledger
from caiso_ads.simulator.market import Market
from caiso_ads.simulator.schedule import Disturbance
from caiso_ads.simulator.switches import Switches

NOON = datetime(2026, 7, 22, 19, 1, tzinfo=UTC)


class HandClock:
    """Stands still until moved."""

    def __init__(self, start: datetime = NOON) -> None:
        self._now = Instant(start, 0.0)

    def now(self) -> Instant:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self.move(seconds)

    def move(self, seconds: float) -> None:
        self._now = self._now.plus(seconds)


class Bench:
    """A market with its clock and ledger; ``move`` advances it."""

    def __init__(
        self, start: datetime = NOON, *, seed: int = 1, disturbances: tuple[Disturbance, ...] = (), **switches: Any
    ) -> None:
        self.clock = HandClock(start)
        self.ledger = Ledger(self.clock)
        self.fleet: Fleet = default_fleet()
        self.market = Market(
            self.fleet,
            self.clock,
            self.ledger,
            seed=seed,
            switches=Switches(**switches),
            disturbances=disturbances,
        )
        self.market.advance()

    def move(self, seconds: float) -> None:
        self.clock.move(seconds)
        self.market.advance()

    def who(self, common_name: str = OPERATOR) -> Identity:
        identity = self.fleet.identity(common_name)
        assert identity is not None
        return identity

    def batches(self) -> list[DispatchBatch]:
        return [entry.full() for entry in self.market.dispatches]

    def batch(self, uid: str) -> DispatchBatch:
        entry = self.market.dispatches.get(uid)
        assert entry is not None
        return entry.full()


def told(batch: DispatchBatch, resource_id: str) -> Instruction:
    """Return what a batch tells one resource."""
    return next(i for i in batch.instructions if i.resource_id == resource_id)
