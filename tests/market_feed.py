"""The simulator's market as a Source in process, and a store that remembers what was received when; for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from caiso_ads.core.directive import Environment
from caiso_ads.core.model import DispatchBatch, TrajectoryBatch
from caiso_ads.core.resource import Resource
from caiso_ads.core.state import initial
from caiso_ads.errors import UnreachableError, WireError
from caiso_ads.gateway import Gateway, Settings
from caiso_ads.ports import Receipt, Recorded
from caiso_ads.replay import Document
from caiso_ads.simulator.fleet import default_fleet
from caiso_ads.simulator.ledger import Ledger
from caiso_ads.simulator.market import Market
from caiso_ads.simulator.switches import Switches
from caiso_ads.wire.payload import BadItem
from tests.fakes import FakeClock, MemoryStore

RESOURCES = {
    each.resource_id: Resource(each.resource_id, each.name, each.pmin_mw if each.pmin_mw < 0 else 0.0, each.pmax_mw)
    for each in default_fleet().resources
}


class MarketSource:
    """The ISO's side, answering from a Market. ``down`` makes every call fail."""

    def __init__(self, clock: FakeClock, seed: int = 7) -> None:
        self.clock = clock
        self.market = Market(default_fleet(), clock, Ledger(clock), seed=seed, switches=Switches())
        self.down = False

    def _receipt(self, operation: str, argument: str, content: Any) -> Receipt[Any]:
        return Receipt(operation, argument, b"", self.clock.now().wall, content)

    def _ask(self) -> None:
        if self.down:
            raise UnreachableError("no route")
        self.market.advance()

    async def list_since(self, batch_uid: str) -> Receipt[Sequence[DispatchBatch | BadItem]]:
        self._ask()
        entries = self.market.dispatches.since(batch_uid) or []
        return self._receipt("getDispatchBatchesSinceUID", batch_uid, tuple(entry.header for entry in entries))

    async def fetch_batch(self, batch_uid: str) -> Receipt[DispatchBatch]:
        self._ask()
        entry = self.market.dispatches.get(batch_uid)
        assert entry is not None
        return self._receipt("getDispatchBatch", batch_uid, entry.full())

    async def fetch_header(self, batch_uid: str) -> Receipt[DispatchBatch]:
        self._ask()
        entry = self.market.dispatches.get(batch_uid)
        gone: object = WireError("not kept any more")
        return self._receipt("getBatchHeader", batch_uid, gone if entry is None else entry.header)

    async def is_new_trajectory(self, batch_uid: str) -> bool:
        self._ask()
        return bool(self.market.trajectories.since(batch_uid))

    async def fetch_trajectories(self, batch_uid: str) -> Receipt[Sequence[TrajectoryBatch | BadItem]]:
        self._ask()
        entries = self.market.trajectories.since(batch_uid) or []
        return self._receipt("getTrajectoryData", batch_uid, tuple(entry.full() for entry in entries))

    async def validate(self, batch_uid: str) -> None:
        self._ask()


@dataclass
class RememberingStore(MemoryStore):
    """Keeps every document with the time it was received."""

    documents: list[Document] = field(default_factory=list)

    async def record_batch(self, receipt: Receipt[DispatchBatch], *, acknowledge: bool) -> Recorded:
        self.documents.append(Document(receipt.received_at, receipt.content))
        return await super().record_batch(receipt, acknowledge=acknowledge)

    async def record_recheck(self, receipt: Receipt[DispatchBatch]) -> Recorded:
        self.documents.append(Document(receipt.received_at, receipt.content))
        return await super().record_recheck(receipt)

    async def record_trajectories(self, receipt: Receipt[Sequence[TrajectoryBatch | BadItem]]) -> Recorded:
        assert not isinstance(receipt.content, WireError)
        good = [item for item in receipt.content if isinstance(item, TrajectoryBatch)]
        self.documents += [Document(receipt.received_at, item) for item in good]
        return await super().record_trajectories(receipt)


class Day:
    """A gateway living on a simulated market, poll by poll."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.source, self.store = MarketSource(self.clock), RememberingStore()
        state = initial(RESOURCES, Environment.SIMULATOR)
        self.gateway = Gateway(self.source, self.store, self.clock, state, Settings(), lambda: True)
