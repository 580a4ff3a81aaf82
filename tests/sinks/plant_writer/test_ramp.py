"""The ramp starts from what was read, stays inside and keeps its rate, however time passes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.sinks.plant_writer.permit import Stand, Wish
from caiso_ads.sinks.plant_writer.ramp import Ramp
from tests.sinks.plant_writer.wishes import act, rules


def test_without_a_value_or_limits_there_is_no_position() -> None:
    ramp = Ramp(rules())
    ramp.anchor(0.0, None, act())
    assert not ramp.known
    blind = Ramp(rules())
    blind.anchor(0.0, 50.0, Wish(Stand.ACT, "FOLLOW"))
    assert not blind.known
    assert blind.step(1.0, 50.0, 1.0) is None
    seeing = Ramp(rules())
    seeing.anchor(0.0, 50.0, act())
    known = [seeing.known]
    seeing.forget()
    assert [*known, seeing.known] == [True, False]


def test_a_target_outside_is_not_gone_to() -> None:
    ramp = Ramp(rules())
    ramp.anchor(0.0, 50.0, act())
    assert ramp.step(1.0, 100.1, 1.0) is None
    assert ramp.step(1.0, None, 1.0) is None


def test_a_long_silence_does_not_add_up_to_a_jump() -> None:
    ramp = Ramp(rules())
    ramp.anchor(0.0, 50.0, act())
    assert ramp.step(1000.0, 90.0, 1000.0) == 51.0


@given(st.floats(-50, 200), st.lists(st.tuples(st.floats(0, 20), st.floats(20, 100)), max_size=40))
def test_no_two_steps_are_further_apart_than_the_rate_allows(start: float, moves: list[tuple[float, float]]) -> None:
    ramp, now, taken = Ramp(rules(quantised=lambda mw, low, high: mw)), 0.0, []
    ramp.anchor(now, start, act())
    taken.append((now, min(max(start, 20.0), 100.0)))
    for wait, target in moves:
        now += wait
        mw = ramp.step(now, target, now)
        assert mw is not None
        assert 20.0 <= mw <= 100.0
        taken.append((now, mw))
    for index, (when, mw) in enumerate(taken):
        for later, other in taken[index + 1 :]:
            assert abs(other - mw) <= (later - when) + 1e-6  # 60 MW/min
