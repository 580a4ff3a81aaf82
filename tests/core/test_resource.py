"""One resource and one document; the fold over many is tested in ``test_state.py`` and on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from caiso_ads.core import happenings as facts
from caiso_ads.core.instant import Instant
from caiso_ads.core.ramp import Machine
from caiso_ads.core.resource import HORIZON_S, Resource, ResourceState, leg_of, with_leg, with_targets
from caiso_ads.core.setpoint import targets_of
from tests.fakes import START, batch, trajectory

NOW = Instant(START, 1000.0)
ONE = Resource("R1", "one", 0.0, 200.0)


@pytest.mark.parametrize(
    ("mw", "fits"),
    [(0.0, True), (-0.0, True), (200.0, True), (200.001, True), (200.0011, False), (-0.001, True), (-1.0, False)],
)
def test_the_limits_leave_room_for_the_rounding_of_a_32_bit_float_only(mw: float, fits: bool) -> None:  # noqa: FBT001
    assert ONE.allows(mw) is fits


def test_a_curve_with_one_point_outside_the_limits_is_put_aside_whole_and_the_old_one_stays() -> None:
    good = facts.TrajectorySeen(trajectory("T1", {"R1": [(START, 10.0)]}), NOW)
    bad = facts.TrajectorySeen(
        replace(
            trajectory("T2", {"R1": [(START, 20.0), (START + timedelta(minutes=5), 999.0)]}),
            batch_received=START + timedelta(seconds=1),
        ),
        NOW,
    )
    known = with_leg(ResourceState(), ONE, leg_of(good.batch, list(good.batch.dops)), good)
    after = with_leg(known, ONE, leg_of(bad.batch, list(bad.batch.dops)), bad)
    assert after.curve.mw == known.curve.mw == (10.0,)
    assert [leg.batch_uid for leg in after.refused] == ["T2"]


def test_what_is_past_the_horizon_is_forgotten_but_for_the_newest() -> None:
    old = facts.BatchSeen(batch("D1", dots={"R1": 5.0}, start=START), NOW)
    later = START + timedelta(seconds=HORIZON_S + 600)
    new = facts.BatchSeen(batch("D2", dots={"R1": 7.0}, start=later), NOW.at_wall(later))
    known = ResourceState()
    for event in (old, new):
        found = [target for _, target in targets_of(event.batch)]
        known = with_targets(known, ONE, found, event, event.arrived.wall.timestamp() - HORIZON_S)
    assert [target.dot_mw for target in known.targets] == [7.0]
    only = with_targets(ResourceState(), ONE, [t for _, t in targets_of(old.batch)], old, later.timestamp())
    assert [target.dot_mw for target in only.targets] == [5.0], "the newest one is held, however old"


def test_a_step_the_machine_cannot_do_is_refused_only_where_that_is_configured() -> None:
    slow = replace(ONE, machine=Machine(ramp_mw_per_min=1.0))
    first = facts.BatchSeen(batch("D1", dots={"R1": 10.0}, start=START), NOW)
    steep = facts.BatchSeen(batch("D2", dots={"R1": 100.0}, start=START + timedelta(minutes=5)), NOW)
    for resource, kept in ((slow, [10.0, 100.0]), (replace(slow, refuses_steps=True), [10.0])):
        known = ResourceState()
        for event in (first, steep):
            known = with_targets(known, resource, [t for _, t in targets_of(event.batch)], event, 0.0)
        assert [target.dot_mw for target in known.targets] == kept
