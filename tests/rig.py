"""A gateway on fakes, for the tests of the loop and of the outbox."""

from __future__ import annotations

from datetime import timedelta

from caiso_ads.core.directive import Environment
from caiso_ads.core.model import DispatchBatch
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.core.resource import Resource
from caiso_ads.core.state import initial
from caiso_ads.gateway import Gateway, Settings
from tests.fakes import START, FakeClock, MemoryStore, ScriptedSource

R1 = {"R1": Resource("R1", "one", 0.0, 200.0)}
FLAT = {"R1": [(START, 80.0), (START + timedelta(hours=3), 80.0)]}


class Rig:
    """A gateway on fakes. ``serving`` is the required sinks' health; ``shown`` UID, revision and first snapshot."""

    def __init__(self, *, acknowledge: bool = True, store: MemoryStore | None = None) -> None:
        self.clock = FakeClock()
        self.source = ScriptedSource(clock=self.clock)
        self.store = store or MemoryStore()
        self.serving = True
        self.shown: list[tuple[str, int, int]] = []
        self.gateway = Gateway(
            self.source, self.store, self.clock, initial(R1, Environment.PRODUCTION),
            Settings(acknowledge=acknowledge), lambda: self.serving, shown=self._note_shown,
        )  # fmt: skip

    def _note_shown(self, item: DispatchBatch, generation: int) -> None:
        self.shown.append((item.batch_uid, item.revision_no, generation))

    async def acknowledge(self) -> None:
        await self.gateway._outbox.send_due(self.gateway.feed)

    def validated(self) -> list[str]:
        return [uid for operation, uid in self.source.calls if operation == "validate"]

    def quality(self) -> Quality:
        return self.gateway.feed.latest.value("R1", "setpoint_mw").quality

    def directive(self) -> Directive:
        value = self.gateway.feed.latest.value("R1", "directive").value
        assert isinstance(value, int)
        return Directive(value)
