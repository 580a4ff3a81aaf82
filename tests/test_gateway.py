"""The loop against a scripted ISO: ordering, durability before acknowledgement, and every way a cycle can fail."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from caiso_ads.core.codes import BatchStatus, BatchType
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.errors import (
    HttpStatusError,
    RemoteError,
    SoapFaultError,
    TlsError,
    TlsReason,
    UnreachableError,
    WireError,
)
from caiso_ads.wire.payload import BadItem
from tests.fakes import START, ScriptedSource, batch, trajectory
from tests.rig import FLAT, Rig


async def test_a_batch_is_stored_then_seen_then_acknowledged() -> None:
    rig = Rig()
    rig.source.batches = [batch("A", dots={"R1": 5.0})]

    async def check(operation: str, uid: str) -> None:
        if operation == "validate":
            assert uid in rig.store.batches
            assert rig.gateway.feed.latest.value("R1", "dot_mw").value == 5.0

    rig.source.on_call = check
    await rig.gateway.poll_once()
    assert rig.validated() == []
    await rig.acknowledge()
    assert rig.validated() == ["A"]
    assert rig.store.settled == [(1, "sent", True)]


async def test_every_batch_of_an_unsorted_list_is_fetched_and_committed_in_list_order() -> None:
    rig = Rig()
    uids = [f"Z{(number * 37) % 101:03d}" for number in range(60)]
    rig.source.batches = [batch(uid) for uid in uids]
    finish = {uid: asyncio.Event() for uid in uids}

    async def late_first(operation: str, uid: str) -> None:
        if operation == "batch" and uids.index(uid) % 8 != 7:
            await finish[uid].wait()
        elif operation == "batch":
            for earlier in reversed(uids[: uids.index(uid) + 9]):
                finish[earlier].set()

    rig.source.on_call = late_first
    for uid in uids[56:]:
        finish[uid].set()
    await rig.gateway.poll_once()
    assert [uid for what, uid in rig.store.log if what == "batch"] == uids
    assert rig.store.position.dispatch_uid == uids[-1]


async def test_the_two_cursors_are_kept_apart() -> None:
    rig = Rig()
    rig.source.batches = [batch("D1")]
    rig.source.trajectories = [trajectory("T1", FLAT)]
    await rig.gateway.poll_once()
    rig.source.calls.clear()
    await rig.gateway.poll_once()
    assert ("is_new", "T1") in rig.source.calls
    assert ("list", "D1") in rig.source.calls


async def test_good_needs_a_complete_poll_of_both_streams() -> None:
    rig = Rig()
    rig.source.batches = [batch("M")]
    rig.source.trajectories = [trajectory("T1", FLAT)]
    rig.source.fail["list"] = UnreachableError("no route")
    await rig.gateway.poll_once()
    assert rig.gateway.feed.latest.value("R1", "setpoint_mw").value == 80.0
    assert rig.quality() is Quality.INIT
    del rig.source.fail["list"]
    await rig.gateway.poll_once()
    assert rig.quality() is Quality.GOOD
    assert rig.directive() is Directive.FOLLOW


async def test_a_batch_that_cannot_be_decoded_is_kept_not_acknowledged_and_stops_nobody() -> None:
    rig = Rig()
    rig.source.batches = [batch("A"), batch("B"), batch("C")]
    rig.source.bodies = {"B": WireError("not a number", where="DispatchBatch/instructions[0]/dot")}
    await rig.gateway.poll_once()
    await rig.acknowledge()
    assert list(rig.store.batches) == ["A", "B", "C"]
    assert rig.validated() == ["A", "C"]
    assert rig.gateway.feed.latest.gateway_value("unreadable_batches").value == 1
    assert not rig.gateway.state.unread  # C was read after it


async def test_after_an_unreadable_batch_nothing_is_followed_until_a_later_one_is_read() -> None:
    rig = Rig()
    rig.source.trajectories = [trajectory("T", FLAT)]
    rig.source.batches = [batch("A"), batch("B")]
    rig.source.bodies = {"B": WireError("not a number")}
    await rig.gateway.poll_once()
    assert (rig.directive(), rig.quality()) == (Directive.HOLD, Quality.UNCERTAIN)
    rig.source.batches.append(batch("C"))
    await rig.gateway.poll_once()
    assert rig.directive() is Directive.FOLLOW


async def test_one_unreadable_item_of_a_list_does_not_lose_its_neighbours() -> None:
    rig = Rig()
    rig.source.batches = [batch("A"), BadItem(None, WireError("no batchUID")), batch("C")]
    await rig.gateway.poll_once()
    assert list(rig.store.batches) == ["A", "C"]
    assert len(rig.store.lists) == 1


async def test_an_unreadable_item_with_a_uid_is_fetched_by_it() -> None:
    rig = Rig()
    rig.source.batches = [BadItem("B", WireError("startTime"))]
    rig.source.bodies = {"B": batch("B")}
    await rig.gateway.poll_once()
    assert list(rig.store.batches) == ["B"]


async def test_a_transport_failure_in_the_middle_keeps_what_came_before_and_nothing_after() -> None:
    rig = Rig()
    rig.source.batches = [batch("A"), batch("B"), batch("C")]
    rig.source.fail["batch B"] = UnreachableError("reset")
    await rig.gateway.poll_once()
    assert list(rig.store.batches) == ["A"]
    assert rig.store.position.dispatch_uid == "A"
    rig.source.fail.clear()
    await rig.gateway.poll_once()
    assert list(rig.store.batches) == ["A", "B", "C"]


async def test_a_batch_the_iso_refuses_three_times_is_kept_as_unreadable_and_the_rest_goes_on() -> None:
    rig = Rig()
    rig.source.batches = [batch("A"), batch("B"), batch("C")]
    rig.source.fail["batch B"] = SoapFaultError("Server", "no such batch")
    for _ in range(3):
        await rig.gateway.poll_once()
    assert list(rig.store.batches) == ["A", "B", "C"]
    assert isinstance(rig.store.batches["B"].content, WireError)
    await rig.acknowledge()
    assert rig.validated() == ["A", "C"]


async def test_a_store_that_cannot_write_stops_folding_and_acknowledging_and_heals_by_itself() -> None:
    rig = Rig()
    rig.source.trajectories = [trajectory("T1", FLAT)]
    await rig.gateway.poll_once()
    rig.store.broken = True
    rig.source.batches = [batch("A", dots={"R1": 5.0})]
    await rig.gateway.poll_once()
    assert rig.gateway.feed.latest.value("R1", "dot_mw").value is None
    assert rig.quality() is Quality.UNCERTAIN
    assert rig.gateway.feed.latest.gateway_value("store_ok").value == 0
    rig.store.broken = False
    await rig.gateway.poll_once()
    assert rig.quality() is Quality.GOOD
    assert list(rig.store.batches) == ["A"]


@pytest.mark.parametrize(
    "error",
    [
        UnreachableError("refused"), SoapFaultError("Server", "boom"), HttpStatusError(503), WireError("cut"),
        TlsError(TlsReason.OWN_CERTIFICATE), TlsError(TlsReason.EXPIRED),
    ],
)  # fmt: skip
async def test_instant_errors_cause_at_most_seven_calls_of_an_operation_in_any_minute(error: RemoteError) -> None:
    rig = Rig()
    rig.source.fail = dict.fromkeys(("list", "trajectories", "is_new"), error)
    times: list[float] = []

    async def note(operation: str, _uid: str) -> None:
        if operation == "trajectories":
            times.append(rig.clock.now().mono)

    rig.source.on_call = note
    poller = asyncio.create_task(rig.gateway._poll_forever())
    await rig.clock.advance(600.0)
    poller.cancel()
    assert len(times) > 8
    assert max(sum(1 for other in times if when <= other < when + 60.0) for when in times) <= 7


async def test_retry_after_is_obeyed_up_to_a_minute() -> None:
    rig = Rig()
    rig.source.fail["trajectories"] = HttpStatusError(503, retry_after_s=45.0)
    assert await rig.gateway.poll_once() >= 40.0
    rig.source.fail["trajectories"] = HttpStatusError(503, retry_after_s=86_400.0)
    assert await rig.gateway.poll_once() <= 66.0


async def test_a_refused_cursor_is_answered_by_reading_the_whole_cache_once() -> None:
    rig = Rig()
    rig.source.batches = [batch("A"), batch("B")]
    await rig.gateway.poll_once()
    rig.source.batches.append(batch("C"))

    async def forget(operation: str, uid: str) -> None:
        if operation == "list" and uid != "-1":
            raise SoapFaultError("Client", "unknown batch")

    rig.source.on_call = forget
    rig.source.calls.clear()
    await rig.gateway.poll_once()
    assert [call for call in rig.source.calls if call[0] == "list"] == [("list", "B"), ("list", "-1")]
    assert [call for call in rig.source.calls if call[0] == "batch"] == [("batch", "C")]
    rig.source.calls.clear()
    await rig.gateway.poll_once()
    assert ("list", "-1") not in rig.source.calls


async def test_a_cursor_that_answers_nothing_for_half_an_hour_is_not_trusted() -> None:
    rig = Rig()
    rig.source.batches = [batch("A")]
    await rig.gateway.poll_once()
    await rig.clock.advance(1801.0)
    rig.source.calls.clear()
    await rig.gateway.poll_once()
    assert ("list", "-1") in rig.source.calls


async def test_the_trajectory_is_fetched_every_five_minutes_whatever_the_flag_says() -> None:
    rig = Rig()
    await rig.gateway.poll_once()
    rig.source.calls.clear()
    await rig.gateway.poll_once()
    assert [operation for operation, _ in rig.source.calls].count("trajectories") == 0
    await rig.clock.advance(300.0)
    await rig.gateway.poll_once()
    assert [operation for operation, _ in rig.source.calls].count("trajectories") == 1


async def test_a_silent_revision_is_found_by_rechecking_and_shown() -> None:
    rig = Rig()
    rig.source.batches = [batch("A", dots={"R1": 5.0})]
    await rig.gateway.poll_once()
    rig.source.bodies = {"A": batch("A", dots={"R1": 9.0}, revision=1)}
    await rig.gateway.poll_once()
    assert rig.gateway.feed.latest.value("R1", "dot_mw").value == 9.0
    assert ("recheck", "A") in rig.store.log


async def test_an_emergency_cancel_is_found_within_a_cycle() -> None:
    rig = Rig()
    rig.source.batches = [batch("A", dots={"R1": 5.0})]
    await rig.gateway.poll_once()
    rig.source.bodies = {"A": batch("A", dots={"R1": 5.0}, revision=1, status=BatchStatus.EMERGENCY_CANCELLED)}
    await rig.gateway.poll_once()
    assert rig.gateway.feed.latest.value("R1", "dot_mw").value is None


async def test_rechecking_that_fails_with_a_fault_does_not_fail_the_cycle() -> None:
    rig = Rig()
    rig.source.trajectories = [trajectory("T1", FLAT)]
    rig.source.batches = [batch("A", dots={"R1": 5.0})]
    rig.source.fail["header"] = SoapFaultError("Client", "unknown batch")
    await rig.gateway.poll_once()
    await rig.gateway.poll_once()
    assert rig.quality() is Quality.GOOD


async def test_an_unreadable_revision_is_kept_and_the_old_target_stays() -> None:
    rig = Rig()
    rig.source.batches = [batch("A", dots={"R1": 5.0})]
    await rig.gateway.poll_once()
    rig.source.bodies = {"A": batch("A", dots={"R1": 5.0}, revision=1)}

    async def spoil(operation: str, uid: str) -> None:
        if operation == "batch":
            rig.source.bodies = {"A": WireError("cut short")}

    rig.source.on_call = spoil
    await rig.gateway.poll_once()
    assert rig.gateway.feed.latest.value("R1", "dot_mw").value == 5.0
    assert rig.gateway.feed.latest.gateway_value("unreadable_batches").value == 1


async def test_after_a_restart_values_come_back_restored_and_the_acknowledgement_is_caught_up() -> None:
    first = Rig()
    first.source.trajectories = [trajectory("T1", FLAT)]
    first.source.batches = [batch("A", dots={"R1": 5.0})]
    await first.gateway.poll_once()
    second = Rig(store=first.store)
    second.source.batches, second.source.trajectories = first.source.batches, first.source.trajectories
    await second.gateway.restore()
    assert second.gateway.feed.latest.value("R1", "setpoint_mw").value == 80.0
    assert second.quality() is Quality.INIT
    assert second.directive() is Directive.NO_DATA
    await second.acknowledge()
    assert second.validated() == ["A"]
    await second.gateway.poll_once()
    assert [call for call in second.source.calls if call[0] == "batch"] == []
    assert second.directive() is Directive.FOLLOW


async def test_the_heartbeat_beats_once_a_second_and_the_setpoint_moves_with_no_event() -> None:
    rig = Rig()
    ramp = {"R1": [(START, 0.0), (START + timedelta(seconds=100), 100.0)]}
    rig.source.trajectories = [trajectory("T1", ramp)]
    running = asyncio.create_task(rig.gateway.run())
    await rig.clock.advance(5.0)
    before = rig.gateway.feed.latest
    await rig.clock.advance(10.0)
    after = rig.gateway.feed.latest
    beats = [shot.gateway_value("heartbeat").value for shot in (before, after)]
    assert beats == [5, 15]
    assert after.value("R1", "setpoint_mw").value == 15.0
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert rig.quality() is Quality.SHUTDOWN


async def test_an_unexpected_exception_ends_the_gateway_and_is_not_swallowed() -> None:
    rig = Rig()
    rig.source.fail["trajectories"] = ZeroDivisionError("a defect")
    with pytest.raises(ExceptionGroup) as caught:
        await rig.gateway.run()
    assert caught.group_contains(ZeroDivisionError)
    assert rig.quality() is Quality.SHUTDOWN


async def test_an_unreadable_list_and_an_unreadable_trajectory_are_kept() -> None:
    rig = Rig()

    async def answer(_uid: str) -> object:
        return replace(await ScriptedSource.list_since(rig.source, "-1"), content=WireError("not XML"))

    rig.source.list_since = answer  # type: ignore[method-assign,assignment]  # a script of one answer
    await rig.gateway.poll_once()
    assert len(rig.store.lists) == 1
    assert rig.quality() is Quality.INIT


async def test_a_trajectory_list_with_one_bad_item_gives_the_others() -> None:
    rig = Rig()
    rig.source.trajectories = [BadItem("T0", WireError("dop")), trajectory("T1", FLAT)]
    await rig.gateway.poll_once()
    assert rig.gateway.feed.latest.value("R1", "setpoint_mw").value == 80.0
    assert rig.gateway.feed.latest.gateway_value("unreadable_batches").value == 1


async def test_batches_without_visible_instructions_move_the_cursor_and_nothing_else() -> None:
    rig = Rig()
    rig.source.trajectories = [trajectory("T1", FLAT)]
    rig.source.batches = [batch("M"), *(batch(f"E{n}", batch_type=BatchType.COMMITMENT) for n in range(20))]
    await rig.gateway.poll_once()
    assert rig.store.position.dispatch_uid == "E19"
    assert rig.quality() is Quality.GOOD


async def test_what_the_tables_do_not_know_is_kept_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    rig.source.batches = [batch(uid, dots={"ALIEN": 1.0}, batch_type=BatchType(99)) for uid in ("A", "B", "C")]
    await rig.gateway.poll_once()
    told = [record.getMessage() for record in caplog.records]
    assert sum("ALIEN" in text for text in told) == 1
    assert sum("batchType 99" in text for text in told) == 1
    assert list(rig.store.batches) == ["A", "B", "C"]


async def test_a_curve_that_cannot_be_read_is_kept_and_the_cycle_is_not_complete_although_dispatch_goes_on() -> None:
    rig = Rig()
    rig.source.trajectories = [trajectory("T1", FLAT)]
    rig.source.batches = [batch("M")]
    await rig.gateway.poll_once()
    rig.source.batches.append(batch("N"))
    rig.source.trajectories.append(trajectory("T2", FLAT))
    good = rig.source.fetch_trajectories

    async def spoilt(uid: str) -> object:
        return replace(await good(uid), content=WireError("bad gzip"))

    rig.source.fetch_trajectories = spoilt  # type: ignore[method-assign,assignment]  # the ISO's fault
    await rig.clock.advance(31.0)
    await rig.gateway.poll_once()
    assert list(rig.store.batches) == ["M", "N"]
    assert ("trajectories", "T1") in rig.store.log
    assert rig.quality() is Quality.UNCERTAIN
    assert rig.directive() is Directive.HOLD
