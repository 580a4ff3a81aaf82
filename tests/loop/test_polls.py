from __future__ import annotations

from datetime import timedelta

from caiso_ads.errors import UnreachableError
from caiso_ads.loop.polls import PollLog
from tests.fakes import START, MemoryStore, batch
from tests.rig import Rig


async def test_a_gap_between_two_lives_is_recorded_with_its_reason() -> None:
    store = MemoryStore()
    first = PollLog(store)
    await first.restore()
    await first.completed(START)
    again = PollLog(store)
    await again.restore()
    await again.completed(START + timedelta(hours=3))
    assert store.outages == [(START, START + timedelta(hours=3), "restart")]
    assert await store.last_poll() == START + timedelta(hours=3)


async def test_a_failed_spell_is_recorded_once_with_its_first_reason() -> None:
    rig = Rig()
    rig.source.batches = [batch("M")]
    await rig.gateway.poll_once()
    rig.source.fail["trajectories"] = rig.source.fail["is_new"] = UnreachableError("no route")
    for _ in range(3):
        await rig.clock.advance(20.0)
        await rig.gateway.poll_once()
    rig.source.fail.clear()
    await rig.clock.advance(20.0)
    await rig.gateway.poll_once()
    assert rig.store.outages == [(START, START + timedelta(seconds=80), "ADS did not answer")]


async def test_complete_polls_are_noted_once_a_minute_and_not_each_time() -> None:
    rig = Rig()
    rig.source.batches = [batch("M")]
    for _ in range(13):
        await rig.gateway.poll_once()
        await rig.clock.advance(10.0)
    assert [what for what, _ in rig.store.log].count("poll") == 3
