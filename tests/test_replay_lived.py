"""A replay with the gateway's records never shows more than the gateway showed: link, store, clock, restart, operator."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from caiso_ads.core.directive import Environment
from caiso_ads.core.intervals import Outage as Gap
from caiso_ads.core.intervals import Span
from caiso_ads.core.lived import Distrust, Forced, Lived
from caiso_ads.core.override import Override
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.core.state import initial
from caiso_ads.errors import UnreachableError
from caiso_ads.gateway import Gateway, Settings
from caiso_ads.replay import Document, replay
from tests.fakes import START, FakeClock, MemoryStore, ScriptedSource, batch, trajectory
from tests.rig import FLAT, R1

SECOND = timedelta(seconds=1)
LENGTH_S = 1500


class Life:
    """A gateway that lives through trouble, second by second; ``shown`` is what the plant read at each."""

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.clock, self.store = chance, FakeClock(), MemoryStore()
        self.source = ScriptedSource(clock=self.clock, clock_ahead_s=-0.5)
        self.source.trajectories = [trajectory("T", FLAT)]
        self.shown: dict[int, tuple[Directive, Quality] | None] = {}
        self.forced: list[Forced] = []
        self.gateway: Gateway | None = None

    async def start(self) -> None:
        self.gateway = Gateway(
            self.source, self.store, self.clock, initial(R1, Environment.PRODUCTION), Settings(), lambda: True
        )
        await self.gateway.restore()

    async def live(self) -> None:
        due, down = 0.0, {name: self._span() for name in ("link", "store", "gateway")}
        for second in range(LENGTH_S):
            if second % 300 == 0:
                self.source.batches.append(batch(f"B{second}", received=self.clock.now().wall, dots={"R1": 80.0}))
            self.source.fail = {"list": UnreachableError("no route")} if second in down["link"] else {}
            self.store.broken = second in down["store"]
            if second in down["gateway"]:
                self.gateway, self.shown[second], due = None, None, 0.0
            else:
                if self.gateway is None:
                    await self.start()
                assert self.gateway is not None
                self.gateway.tick()
                if second >= due:
                    due = second + round(await self.gateway.poll_once())
                await self.gateway._journal.write(self.gateway.state, self.clock.now())
                self.gateway.publish()
                latest = self.gateway.feed.latest
                word, quality = latest.value("R1", "directive").value, latest.value("R1", "setpoint_mw").quality
                assert isinstance(word, int)
                self.shown[second] = Directive(word), quality
            if second == 700 and self.gateway is not None:
                await self._force()
            await self.clock.advance(1.0)

    async def _force(self) -> None:
        assert self.gateway is not None
        now = self.clock.now().wall
        made = Override("R1", 40.0, None, "test", "alice", now, now + 90 * SECOND)
        self.forced.append(Forced(made, None))
        self.store.overrides = (made,)
        self.gateway.force(made)

    def _span(self) -> range:
        begin = self.chance.randrange(50, LENGTH_S - 400)
        return range(begin, begin + self.chance.randrange(1, 300))

    def lived(self) -> Lived:
        stores = [Span(*item[1:]) for item in self.store.disturbances if item[0] == "store"]  # type: ignore[arg-type]  # two times
        distrusts = [item for item in self.store.disturbances if item[0] == "distrust"]
        assert distrusts == []
        gaps = tuple(Gap(*outage) for outage in self.store.outages)
        return Lived(gaps, tuple(self.forced), tuple[Distrust, ...](), tuple(stores))

    def documents(self) -> list[Document]:
        received = [(item.received_at, item.content) for item in self.store.batches.values()]
        return [
            *(Document(at, content) for at, content in received),
            *(Document(at, curve) for curve, at in self.store.trajectories),
        ]


@pytest.mark.parametrize("seed", range(12))
async def test_a_replay_with_the_records_is_never_kinder_than_the_gateway_was(seed: int) -> None:
    life = Life(random.Random(seed))
    await life.live()
    end = START + LENGTH_S * SECOND
    follows = 0
    for second, frame in enumerate(replay(life.documents(), R1, start=START, end=end, lived=life.lived())):
        view, was = frame.view("R1"), life.shown[second]
        told = f"second {second}: replay {view.directive.name} {view.quality.name}, gateway {was}"
        follows += view.directive is Directive.FOLLOW
        if view.quality is Quality.GOOD:
            assert was is not None, told
            assert was[1] is Quality.GOOD, told
        if view.directive is Directive.FOLLOW:
            assert was is not None, told
            assert was[0] is Directive.FOLLOW, told
        if was is not None and was[1] is Quality.FORCED:
            assert view.quality in {Quality.FORCED, Quality.SHUTDOWN}, told
    assert follows > LENGTH_S // 8, "and it is not a replay that shows nothing"
