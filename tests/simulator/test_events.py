from __future__ import annotations

from datetime import timedelta

import pytest

from caiso_ads.core.codes import BatchStatus, BatchType, DispatchMode, InstructionType, ReasonCode
from caiso_ads.core.price import Market
from caiso_ads.simulator import events
from caiso_ads.simulator.faults import Faults
from caiso_ads.simulator.scenario import load, read
from caiso_ads.simulator.switches import Switches
from tests.simulator.bench import NOON, Bench, told


def _played(name: str, seconds: float) -> tuple[Bench, Faults]:
    bench, faults = Bench(), Faults()
    events.play(load(name), bench.market, faults)
    bench.move(seconds)
    return bench, faults


def test_contingency_issues_a_dispatch_with_its_kind_and_spinning_part() -> None:
    bench, _ = _played("contingency", 61)
    batch = next(b for b in bench.batches() if b.dispatch_mode is DispatchMode.CONTINGENCY)
    assert (batch.contingency_type, batch.path_exclusion) == ("RTCD", "NTE")
    row = batch.instructions[0]
    mw = {d.service_type: d.mw or 0.0 for d in row.detail}
    assert row.dot_mw == 60.0
    assert mw["SPIN"] > 0
    assert mw["RMPS"] + mw["SUPP"] + mw["SPIN"] == pytest.approx(60.0, abs=0.011)
    assert row.start_time == NOON + timedelta(seconds=60 + 150)


def test_emergency_cancel_hits_the_newest_batch() -> None:
    bench, _ = _played("emergency-cancel", 61)
    cancelled = [b for b in bench.batches() if b.batch_status is BatchStatus.EMERGENCY_CANCELLED]
    assert len(cancelled) == 1
    assert cancelled[0].batch_type is BatchType.FIVE_MINUTE


def test_revisions_change_the_newest_dot() -> None:
    bench, _ = _played("revisions", 61)
    entry = bench.market.newest(BatchType.FIVE_MINUTE, "BATFLD_6_STOR1")
    assert entry is not None
    assert entry.header.revision_no == 2
    assert told(entry.full(), "BATFLD_6_STOR1").revision_number == 1


def test_market_outage_is_late_then_silent_then_without_trajectories() -> None:
    bench, _ = _played("market-outage", 5 * 3600)
    start = NOON + timedelta(hours=1)
    silent = [e for e in bench.market.dispatches if start <= e.received < start + timedelta(hours=2)]
    assert [e for e in silent if e.received > start + timedelta(seconds=130)] == []
    later = [e.received for e in bench.market.trajectories if e.received > NOON + timedelta(hours=4, seconds=2)]
    assert later == []


def test_every_type_of_batch_can_be_played() -> None:
    bench, _ = _played("every-type", 61)
    types = {int(b.batch_type) for b in bench.batches()}
    assert types >= {0, 1, 2, 3, 4, 5, 10, 12, 99}
    transition = next(
        i for b in bench.batches() for i in b.instructions if i.instruction_type is InstructionType.MSG_TRANSITION
    )
    assert (transition.transition_from_config_id, transition.transition_to_config_id) == ("RIVRCK_1X1", "RIVRCK_2X1")


def test_faults_are_armed_at_their_second() -> None:
    bench, faults = _played("bad-server", 19)
    assert list(faults) == []
    bench.move(2)
    assert [fault.kind for fault in faults] == ["http-500"]
    bench.move(600)
    assert len(list(faults)) == 12


def test_an_event_without_its_target_does_nothing() -> None:
    from caiso_ads.simulator.scenario import Cancel, Issue, Revise, Scenario

    bench = Bench()
    story = Scenario(
        events=(
            Cancel(at_s=1, batch_type=77),
            Revise(at_s=1, resource="NOT_THERE", add_mw=1.0),
            Issue(at_s=1, batch_type=12, resource="NOT_THERE"),
        )
    )
    events.play(story, bench.market, Faults())
    bench.move(2)
    test = bench.market.newest(12)
    assert test is not None
    assert test.full().instructions == ()


def test_corrections_of_prices_are_for_the_price_service_alone() -> None:
    bench, faults = _played("price-corrections", 601)
    assert len(bench.batches()) == len(_played("quiet-day", 601)[0].batches())
    assert list(faults) == []
    first, second = events.price_changes(load("price-corrections"), NOON)
    assert (first.start, first.end) == (NOON + timedelta(seconds=120 - 7200), NOON + timedelta(seconds=120 - 3600))
    assert (first.at, first.announced) == (NOON + timedelta(seconds=120), NOON + timedelta(seconds=180))
    assert (first.node, second.node, second.add_usd_per_mwh) == ("", "SUNRDG_7_N001", -1.5)
    assert second.end - second.start == timedelta(minutes=15)


