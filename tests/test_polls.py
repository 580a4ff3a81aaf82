from __future__ import annotations

from datetime import timedelta

import pytest

from caiso_ads.errors import UnreachableError
from caiso_ads.polls import PollLog
from tests.fakes import START, MemoryStore, batch, trajectory
from tests.rig import FLAT, Rig


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


async def test_two_intervals_without_a_target_are_one_alarm_and_its_end_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig()
    rig.source.trajectories = [trajectory("T", FLAT)]
    rig.source.batches = [batch("A", dots={"R1": 5.0})]
    for number in range(150):
        if number == 140:
            rig.source.batches.append(batch("B", dots={"R1": 5.0}, start=rig.clock.now().wall))
        await rig.gateway.poll_once()
        await rig.clock.advance(10.0)
    texts = [record.getMessage() for record in caplog.records]
    assert sum("intervals in a row" in text for text in texts) == 1
    assert sum("targets arrive again" in text for text in texts) == 1
