"""What the gateway writes of itself: later than the plant sees it, once, and only when it is sure."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from caiso_ads.core import happenings as facts
from caiso_ads.core.directive import Environment
from caiso_ads.core.override import Override
from caiso_ads.core.quality import Quality
from caiso_ads.core.state import ClockTrust, initial
from caiso_ads.errors import UnreachableError
from caiso_ads.gateway import Gateway, Settings
from caiso_ads.loop.journal import MOST, Journal
from caiso_ads.store.chain import AuditRow, first_broken
from caiso_ads.store.sqlite import SqlStore
from tests.fakes import START, FakeClock, MemoryStore, ScriptedSource, batch, trajectory
from tests.rig import FLAT, R1, Rig

SECOND = timedelta(seconds=1)
FORCED = Override("R1", 40.0, None, "test", "alice", START, START + 60 * SECOND)


async def polled(rig: Rig) -> Rig:
    rig.source.batches = [batch("M")]
    rig.source.trajectories = [trajectory("T", FLAT)]
    rig.source.clock_ahead_s = 0.0
    await rig.gateway.poll_once()
    return rig


async def write(rig: Rig) -> None:
    await rig.gateway._journal.write(rig.gateway.state, rig.clock.now())


async def test_the_end_of_an_override_is_written_once_and_the_plant_does_not_wait_for_it() -> None:
    rig = await polled(Rig(store=MemoryStore(overrides=(FORCED,))))
    await rig.gateway.restore()
    await write(rig)
    assert rig.quality() is Quality.FORCED
    assert rig.store.ended == []
    rig.store.broken = True
    await rig.clock.advance(60.0)
    await rig.gateway.poll_once()
    await write(rig)
    assert rig.quality() is not Quality.FORCED
    assert rig.store.ended == []
    rig.store.broken = False
    for _ in range(3):
        await rig.clock.advance(1.0)
        await write(rig)
    assert rig.store.ended == [(FORCED, START + 61 * SECOND)]


async def test_nothing_is_said_to_have_ended_before_the_iso_has_answered_or_while_the_clock_is_wrong() -> None:
    rig = Rig(store=MemoryStore(overrides=(FORCED,)))
    await rig.gateway.restore()
    await rig.clock.advance(120.0)
    await write(rig)
    assert rig.store.ended == [], "nobody has confirmed this clock"
    await polled(rig)
    rig.store.ended.clear()
    later = Override("R1", 40.0, None, "test", "alice", START, START + timedelta(hours=2))
    rig.gateway._fold(facts.OverridesChanged((later,)))
    rig.store.overrides = (later,)
    rig.clock.jump_wall(7200.0)
    rig.gateway.tick()
    await write(rig)
    assert rig.store.ended == [], "this clock has just jumped"
    rig.clock.jump_wall(-7200.0)
    rig.gateway.tick()
    await rig.gateway.poll_once()
    rig.gateway.publish()
    assert rig.quality() is Quality.FORCED, "and the override still stands"


async def test_a_distrust_is_written_with_its_last_trusted_time_and_its_end() -> None:
    rig = await polled(Rig())
    await write(rig)
    rig.store.disturbances.clear()
    await rig.clock.advance(5.0)
    rig.gateway.tick()
    rig.clock.jump_wall(600.0)
    rig.gateway.tick()
    for _ in range(2):
        await write(rig)
    assert rig.store.disturbances == [("distrust", START + 5 * SECOND, START + 605 * SECOND, -600.0)]
    rig.clock.jump_wall(-600.0)
    await rig.clock.advance(5.0)
    rig.gateway.tick()
    await rig.gateway.poll_once()
    await write(rig)
    assert rig.store.disturbances[1:] == [("trust", START + 10 * SECOND, 0.5)]


async def test_the_first_word_of_the_iso_closes_what_the_last_life_left_open() -> None:
    rig = await polled(Rig())
    await write(rig)
    assert rig.store.disturbances == [("trust", START, 0.5)]


async def test_a_time_without_writes_is_written_when_it_is_over_and_a_clock_set_meanwhile_does_not_stretch_it() -> None:
    rig = await polled(Rig())
    await write(rig)
    rig.store.disturbances.clear()
    await rig.clock.advance(10.0)
    rig.store.broken = True
    rig.source.batches.append(batch("N"))
    await rig.gateway.poll_once()
    await write(rig)
    await rig.clock.advance(30.0)
    rig.clock.jump_wall(-3600.0)
    rig.store.broken = False
    rig.source.clock_ahead_s = None
    await rig.gateway.poll_once()
    await write(rig)
    end = START + timedelta(seconds=40 - 3600)
    assert ("store", end - 30 * SECOND, end) in rig.store.disturbances


async def test_what_waits_for_the_store_is_said_once_and_lost_by_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    rig = await polled(Rig())
    rig.store.broken = True
    for _ in range(3):
        await write(rig)
    assert [record.getMessage().split(":")[0] for record in caplog.records].count(
        "the journal waits for the store"
    ) == 1
    rig.store.broken = False
    await write(rig)
    assert len(rig.store.disturbances) == 1


@pytest.mark.parametrize("away_s", [30, 7200, 3 * 86400])
async def test_an_end_while_no_gateway_ran_is_written_at_the_next_start(tmp_path: Path, away_s: int) -> None:
    clock, source = FakeClock(), ScriptedSource(batches=[batch("M")])
    source.clock = clock
    store = await SqlStore.open(tmp_path / "ads.sqlite", clock)
    await store.record_override(FORCED, {})
    await store.close()
    await clock.advance(60.0 + away_s)
    for _ in range(2):  # and not again at the one after
        store = await SqlStore.open(tmp_path / "ads.sqlite", clock)
        gateway = Gateway(source, store, clock, initial(R1, Environment.PRODUCTION), Settings(), lambda: True)
        rows: Sequence[AuditRow] = ()
        found: Sequence[AuditRow] = ()
        life = asyncio.create_task(gateway.run())
        for _ in range(200):
            await clock.advance(0.5)
            await asyncio.sleep(0.001)  # the store has threads of its own
            found = await store.audit_rows(0, 99)
            if len(rows := [row for row in found if row.kind.startswith("override")]) == 2:
                break
        life.cancel()
        with suppress(asyncio.CancelledError):
            await life
        assert [row.kind for row in rows] == ["override set", "override ended by time"]
        assert rows[1].at == FORCED.until
        assert "noticed" in rows[1].detail
        assert first_broken(found) is None
        await store.close()


async def test_a_link_that_fails_at_start_delays_the_row_and_not_the_end() -> None:
    rig = Rig(store=MemoryStore(overrides=(FORCED,)))
    rig.source.fail["trajectories"] = UnreachableError("no route")
    await rig.gateway.restore()
    await rig.clock.advance(61.0)
    await rig.gateway.poll_once()
    await write(rig)
    assert rig.quality() is not Quality.FORCED
    assert rig.store.ended == []


async def test_a_note_that_comes_while_the_store_writes_takes_the_place_of_no_other() -> None:
    rig, trusted = await polled(Rig()), True
    journal, state, now = Journal(rig.store), rig.gateway.state, rig.clock.now()

    def flip() -> None:
        nonlocal trusted
        trusted = not trusted
        clock = ClockTrust(
            ok=trusted, frozen_at=None if trusted else now.plus(len(rig.store.disturbances)).wall.timestamp()
        )
        journal.folded(facts.Stopping(), replace(state, clock=clock), now)

    class Flipping(MemoryStore):
        """A store in whose first write the clock changes once more."""

        async def record_distrust(self, start: datetime, noticed: datetime, offset_s: float | None) -> None:
            if not self.disturbances:
                flip()
            await super().record_distrust(start, noticed, offset_s)

    journal._store = rig.store = Flipping()
    for _ in range(MOST):
        flip()
    await journal.write(state, now)
    kinds = [one[0] for one in rig.store.disturbances]
    assert kinds == ["distrust", "trust"] * (MOST // 2) + ["distrust"]
