"""What the machine must not do: enable what is not right, overrule an operator, or leave a watchdog without a beat."""

from __future__ import annotations

from caiso_ads.sinks.plant_writer.registers import Register
from caiso_ads.sinks.plant_writer.rules import Item
from tests.sinks.plant_writer.test_machine import Bench
from tests.sinks.plant_writer.wishes import act, hold


def test_a_step_the_register_cannot_hold_is_told_and_nothing_is_enabled_and_no_beat_given() -> None:
    bench = Bench(0.0, on=1, off=0, heartbeat=True, quantised=Register(100, "uint16").quantised)
    bench.held[Item.ACTUAL] = -10.0
    bench.run(act(-50.0, pmin_mw=-100.0), 10.0)
    assert bench.writes == []
    assert "refused: the setpoint register cannot hold the next step" in bench.told


def test_a_register_outside_the_limits_is_not_enabled_because_the_deadband_is_wide() -> None:
    bench = Bench(19.0, on=1, off=0, deadband_mw=2.0)
    del bench.held[Item.ACTUAL]
    bench.run(act(20.5), 5.0)
    assert [(item, value) for _, item, value in bench.writes] == [(Item.SETPOINT, 20.0), (Item.ENABLE, 1)]


def test_who_switches_off_what_was_found_on_is_somebody_else_and_is_not_overruled_at_once() -> None:
    bench = Bench(50.0, on=1, off=0)
    bench.held[Item.ENABLE] = 1.0
    bench.run(act(50.0), 5.0)
    bench.held[Item.ENABLE] = 0.0
    began = bench.now
    bench.run(act(50.0), 10.0)
    assert "the enable was changed by others, or the controller started again" in bench.told
    assert [(item, value) for _, item, value in bench.writes][:2] == [(Item.SETPOINT, 34.0), (Item.ENABLE, 1)]
    assert bench.writes[0][0] >= began + 2.0


def test_a_lost_beat_while_holding_does_not_end_the_beats_for_ever() -> None:
    bench = Bench(50.0, heartbeat=True, keep_on_hold=True)
    bench.run(act(50.0), 3.0)
    bench.run(hold(), 1.0)
    bench.machine.heard_unsure(bench.now, "no answer")
    bench.run(hold(), 30.0)
    late = [when for when, item, _ in bench.writes if item is Item.HEARTBEAT and when > bench.now - 5.0]
    assert late


def test_a_plant_whose_power_cannot_be_measured_is_not_taken_over_at_an_old_setpoint() -> None:
    bench = Bench(80.0, on=1, off=0)
    bench.held[Item.ACTUAL] = None
    bench.run(act(50.0), 10.0)
    assert bench.writes == []
    assert "the controller shows no power to begin from" in bench.told
