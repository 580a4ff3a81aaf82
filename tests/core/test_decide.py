from __future__ import annotations

from datetime import timedelta

from caiso_ads.core import happenings as facts
from caiso_ads.core.codes import BatchStatus, BatchType
from caiso_ads.core.decide import Queued, recheck, retry_delay_s, sendable
from caiso_ads.core.directive import Environment
from caiso_ads.core.instant import Instant
from caiso_ads.core.model import DispatchBatch
from caiso_ads.core.resource import Resource
from caiso_ads.core.state import State, fold, initial
from tests.fakes import START, batch

NOW = Instant(START, 1000.0)


def seen(*batches: DispatchBatch) -> State:
    state = initial({"R1": Resource("R1", "one", 0.0, 200.0)}, Environment.PRODUCTION)
    for item in batches:
        state = fold(state, facts.BatchSeen(item, NOW))
    return state


def test_an_open_hourly_batch_is_rechecked_each_cycle() -> None:
    hourly = batch(
        "H", batch_type=BatchType.HOURLY_PRE_DISPATCH, status=BatchStatus.ACTIVE, start=START + timedelta(hours=1)
    )
    state = fold(seen(hourly), facts.BatchChecked("H", NOW))
    assert recheck(state, NOW.plus(1)) == ("H",)


def test_the_batch_that_governs_now_is_rechecked_although_it_arrived_closed() -> None:
    assert recheck(seen(batch("D", dots={"R1": 5.0})), NOW.plus(10)) == ("D",)


def test_a_past_batch_is_not_rechecked() -> None:
    assert recheck(seen(batch("D", dots={"R1": 5.0})), NOW.plus(301)) == ()


def test_urgent_batches_come_first_then_the_others_in_rotation_within_the_budget() -> None:
    later = [batch(f"L{n}", start=START + timedelta(minutes=20)) for n in range(9)]
    state = seen(*later, batch("D", dots={"R1": 5.0}))
    asked: list[str] = []
    for cycle in range(3):
        uids = recheck(state, NOW.plus(10 * cycle))
        assert len(uids) <= 5
        assert uids[0] == "D"
        for uid in uids:
            state = fold(state, facts.BatchChecked(uid, NOW.plus(10 * cycle + 1)))
        asked += uids
    assert set(asked) == {"D", *(f"L{n}" for n in range(9))}


def queued(number: int, generation: int, not_before: float = 0.0) -> Queued:
    return Queued(number, f"D{number}", generation, 0, not_before, 1e9)


def test_nothing_is_sent_before_its_cause_is_published() -> None:
    queue = [queued(1, 4), queued(2, 5), queued(3, 6)]
    assert [item.intent_id for item in sendable(queue, published=5, serving=True, now=NOW)] == [1, 2]


def test_nothing_is_sent_while_a_required_sink_is_not_serving() -> None:
    assert sendable([queued(1, 1)], published=9, serving=False, now=NOW) == ()


def test_a_failed_intent_waits_for_its_time() -> None:
    assert sendable([queued(1, 1, 1000.1)], published=9, serving=True, now=NOW) == ()
    assert sendable([queued(1, 1, 1000.0)], published=9, serving=True, now=NOW) != ()


def test_retries_slow_down_to_a_minute() -> None:
    assert [retry_delay_s(attempts) for attempts in (1, 2, 3, 4, 50)] == [10.0, 20.0, 40.0, 60.0, 60.0]


def test_an_exceptional_dispatch_that_began_hours_ago_is_rechecked_while_it_holds() -> None:
    began = START - timedelta(hours=5)
    one = batch("E", dots={"R1": 5.0}, start=began, batch_type=BatchType.OUT_OF_SEQUENCE)
    state = seen(one)
    assert recheck(state, NOW.plus(599)) == ("E",)
    assert recheck(state, NOW.plus(601)) == ()


def test_an_older_revision_of_a_dispatch_that_began_hours_ago_does_not_bring_it_back() -> None:
    began = START - timedelta(hours=5)
    cancelled = batch(
        "E", dots={"R1": 5.0}, start=began, batch_type=BatchType.OUT_OF_SEQUENCE, revision=1,
        status=BatchStatus.EMERGENCY_CANCELLED,
    )  # fmt: skip
    older = batch("E", dots={"R1": 5.0}, start=began, batch_type=BatchType.OUT_OF_SEQUENCE)
    assert seen(cancelled, older) == seen(cancelled)
    assert seen(cancelled, older).resources["R1"].targets == ()
