from __future__ import annotations

import math
from datetime import timedelta

from caiso_ads.core import happenings as facts
from caiso_ads.core.directive import DEFAULT_LIMITS, Environment
from caiso_ads.core.instant import Instant
from caiso_ads.core.points import Snapshot
from caiso_ads.core.quality import Directive, Quality, Reason
from caiso_ads.core.resource import Resource
from caiso_ads.core.snapshot import snapshot
from caiso_ads.core.state import State, fold, initial
from tests.fakes import START, batch, trajectory

NOW = Instant(START, 1000.0)
PLAIN = Resource("R1", "one", 0.0, 200.0)
RAMP = trajectory("T", {"R1": [(START, 50.0), (START + timedelta(minutes=5), 150.0)]})


MARKET = batch("MARKET", start=START - timedelta(minutes=5))


def fresh(environment: Environment = Environment.PRODUCTION, resource: Resource = PLAIN) -> State:
    """Return a state that knows one resource and that the market runs."""
    return fold(initial({"R1": resource}, environment), facts.BatchSeen(MARKET, NOW))


def take(state: State, now: Instant = NOW) -> Snapshot:
    return snapshot(state, now, DEFAULT_LIMITS, generation=7, heartbeat=3, unacknowledged=2)


def word(shot: Snapshot) -> Directive:
    value = shot.value("R1", "directive").value
    assert isinstance(value, int)
    return Directive(value)


def test_before_anything_is_known_there_is_no_number_and_nothing_is_good() -> None:
    shot = take(fresh())
    for key in ("setpoint_mw", "dop_mw", "dot_mw", "next_dot_mw", "supplemental_mw"):
        assert shot.value("R1", key).value is None
        assert shot.value("R1", key).quality is Quality.INIT
    assert word(shot) is Directive.NO_DATA


def test_a_known_value_is_not_good_before_the_first_complete_poll() -> None:
    shot = take(fold(fresh(), facts.TrajectorySeen(RAMP, NOW, restored=True)), NOW.plus(75))
    assert shot.value("R1", "setpoint_mw").value == 75.0
    assert shot.value("R1", "setpoint_mw").quality is Quality.INIT
    assert word(shot) is Directive.NO_DATA
    reasons = shot.value("R1", "reasons").value
    assert isinstance(reasons, int)
    assert reasons & Reason.RESTORED


def test_after_a_complete_poll_the_ramp_of_this_second_is_followed() -> None:
    state = fold(fold(fresh(), facts.TrajectorySeen(RAMP, NOW)), facts.PollCompleted(NOW))
    for second in (0, 1, 15, 29):
        shot = take(state, NOW.plus(second))
        assert shot.value("R1", "setpoint_mw").value == 50.0 + second / 3.0
        assert word(shot) is Directive.FOLLOW


def test_silence_decays_and_the_last_value_is_held_never_zero() -> None:
    flat = trajectory("T", {"R1": [(START, 80.0), (START + timedelta(hours=1), 80.0)]})
    state = fold(fold(fresh(), facts.TrajectorySeen(flat, NOW)), facts.PollCompleted(NOW))
    seen = [take(state, NOW.plus(second)).value("R1", "setpoint_mw") for second in (30, 31, 60, 61)]
    assert [item.quality for item in seen] == [Quality.GOOD, Quality.UNCERTAIN, Quality.UNCERTAIN, Quality.BAD_COMM]
    assert {item.value for item in seen} == {80.0}


def test_a_wall_clock_jump_does_not_make_a_dead_link_young() -> None:
    state = fold(fold(fresh(), facts.TrajectorySeen(RAMP, NOW)), facts.PollCompleted(NOW))
    back = Instant(START, 1000.0 + 61.0)
    assert take(state, back).value("R1", "setpoint_mw").quality is Quality.BAD_COMM


def test_a_refused_curve_is_bad_data_from_its_first_point_and_a_good_newer_one_heals_it() -> None:
    state = fold(fold(fresh(), facts.TrajectorySeen(RAMP, NOW)), facts.PollCompleted(NOW))
    wild = trajectory("W", {"R1": [(START + timedelta(seconds=10), 9e9)]}, received=START + timedelta(seconds=1))
    state = fold(state, facts.TrajectorySeen(wild, NOW))
    assert take(state, NOW.plus(9)).value("R1", "setpoint_mw").quality is Quality.GOOD
    bad = take(state, NOW.plus(10)).value("R1", "setpoint_mw")
    assert bad.quality is Quality.BAD_DATA
    assert bad.value == 50.0 + 10 / 3.0
    healed = trajectory(
        "H", {"R1": [(START, 60.0), (START + timedelta(minutes=5), 60.0)]}, received=START + timedelta(seconds=2)
    )
    state = fold(state, facts.TrajectorySeen(healed, NOW))
    assert take(state, NOW.plus(12)).value("R1", "setpoint_mw").quality is Quality.GOOD


def test_targets_and_countdown() -> None:
    state = fold(fresh(), facts.BatchSeen(batch("A", dots={"R1": 25.0}), NOW))
    state = fold(state, facts.BatchSeen(batch("B", dots={"R1": 40.0}, start=START + timedelta(minutes=5)), NOW))
    shot = take(state, NOW.plus(60))
    assert shot.value("R1", "dot_mw").value == 25.0
    assert shot.value("R1", "next_dot_mw").value == 40.0
    left = shot.value("R1", "seconds_to_next_target").value
    assert isinstance(left, float)
    assert math.isclose(left, 240.0)
    assert shot.value("R1", "dispatch_age_s").value == 60.0


def test_gateway_points_say_what_they_are_given() -> None:
    shot = take(fold(fresh(Environment.SIMULATOR), facts.PollCompleted(NOW)), NOW.plus(12))
    assert shot.gateway_value("heartbeat").value == 3
    assert shot.gateway_value("link_age_s").value == 12.0
    assert shot.gateway_value("environment").value == 2
    assert shot.gateway_value("unacknowledged_batches").value == 2
    assert shot.generation == 7
