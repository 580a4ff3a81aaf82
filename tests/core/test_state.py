from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

from caiso_ads.core import happenings as facts
from caiso_ads.core.codes import BatchStatus, BatchType
from caiso_ads.core.directive import Environment, LinkFault
from caiso_ads.core.instant import Instant
from caiso_ads.core.resource import HORIZON_S, Resource
from caiso_ads.core.state import State, fold, initial
from tests.fakes import START, batch, trajectory

NOW = Instant(START, 1000.0)
TWO = {"R1": Resource("R1", "one", 0.0, 200.0), "R2": Resource("R2", "two", -50.0, 50.0)}


def fresh() -> State:
    return initial(TWO, Environment.PRODUCTION)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def test_two_resources_on_one_certificate_are_never_mixed_up() -> None:
    both = trajectory("T", {"R1": [(START, 10.0)], "R2": [(START, -10.0)]})
    state = fold(fresh(), facts.TrajectorySeen(both, NOW))
    assert [state.resources[name].curve.mw for name in ("R1", "R2")] == [(10.0,), (-10.0,)]
    state = fold(state, facts.BatchSeen(batch("D", dots={"R2": -5.0, "R1": 7.0}), NOW))
    assert [state.resources[name].targets[0].dot_mw for name in ("R1", "R2")] == [7.0, -5.0]


def test_a_resource_that_is_not_configured_is_noted_and_not_published() -> None:
    state = fold(fresh(), facts.BatchSeen(batch("D", dots={"OTHER": 5.0}), NOW))
    state = fold(state, facts.TrajectorySeen(trajectory("T", {"ALIEN": [(START, 1.0)]}), NOW))
    assert state.foreign == {"OTHER", "ALIEN"}
    assert set(state.resources) == {"R1", "R2"}


def test_the_order_in_which_trajectories_arrive_changes_nothing() -> None:
    batches = [
        trajectory(
            f"T{n}",
            {"R1": [(START + minutes(n), 10.0 * n), (START + minutes(n + 3), 5.0)]},
            received=START + minutes(n),
        )
        for n in range(4)
    ]
    results = set()
    for order in itertools.permutations(batches):
        state = fresh()
        for item in order:
            state = fold(state, facts.TrajectorySeen(item, NOW))
        results.add(state.resources["R1"].curve)
    assert len(results) == 1


def test_the_same_trajectory_twice_counts_once() -> None:
    seen = facts.TrajectorySeen(trajectory("T", {"R1": [(START, 10.0)]}), NOW)
    once = fold(fresh(), seen)
    assert fold(once, seen) == once


def test_non_binding_points_never_drive() -> None:
    state = fold(fresh(), facts.TrajectorySeen(trajectory("T", {"R1": [(START, 10.0)]}, binding="N"), NOW))
    assert state.resources["R1"].curve.end is None


def test_points_outside_the_limits_are_refused_whole_and_the_curve_stays() -> None:
    state = fold(fresh(), facts.TrajectorySeen(trajectory("T1", {"R1": [(START, 10.0)]}), NOW))
    wild = trajectory("T2", {"R1": [(START, 20.0), (START + minutes(5), 99_999.0)]}, received=START + minutes(1))
    state = fold(state, facts.TrajectorySeen(wild, NOW))
    assert state.resources["R1"].curve.mw == (10.0,)
    assert [leg.batch_uid for leg in state.resources["R1"].refused] == ["T2"]


def test_negative_power_is_fine_where_the_limits_allow_it() -> None:
    state = fold(fresh(), facts.TrajectorySeen(trajectory("T", {"R2": [(START, -1.0)], "R1": [(START, -1.0)]}), NOW))
    assert state.resources["R2"].curve.mw == (-1.0,)
    assert state.resources["R1"].curve.end is None


def test_a_higher_revision_replaces_the_targets_of_its_batch() -> None:
    state = fold(fresh(), facts.BatchSeen(batch("D", dots={"R1": 10.0, "R2": 5.0}), NOW))
    state = fold(state, facts.BatchSeen(batch("D", dots={"R1": 12.0}, revision=1), NOW))
    assert [item.dot_mw for item in state.resources["R1"].targets] == [12.0]
    assert state.resources["R2"].targets == ()


def test_an_older_revision_that_arrives_later_is_ignored() -> None:
    newer = fold(fresh(), facts.BatchSeen(batch("D", dots={"R1": 12.0}, revision=3), NOW))
    assert fold(newer, facts.BatchSeen(batch("D", dots={"R1": 10.0}, revision=2), NOW)) == newer


def test_an_emergency_cancel_withdraws_the_targets() -> None:
    state = fold(fresh(), facts.BatchSeen(batch("D", dots={"R1": 10.0}), NOW))
    cancelled = batch("D", dots={"R1": 10.0}, revision=1, status=BatchStatus.EMERGENCY_CANCELLED)
    assert fold(state, facts.BatchSeen(cancelled, NOW)).resources["R1"].targets == ()


def test_what_cannot_matter_any_more_is_pruned_but_the_newest_target_stays() -> None:
    state = fresh()
    for number in range(200):
        when = START + minutes(5 * number)
        arrived = Instant(when, 1000.0 + 300.0 * number)
        dispatch = batch(f"D{number}", dots={"R1": 10.0} if number < 150 else {}, start=when)
        state = fold(state, facts.BatchSeen(dispatch, arrived))
        points = {"R1": [(when, 1.0), (when + minutes(5), 2.0)]} if number < 150 else {"R2": [(when, 1.0)]}
        state = fold(state, facts.TrajectorySeen(trajectory(f"T{number}", points, received=when), arrived))
    assert len(state.batches) <= HORIZON_S / 300 + 2
    assert state.resources["R1"].targets != ()
    assert len(state.resources["R1"].legs) <= HORIZON_S / 300 + 2
    assert len(state.resources["R2"].legs) <= HORIZON_S / 300 + 2


def test_link_store_and_stop_events_set_their_own_field_only() -> None:
    state = fold(fresh(), facts.PollFailed(LinkFault.CERTIFICATE))
    assert state == replace(fresh(), link_fault=LinkFault.CERTIFICATE)
    assert fold(state, facts.PollCompleted(NOW)) == replace(fresh(), polling=NOW, completed=NOW)
    assert fold(fresh(), facts.StoreChanged(ok=False)) == replace(fresh(), store_ok=False)
    assert fold(fresh(), facts.PayloadUnreadable(NOW, dispatch=False)) == replace(fresh(), unreadable=1)
    assert fold(fresh(), facts.Stopping()) == replace(fresh(), stopping=True)


def test_checking_a_batch_moves_it_back_in_the_rotation_and_an_unknown_one_is_ignored() -> None:
    state = fold(fresh(), facts.BatchSeen(batch("D", batch_type=BatchType.HOURLY_PRE_DISPATCH), NOW))
    state = fold(state, facts.BatchChecked("D", NOW.plus(50)))
    assert state.batches["D"].checked_mono == 1050.0
    assert fold(state, facts.BatchChecked("X", NOW)) == state
