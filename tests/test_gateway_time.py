"""The loop and time: the ISO's clock, our own clock's jumps, and a restart at any second."""

from __future__ import annotations

from datetime import timedelta

import pytest

from caiso_ads.core.quality import Directive, Quality
from tests.fakes import START, batch, trajectory
from tests.rig import FLAT, Rig


async def test_the_isos_clock_is_compared_with_ours_at_each_poll(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    rig.source.batches = [batch("M")]
    rig.source.trajectories = [trajectory("T1", FLAT)]
    rig.source.clock_ahead_s = 30.0
    await rig.gateway.poll_once()
    assert rig.gateway.feed.latest.gateway_value("clock_offset_s").value == pytest.approx(30.5)
    assert rig.directive() is Directive.HOLD
    rig.source.clock_ahead_s = 0.0
    await rig.gateway.poll_once()
    assert rig.directive() is Directive.FOLLOW
    assert sum("targets are frozen" in record.getMessage() for record in caplog.records) == 1


async def test_a_jump_of_our_own_clock_is_noticed_within_a_beat_and_healed_by_the_next_poll() -> None:
    rig = Rig()
    rig.source.batches = [batch("M")]
    rig.source.trajectories = [trajectory("T1", FLAT)]
    rig.source.clock_ahead_s = 0.0
    await rig.gateway.poll_once()
    rig.gateway.tick()
    rig.clock.jump_wall(600.0)
    rig.gateway.tick()
    assert rig.directive() is Directive.HOLD
    assert rig.gateway.feed.latest.gateway_value("clock_ok").value == 0
    await rig.gateway.poll_once()
    assert rig.directive() is Directive.FOLLOW


@pytest.mark.parametrize("second", range(0, 300, 13))
async def test_a_kill_at_any_second_of_an_interval_comes_back_restored_and_follows_only_after_a_poll(
    second: int,
) -> None:
    first = Rig()
    first.source.batches = [batch("M", dots={"R1": 80.0})]
    ramp = {"R1": [(START, 0.0), (START + timedelta(minutes=10), 150.0)]}
    first.source.trajectories = [trajectory("T1", ramp)]
    await first.gateway.poll_once()
    again = Rig(store=first.store)
    await again.clock.advance(float(second))
    again.source.batches, again.source.trajectories = first.source.batches, first.source.trajectories
    await again.gateway.restore()
    assert again.gateway.feed.latest.value("R1", "setpoint_mw").value == pytest.approx(150.0 * second / 600.0)
    assert (again.quality(), again.directive()) == (Quality.INIT, Directive.NO_DATA)
    await again.gateway.poll_once()
    assert again.directive() is Directive.FOLLOW


async def test_a_jump_is_noticed_by_whatever_publishes_first_not_only_by_the_beat() -> None:
    rig = Rig()
    rig.source.batches = [batch("M")]
    rig.source.trajectories = [trajectory("T1", FLAT)]
    rig.source.clock_ahead_s = 0.0
    await rig.gateway.poll_once()
    rig.gateway.tick()
    rig.clock.jump_wall(600.0)
    rig.gateway.publish()
    assert rig.directive() is Directive.HOLD
    rig.gateway.tick()
    assert rig.directive() is Directive.HOLD
    await rig.gateway.poll_once()
    assert rig.directive() is Directive.FOLLOW
