from __future__ import annotations

from datetime import timedelta

import pytest

from caiso_ads.core.codes import BatchStatus, BatchType, DispatchMode, InstructionType
from caiso_ads.core.model import DispatchBatch, Instruction
from caiso_ads.simulator.fleet import OPERATOR
from caiso_ads.simulator.visibility import of_batch
from tests.simulator.bench import Bench

HALF = timedelta(seconds=150)


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def _of_type(bench: Bench, batch_type: BatchType) -> list[DispatchBatch]:
    return [batch for batch in bench.batches() if batch.batch_type == batch_type]


def _rows(batches: list[DispatchBatch]) -> list[Instruction]:
    return [instruction for batch in batches for instruction in batch.instructions]


def test_five_minute_headers_are_closed_on_arrival_as_captured(bench: Bench) -> None:
    for batch in _of_type(bench, BatchType.FIVE_MINUTE):
        assert batch.batch_status is BatchStatus.CLOSED
        assert batch.batch_expires == batch.batch_sent == batch.batch_received
        assert (batch.binding_flag, batch.revision_no, batch.dispatch_mode) == ("Y", 0, DispatchMode.INTERVAL)
        assert batch.start_time.minute % 5 == 0


def test_five_minute_dots_have_the_captured_shape(bench: Bench) -> None:
    for batch in _of_type(bench, BatchType.FIVE_MINUTE):
        for dot in batch.instructions:
            assert dot.start_time == batch.start_time + HALF
            assert dot.end_time is None
            assert dot.accept_dot_mw == dot.dot_mw
            assert (dot.pass_indicator, dot.bid_delay_min, dot.instruction_type) == ("RTED", 2, InstructionType.DOT)
            assert (dot.status_code, dot.revision_number) == (BatchStatus.NEW, 0)
            assert [d.service_type for d in dot.detail] == ["SCHD", "SUPP", "RMPS", "SPIN", "NSPN"]
            assert [d.seg_no for d in dot.detail] == [1, 2, 3, 4, 5]


def test_every_dot_is_the_sum_of_ramped_supplemental_spinning_and_non_spinning(bench: Bench) -> None:
    for dot in _rows(_of_type(bench, BatchType.FIVE_MINUTE)):
        mw = {d.service_type: d.mw or 0.0 for d in dot.detail}
        assert dot.dot_mw == pytest.approx(mw["RMPS"] + mw["SUPP"] + mw["SPIN"] + mw["NSPN"], abs=1e-9)


def test_the_previous_dot_is_the_dot_of_the_batch_before(bench: Bench) -> None:
    ahead = {b.batch_uid for b in bench.batches() if b.start_time - b.batch_received > timedelta(minutes=10)}
    runs = [b for b in _of_type(bench, BatchType.FIVE_MINUTE) if b.batch_uid not in ahead]
    last: dict[str, float | None] = {}
    for batch in runs:
        for dot in batch.instructions:
            if dot.resource_id in last:
                assert dot.pre_goto_mw == last[dot.resource_id]
            last[dot.resource_id] = dot.dot_mw
    assert len(runs) >= 287


def test_follow_dot_flag_marks_curtailed_wind_and_solar_only(bench: Bench) -> None:
    flagged = [dot for dot in _rows(_of_type(bench, BatchType.FIVE_MINUTE)) if dot.follow_dot_flag == "Y"]
    assert flagged
    for dot in flagged:
        assert "SOLAR" in dot.resource_id or "WIND" in dot.resource_id


def test_a_type_0_batch_does_not_always_mean_the_next_five_minutes(bench: Bench) -> None:
    far = [b for b in _of_type(bench, BatchType.FIVE_MINUTE) if b.start_time - b.batch_received > timedelta(minutes=60)]
    assert len(far) == 24


