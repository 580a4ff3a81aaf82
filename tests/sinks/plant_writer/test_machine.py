"""The machine's promises, under every order of events that hypothesis can think of.

Never outside pmin_mw and pmax_mw; never faster than the rate; nothing written while the wish does not say so; and
after each write, whatever became of it, a read that was answered before the next.
"""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from caiso_ads.sinks.plant_writer.machine import Machine
from caiso_ads.sinks.plant_writer.permit import Stand, Wish
from caiso_ads.sinks.plant_writer.rules import Item, OnRelease, Pause, Phase, Read, Rules, Write
from tests.sinks.plant_writer.wishes import act, hold, none, rules

LOW, HIGH = 20.0, 100.0
POWERS = st.floats(LOW, HIGH)
MAPS: dict[str, dict[str, Any]] = {
    "bare": {},
    "all": {
        "on": 1, "off": 0, "heartbeat": True, "fixed": {Item.MODE: 2}, "permit": 1,
        "limits": frozenset({Item.HIGH, Item.LOW}), "on_release": OnRelease.DISABLE,
    },
    "to a value": {"on_release": OnRelease.VALUE, "release_mw": 30.0, "heartbeat": True, "keep_on_hold": True},
    "dry": {"on": 1, "off": 0, "on_release": OnRelease.DISABLE, "live": False},
    "slow": {"rate_mw_per_min": 1.0, "deadband_mw": 0.5, "interval_s": 4.0},
}  # fmt: skip


