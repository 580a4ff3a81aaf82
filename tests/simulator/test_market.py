from __future__ import annotations

from datetime import timedelta

import pytest

from caiso_ads.core.codes import BatchStatus, BatchType
from caiso_ads.simulator.ledger import CHANGE
from caiso_ads.simulator.uids import ticks_of
from tests.simulator.bench import NOON, Bench, told


def test_a_day_of_history_is_there_at_the_start() -> None:
    bench = Bench()
    assert 770 <= len(bench.market.dispatches) <= 840
    assert 287 <= len(bench.market.trajectories) <= 289
    oldest = next(iter(bench.market.dispatches))
    assert NOON - timedelta(hours=24) <= oldest.received < NOON - timedelta(hours=23, minutes=50)


def test_nothing_older_than_a_day_is_kept_and_nothing_is_lost_at_the_new_end() -> None:
    bench = Bench()
    before = len(bench.market.dispatches)
    bench.move(6 * 3600)
    entries = list(bench.market.dispatches)
    assert abs(len(entries) - before) < 40
    assert entries[0].received >= bench.clock.now().wall - timedelta(hours=24)
    assert entries[-1].received > bench.clock.now().wall - timedelta(minutes=5)


def test_the_same_seed_gives_the_same_market_however_time_moved() -> None:
    one, other = Bench(), Bench()
    for _ in range(120):
        one.move(30)
    other.move(3600)
    assert one.batches() == other.batches()
    assert [e.full() for e in one.market.trajectories] == [e.full() for e in other.market.trajectories]


def test_another_seed_gives_another_market() -> None:
    one, other = Bench(seed=1), Bench(seed=2)
    assert {e.uid for e in one.market.dispatches}.isdisjoint(e.uid for e in other.market.dispatches)


def test_a_market_started_later_agrees_with_one_started_earlier() -> None:
    early, late = Bench(), Bench(NOON + timedelta(hours=2))
    early.move(7200)
    assert [e.uid for e in early.market.dispatches] == [e.uid for e in late.market.dispatches]


def test_time_based_identifiers_grow_with_arrival_and_random_ones_do_not() -> None:
    ticks = [ticks_of(entry.uid) for entry in Bench().market.dispatches]
    assert ticks == sorted(ticks)
    shuffled = [entry.uid for entry in Bench(uid_mode="random").market.dispatches]
    assert shuffled != sorted(shuffled)
    assert len(set(shuffled)) == len(shuffled)


def test_everything_issued_is_in_the_ledger_in_order() -> None:
    bench = Bench()
    bench.move(3600)
    assert [e.uid for e in bench.market.dispatches] == bench.ledger.issued("DISP-")[-len(bench.market.dispatches) :]
    assert len(bench.ledger.issued("TRAJ-")) >= len(bench.market.trajectories)


def test_a_revision_bumps_both_numbers_and_moves_supp() -> None:
    bench = Bench()
    entry = bench.market.newest(BatchType.FIVE_MINUTE, "SUNRDG_7_SOLAR1")
    assert entry is not None
    before = told(entry.full(), "SUNRDG_7_SOLAR1")
    bench.market.revise(entry.uid, "SUNRDG_7_SOLAR1", 12.5)
    after = told(bench.batch(entry.uid), "SUNRDG_7_SOLAR1")
    assert (after.dot_mw, after.accept_dot_mw, after.revision_number) == (12.5, 12.5, 1)
    mw = {d.service_type: d.mw or 0.0 for d in after.detail}
    assert mw["RMPS"] + mw["SUPP"] == pytest.approx(12.5, abs=0.011)
    assert entry.header.revision_no == 1
    assert before.revision_number == 0
    untouched = told(bench.batch(entry.uid), "WNDPAS_2_WIND1")
    assert untouched.revision_number == 0
    assert [record.uid for record in bench.ledger.of(CHANGE)][-1] == entry.uid


def test_a_changed_batch_is_listed_again_only_by_switch() -> None:
    for relist, expected in ((False, 0), (True, 1)):
        bench = Bench(relist_changed=relist)
        newest = list(bench.market.dispatches)[-1].uid
        entry = bench.market.newest()
        assert entry is not None
        bench.market.revise(entry.uid, "SUNRDG_7_SOLAR1", 1.0)
        found = bench.market.dispatches.since(newest)
        assert found is not None
        assert len(found) == expected


@pytest.mark.parametrize(("instructions_too", "code"), [(True, 4), (False, 0)])
def test_an_emergency_cancel_ends_the_batch_and_by_switch_its_instructions(instructions_too: bool, code: int) -> None:  # noqa: FBT001 - one of the two cases
    bench = Bench(cancel_instructions=instructions_too)
    entry = bench.market.newest()
    assert entry is not None
    bench.market.cancel(entry.uid)
    batch = bench.batch(entry.uid)
    assert batch.batch_status is BatchStatus.EMERGENCY_CANCELLED
    assert batch.revision_no == 1
    assert {int(i.status_code) for i in batch.instructions} == {code}


def test_a_deferred_batch_says_so() -> None:
    bench = Bench()
    entry = bench.market.newest()
    assert entry is not None
    bench.market.defer(entry.uid)
    assert entry.header.batch_status is BatchStatus.DEFERRED


def test_any_batch_type_can_be_issued() -> None:
    bench = Bench()
    uid = bench.market.issue(
        {"batch_type": BatchType(99)}, [{"resource_id": "WNDPAS_2_WIND1", "instruction_type": 0, "dot_mw": 3.0}]
    )
    batch = bench.batch(uid)
    assert batch.batch_type == 99
    assert batch.instructions[0].instruction_uid.startswith(f"{uid}-I")
    assert list(bench.market.dispatches)[-1].uid == uid


def test_changing_what_is_not_kept_is_refused() -> None:
    bench = Bench()
    for act in (bench.market.cancel, bench.market.defer):
        with pytest.raises(KeyError, match="DISP-0"):
            act("DISP-0")
    with pytest.raises(KeyError, match="DISP-0"):
        bench.market.revise("DISP-0", "SUNRDG_7_SOLAR1", 1.0)