def test_late_prices_are_for_the_price_service_alone() -> None:
    bench, _ = _played("late-prices", 601)
    assert len(bench.batches()) == len(_played("quiet-day", 601)[0].batches())
    first, second = events.price_delays(load("late-prices"), NOON)
    assert (first.start, first.end - first.start) == (NOON + timedelta(seconds=600), timedelta(seconds=900))
    assert (first.market, first.by, second.by) == (Market.RTD, timedelta(seconds=240), timedelta(seconds=3600))


def test_hourly_instructions_of_a_story_take_answers_and_end_as_all_do() -> None:
    story, faults = load("hourly-answers"), Faults()
    bench = Bench(hourly_participant_s=story.apply_switches(Switches()).hourly_participant_s)
    events.play(story, bench.market, faults)
    bench.move(16)
    entry = bench.market.newest(BatchType.HOURLY_PRE_DISPATCH)
    assert entry is not None
    first = entry.full()
    assert first.batch_status is BatchStatus.ACTIVE
    assert (first.start_time, first.batch_expires) == (NOON + timedelta(minutes=59), NOON + timedelta(seconds=315))
    row = first.instructions[0]
    assert (row.dot_mw, row.min_accept_mw, row.accept_status) == (40.0, 20.0, None)
    assert row.end_time == first.start_time + timedelta(hours=1)
    bench.move(105)
    assert told(entry.full(), "NORTIE_5_IMPRT1").dot_mw == 35.0
    bench.move(210)
    timed_out = entry.full()
    assert timed_out.batch_status is BatchStatus.OPERATOR_RESPONSE_PERIOD
    assert timed_out.instructions[0].reason_code is ReasonCode.TIMED_OUT_MINIMUM_ACCEPTED
    assert [fault.kind for fault in faults] == ["lost-answer"]
    bench.move(340)
    later = bench.market.newest(BatchType.HOURLY_PRE_DISPATCH)
    assert later is not None
    assert later.uid != entry.uid
    bench.move(301)
    assert later.full().instructions[0].reason_code is ReasonCode.TIMED_OUT_FORCED_DECLINE


def test_a_story_that_repeats_does_everything_anew() -> None:
    text = 'again_s = 600\n[[event]]\naction = "issue"\nat_s = 30\nbatch_type = 12\nresource = "STNLKE_7_HYDRO1"\n'
    bench, faults = Bench(), Faults()
    events.play(read(text, file="told.toml", name="told"), bench.market, faults)
    bench.move(31)
    assert sum(b.batch_type is BatchType.UNANNOUNCED_AS_TEST for b in bench.batches()) == 1
    bench.move(1200)
    assert sum(b.batch_type is BatchType.UNANNOUNCED_AS_TEST for b in bench.batches()) == 3


def test_a_fault_for_a_time_ends_by_itself_however_often_it_hit() -> None:
    text = '[[event]]\naction = "fault"\nat_s = 10\nkind = "reset"\nfor_s = 90\n'
    bench, faults = Bench(), Faults()
    events.play(read(text, file="told.toml", name="told"), bench.market, faults)
    bench.move(11)
    assert all(faults.take("getDispatchBatchesSinceUID") for _ in range(5))
    bench.move(90)
    assert faults.take("getDispatchBatchesSinceUID") is None


def test_what_the_market_wants_is_in_its_batches_and_over_at_its_end() -> None:
    text = '[[event]]\naction = "want"\nat_s = 0\nfor_s = 900\nresource = "BATFLD_6_STOR1"\nmw = -55.0\n'
    bench, faults = Bench(), Faults()
    events.play(read(text, file="told.toml", name="told"), bench.market, faults)
    bench.move(1500)
    found = {
        row.start_time: row.dot_mw
        for b in bench.batches()
        if b.batch_type is BatchType.FIVE_MINUTE
        for row in b.instructions
        if row.resource_id == "BATFLD_6_STOR1" and row.start_time is not None and row.start_time > NOON
    }
    wanted = [mw for at, mw in sorted(found.items()) if at < NOON + timedelta(seconds=900)]
    assert wanted[1:] == [-55.0] * 2
    assert -55.0 not in [mw for at, mw in found.items() if at > NOON + timedelta(seconds=1200)]