class Plant(RuleBasedStateMachine):
    """A controller without a network; every request may end in any way."""

    def __init__(self) -> None:
        super().__init__()
        self.given: Rules = rules()
        self.machine = Machine(self.given)
        self.now = 1000.0
        self.wish: Wish = none()
        self.held: dict[Item, float | None] = {}
        self.shown = self.held
        self.changed_at = self.now
        self.read_since_write = False
        self.acted = False

    @initialize(name=st.sampled_from(sorted(MAPS)), start=st.sampled_from([0.0, 20.0, 47.3, 100.0, 250.0]))
    def begin(self, name: str, start: float) -> None:
        self.given = rules(**MAPS[name])
        self.machine = Machine(self.given)
        self.held = {
            Item.SETPOINT: start, Item.ENABLE: 0.0, Item.MODE: 0.0, Item.HIGH: 0.0, Item.LOW: 0.0, Item.HEARTBEAT: 7.0,
            Item.PERMIT: 1.0,
        }  # fmt: skip

    @rule(mw=POWERS, aim=st.integers(0, 3))
    def follow(self, mw: float, aim: int) -> None:
        self.wish = act(mw, aim)

    @rule(wish=st.sampled_from([none(), none("TEST"), hold()]))
    def leave(self, wish: Wish) -> None:
        self.wish = wish

    @rule(seconds=st.sampled_from([0.1, 1.0, 3.0, 70.0, 900.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(
        item=st.sampled_from([Item.SETPOINT, Item.ENABLE, Item.PERMIT]), value=st.sampled_from([None, 0.0, 1.0, 66.0])
    )
    def others(self, item: Item, value: float | None) -> None:
        """Somebody else, or a restart, changes a register."""
        if item is Item.SETPOINT and value != self.held[item]:
            self.changed_at = self.now
        if value is not None or item is Item.SETPOINT:
            self.held[item] = value

    @rule(ends=st.lists(st.sampled_from("ooooorudDc"), min_size=1, max_size=12))
    def turns(self, ends: list[str]) -> None:
        for end in ends:
            action = self.machine.decide(self.now, self.wish)
            if isinstance(action, Read):
                self.answer_read(end)
            elif isinstance(action, Write):
                self.check(action)
                self.answer_write(action, end)
            else:
                assert action.seconds >= 0
                self.now += min(action.seconds, 1.0)

    def answer_read(self, end: str) -> None:
        if end in "ud":
            self.machine.heard_nothing(self.now, "gone")
            return
        self.read_since_write = True
        self.shown = dict(self.held)
        self.machine.heard_reading(self.now, dict(self.held))

    def answer_write(self, write: Write, end: str) -> None:
        self.read_since_write = False
        if end == "r":
            self.machine.heard_refused(self.now, "exception 04")
            return
        self.acted = True
        if end != "u":  # u: lost on the way; D: done and not answered; c: cut by the controller
            clipped = end == "c" and write.item is Item.SETPOINT
            self.held[write.item] = min(write.value, 45.0) if clipped else write.value
        if write.item is Item.SETPOINT:
            self.changed_at = self.now
        if end in "udD":
            self.machine.heard_unsure(self.now, "no answer")
        else:
            self.machine.heard_written()

    def check(self, write: Write) -> None:
        assert self.given.live
        assert self.read_since_write, "two writes without a read between them"
        assert self.given.permit is None or self.shown[Item.PERMIT] == self.given.permit
        if write.item is Item.SETPOINT:
            self.check_setpoint(write.value)
        if self.wish.stand is not Stand.ACT:
            self.check_not_acting(write)

    def check_setpoint(self, mw: float) -> None:
        assert LOW <= mw <= HIGH
        before = self.held[Item.SETPOINT]
        if before is None or self.shown[Item.SETPOINT] != before:
            return  # changed since it was read: the next reading notices
        start = min(max(before, LOW), HIGH)
        most = self.given.rate_mw_per_min * (self.now - self.changed_at) / 60.0
        assert abs(mw - start) <= most + self.given.tolerance_mw + 0.1 + 1e-6, (mw, before, most)

    def check_not_acting(self, write: Write) -> None:
        if self.machine.phase is Phase.HOLDING:
            assert self.wish.stand is Stand.HOLD
            assert self.given.keep_on_hold
            assert write.item is Item.HEARTBEAT
            return
        assert self.acted
        assert self.machine.phase is Phase.RELEASING
        if self.given.on_release is OnRelease.DISABLE:
            assert write == Write(Item.ENABLE, 0)
        else:
            assert self.given.on_release is OnRelease.VALUE
            assert write.item is Item.SETPOINT

    @invariant()
    def tells_little(self) -> None:
        assert len(self.machine.notes()) <= 60


TestPlant = Plant.TestCase
TestPlant.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)


class Bench:
    """A machine and a controller that does as it is told, second by second."""

    def __init__(self, setpoint: float = 40.0, **changes: Any) -> None:
        self.machine = Machine(rules(**changes))
        self.held: dict[Item, float | None] = {
            Item.SETPOINT: setpoint, Item.ENABLE: 0.0, Item.MODE: 0.0, Item.HEARTBEAT: 0.0, Item.PERMIT: 1.0,
            Item.HIGH: 0.0, Item.LOW: 0.0, Item.ACTUAL: 33.0,
        }  # fmt: skip
        self.now = 0.0
        self.writes: list[tuple[float, Item, float]] = []
        self.told: list[str] = []
        self.clip_mw = 1e9

    def run(self, wish: Wish, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            action = self.machine.decide(self.now, wish)
            self.told += [note.text for note in self.machine.notes() if note.steady_mw is None]
            if isinstance(action, Read):
                self.machine.heard_reading(self.now, dict(self.held))
            elif isinstance(action, Write):
                self.writes.append((self.now, action.item, action.value))
                self.held[action.item] = min(action.value, self.clip_mw)
                self.machine.heard_written()
            else:
                self.now = round(self.now + min(action.seconds, until - self.now + 0.001), 6)

    def setpoints(self) -> list[float]:
        return [round(value, 3) for _, item, value in self.writes if item is Item.SETPOINT]


def test_it_begins_where_the_controller_is_and_goes_at_the_rate() -> None:
    bench = Bench(40.0)
    bench.run(act(43.0), 10.0)
    assert bench.setpoints() == [41.0, 42.0, 43.0]
    assert bench.told[0] == "decided act: FOLLOW"
    assert bench.told[1:] == ["writes setpoint 41 MW"]


def test_a_long_wait_does_not_add_up_to_a_jump() -> None:
    bench = Bench(40.0)
    bench.run(act(40.0), 3600.0)
    assert bench.setpoints() == []
    bench.run(act(80.0, aim=2), 3.0)
    assert bench.setpoints() == [41.0, 42.0, 43.0]


def test_a_disabled_plant_is_taken_over_at_its_measured_power_and_enabled_after_that() -> None:
    bench = Bench(0.0, on=1, off=0, fixed={Item.MODE: 2})
    bench.run(act(35.0), 5.0)
    assert [(item, round(value, 3)) for _, item, value in bench.writes] == [
        (Item.MODE, 2), (Item.SETPOINT, 33.0), (Item.ENABLE, 1), (Item.SETPOINT, 34.0), (Item.SETPOINT, 35.0),
    ]  # fmt: skip


def test_a_controller_without_a_number_is_not_guessed_at() -> None:
    bench = Bench()
    bench.held[Item.SETPOINT] = None
    bench.run(act(), 30.0)
    assert bench.writes == []
    assert "the controller shows no power to begin from" in bench.told


def test_a_change_within_the_deadband_is_not_written() -> None:
    bench = Bench(40.0, deadband_mw=2.0)
    bench.run(act(41.5), 30.0)
    assert bench.setpoints() == []
    bench.run(act(43.0), 30.0)
    assert bench.setpoints() == [42.5]


def test_a_controller_that_cuts_is_told_once_and_tried_with_longer_and_longer_waits() -> None:
    bench = Bench(40.0, heartbeat=True)
    bench.clip_mw = 45.0
    bench.run(act(80.0), 500.0)
    tries = [when for when, item, value in bench.writes if item is Item.SETPOINT and value > 45.0]
    gaps = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert gaps[:4] == sorted(gaps[:4])
    assert 50.0 <= max(gaps) <= 62.0
    assert bench.told.count("setpoint: what is read back is not what was written") == 1
    assert bench.machine.trouble
    beats = [when for when, item, _ in bench.writes if item is Item.HEARTBEAT]
    assert max(beats) < tries[0] + 1.0
    bench.clip_mw = 1e9
    bench.run(act(80.0), 120.0)
    assert bench.setpoints()[-1] == 80.0
    assert bench.machine.trouble == ""
    assert bench.told[-1] == "the controller holds what was written"


def test_what_others_change_is_noticed_and_the_way_begins_there() -> None:
    bench = Bench(40.0)
    bench.run(act(50.0), 20.0)
    bench.held[Item.SETPOINT] = 30.0
    bench.run(act(50.0), 4.0)
    assert "the setpoint was changed by others, or the controller started again" in bench.told
    assert bench.setpoints()[-1] <= 33.0


def test_it_beats_once_an_interval_and_wraps() -> None:
    bench = Bench(50.0, heartbeat=True)
    bench.held[Item.HEARTBEAT] = 65_534.0
    bench.run(act(50.0), 3.0)
    assert [value for _, item, value in bench.writes if item is Item.HEARTBEAT] == [65_535, 0, 1]


def test_while_holding_nothing_but_the_heartbeat_is_written_and_only_where_that_is_wanted() -> None:
    kept, strict = Bench(40.0, heartbeat=True, keep_on_hold=True), Bench(40.0, heartbeat=True)
    for bench in (kept, strict):
        bench.run(act(50.0), 3.0)
        bench.writes.clear()
        bench.run(hold(), 5.0)
    assert {item for _, item, _ in kept.writes} == {Item.HEARTBEAT}
    assert strict.writes == []
    assert strict.told[-1].startswith("let go: the setpoint stays")


def test_nothing_is_let_go_that_was_never_held() -> None:
    bench = Bench(40.0, on=1, off=0, on_release=OnRelease.DISABLE)
    bench.held[Item.ENABLE] = 1.0
    bench.run(none(), 10.0)
    assert bench.writes == []


def test_letting_go_disables_or_goes_to_a_value_at_the_rate() -> None:
    off = Bench(40.0, on=1, off=0, on_release=OnRelease.DISABLE)
    value = Bench(40.0, on_release=OnRelease.VALUE, release_mw=37.0)
    for bench in (off, value):
        bench.run(act(40.5), 3.0)
        bench.writes.clear()
        bench.run(none(), 10.0)
        assert bench.machine.released
    assert [(item, mw) for _, item, mw in off.writes] == [(Item.ENABLE, 0)]
    assert value.setpoints() == [39.5, 38.5, 37.5, 37.0]


def test_letting_go_is_given_up_when_nothing_helps() -> None:
    bench = Bench(40.0, on=1, off=0, on_release=OnRelease.DISABLE)
    bench.run(act(40.0), 3.0)
    machine, now = bench.machine, bench.now
    while now < bench.now + 200.0:
        action = machine.decide(now, none())
        if isinstance(action, Read):
            machine.heard_nothing(now, "gone")
        else:
            assert isinstance(action, Pause)
            now += max(action.seconds, 0.01)
    assert "not let go: the controller's own watchdog must act" in [note.text for note in machine.notes()]
    assert machine.released


def test_a_plant_in_local_control_is_left_alone() -> None:
    bench = Bench(40.0, permit=1, on=1, off=0, on_release=OnRelease.DISABLE)
    bench.run(act(50.0), 4.0)
    bench.held[Item.PERMIT] = 0.0
    bench.writes.clear()
    bench.run(act(50.0), 10.0)
    bench.run(none(), 10.0)
    assert bench.writes == []
    assert "the plant does not permit remote control" in bench.told
    assert bench.told[-1] == "let go: the plant was taken into local control"


def test_dry_run_tells_the_same_way_and_writes_nothing() -> None:
    dry, live = Bench(40.0, live=False, on=1, off=0), Bench(40.0, on=1, off=0)
    for bench in (dry, live):
        bench.held[Item.ENABLE] = 1.0
        bench.run(act(60.0), 5.0)
    assert dry.writes == []
    assert dry.machine.reading[Item.SETPOINT] == live.machine.reading[Item.SETPOINT] == 44.0
    assert [text.replace("would write", "writes") for text in dry.told] == live.told


def test_limits_are_written_first() -> None:
    bench = Bench(50.0, limits=frozenset({Item.HIGH, Item.LOW}))
    bench.run(act(51.0), 4.0)
    assert [(item, value) for _, item, value in bench.writes] == [
        (Item.HIGH, 100.0), (Item.LOW, 20.0), (Item.SETPOINT, 51.0),
    ]  # fmt: skip


def test_there_is_no_heartbeat_while_anything_is_wrong() -> None:
    bench = Bench(40.0, heartbeat=True, deadband_mw=2.5)
    bench.clip_mw = 42.0
    bench.run(act(80.0), 4.0)
    assert bench.machine.trouble
    bench.writes.clear()
    bench.run(act(44.0, aim=2), 8.0)
    assert bench.machine.trouble == ""
    assert {item for _, item, _ in bench.writes} == {Item.HEARTBEAT}
    bench.run(act(80.0, aim=3), 4.0)
    bench.writes.clear()
    bench.run(act(80.0, aim=3), 6.0)
    assert bench.machine.trouble
    assert Item.HEARTBEAT not in {item for _, item, _ in bench.writes}


def test_letting_go_does_not_wait_for_old_trouble() -> None:
    bench = Bench(40.0, on=1, off=0, on_release=OnRelease.DISABLE)
    bench.run(act(41.0), 4.0)
    bench.clip_mw = 41.0
    bench.run(act(80.0, aim=2), 40.0)
    bench.writes.clear()
    bench.run(none(), 1.5)
    assert [item for _, item, _ in bench.writes] == [Item.ENABLE]


def test_after_an_uncertain_write_it_waits_before_it_reads_back() -> None:
    bench = Bench(40.0)
    bench.run(act(40.0), 2.5)
    machine, now = bench.machine, bench.now + 1.0
    assert isinstance(machine.decide(now, act(50.0)), Read)
    machine.heard_reading(now, dict(bench.held))
    assert isinstance(machine.decide(now, act(50.0)), Write)
    machine.heard_unsure(now, "no answer")
    assert machine.decide(now + 1.0, act(50.0)) == Pause(1.0)
    assert isinstance(machine.decide(now + 2.0, act(50.0)), Read)