def test_exceptional_dispatches_return_under_new_uids_with_their_old_start(bench: Bench) -> None:
    batches = _of_type(bench, BatchType.OUT_OF_SEQUENCE)
    rows = _rows(batches)
    logical = {(r.resource_id, r.start_time, r.dot_mw) for r in rows}
    assert len({b.batch_uid for b in batches}) == len(batches) > 10 * len(logical)
    assert all(r.dot_mw is not None and not r.detail for r in rows)
    ages = [b.batch_received - b.start_time for b in batches]
    assert max(ages) > timedelta(hours=2)


def test_awards_have_no_dot_and_cleared_is_award_plus_own(bench: Bench) -> None:
    rows = _rows(_of_type(bench, BatchType.AS_AWARDS))
    assert rows
    for row in rows:
        assert row.dot_mw is None
        assert row.instruction_type is InstructionType.CAPACITY_AWARD
        assert row.cleared_mw == pytest.approx((row.award_mw or 0) + (row.self_sched_mw or 0))


def test_commitment_starts_at_pmin_and_stops_at_zero(bench: Bench) -> None:
    rows = [r for r in _rows(_of_type(bench, BatchType.COMMITMENT)) if r.resource_id == "RIVRCK_1_GAS1"]
    told = {row.instruction_type: row.dot_mw for row in rows}
    assert told == {InstructionType.START_UP: 40.0, InstructionType.SHUT_DOWN: 0.0}


def test_about_two_batches_in_five_hold_nothing_for_the_plant(bench: Bench) -> None:
    batches = bench.batches()
    empty = [b for b in batches if not of_batch(b, bench.who(OPERATOR), "v8").instructions]
    assert 0.25 < len(empty) / len(batches) < 0.5


def test_visible_instruction_numbers_leave_gaps_and_grow(bench: Bench) -> None:
    batch = of_batch(_of_type(bench, BatchType.FIVE_MINUTE)[-1], bench.who(OPERATOR), "v8")
    numbers = [int(i.instruction_uid.removeprefix(f"{batch.batch_uid}-I")) for i in batch.instructions]
    assert numbers == sorted(set(numbers))
    assert numbers != list(range(numbers[0], numbers[0] + len(numbers)))


def test_trajectories_join_without_a_gap_and_in_order(bench: Bench) -> None:
    ends: dict[str, tuple[object, float]] = {}
    for entry in bench.market.trajectories:
        batch = entry.full()
        for resource in bench.fleet.resources:
            points = [p for p in batch.dops if p.resource_id == resource.resource_id]
            keys = [(p.target_time, p.sequence_number) for p in points]
            assert keys == sorted(keys)
            if resource.resource_id in ends:
                assert points[0].target_time == ends[resource.resource_id][0]
            ends[resource.resource_id] = (points[-1].target_time, points[-1].dop_mw)


def test_the_trajectory_ends_at_the_dot_of_its_interval(bench: Bench) -> None:
    entry = bench.market.newest(BatchType.FIVE_MINUTE, "SUNRDG_7_SOLAR1")
    assert entry is not None
    dot = next(i for i in entry.full().instructions if i.resource_id == "SUNRDG_7_SOLAR1")
    last = list(bench.market.trajectories)[-1].full()
    end = [p for p in last.dops if p.resource_id == "SUNRDG_7_SOLAR1"][-1]
    assert (end.target_time, end.dop_mw) == (dot.start_time, dot.dot_mw)


def test_compliance_covers_each_ended_interval_once(bench: Bench) -> None:
    starts = [
        c.start_time
        for entry in bench.market.trajectories
        for c in entry.full().compliance
        if c.resource_id == "SUNRDG_7_SOLAR1"
    ]
    assert len(set(starts)) == len(starts) >= 287
    first = next(iter(bench.market.trajectories)).full()
    assert first.compliance[0].start_time + timedelta(minutes=5) <= first.batch_received
    assert {c.compl_flag for entry in bench.market.trajectories for c in entry.full().compliance} == {"Y", "N"}


def test_instruction_status_follows_the_batch_by_switch() -> None:
    batches = Bench(instruction_status="batch").batches()
    assert all(i.status_code == b.batch_status for b in batches if b.batch_type == 0 for i in b.instructions)
