from __future__ import annotations

import sqlite3
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from caiso_ads.core.codes import BatchStatus, InstructionType, ReasonCode
from caiso_ads.core.model import Instruction, InstructionDetail, TrajectoryBatch, Unknown
from caiso_ads.errors import StoreError, WireError
from caiso_ads.ports import Cursors, Receipt, Store
from caiso_ads.store.engine import connect_reader
from caiso_ads.store.sqlite import SqlStore
from caiso_ads.wire.payload import BadItem
from tests.store.making import (
    LATER,
    NOON,
    StillClock,
    a_batch,
    a_trajectory,
    answer,
    ask,
    bad_answer,
    trajectories,
)


async def reopened(store: SqlStore) -> SqlStore:
    await store.close()
    return await SqlStore.open(store.path, StillClock())


def test_it_is_a_store() -> None:
    def takes(_: type[Store]) -> None: ...

    takes(SqlStore)


async def test_an_empty_store_starts_both_streams_at_minus_one(store: SqlStore) -> None:
    assert await store.cursors() == Cursors("-1", "-1")
    history = await store.history(NOON)
    assert (history.batches, history.trajectories) == ([], [])
    assert list(await store.pending_intents()) == []


async def test_one_commit_holds_payload_rows_cursor_and_intent(store: SqlStore) -> None:
    receipt = answer(a_batch("DISP-7", resources=3))
    done = await store.record_batch(receipt, acknowledge=True)
    assert done.fresh
    assert done.intent is not None
    assert (done.intent.kind, done.intent.batch_uid) == ("validate", "DISP-7")
    store = await reopened(store)
    assert await store.cursors() == Cursors(dispatch_uid="DISP-7")
    assert list(await store.pending_intents()) == [done.intent]
    assert ask(store, "SELECT count(*) FROM v_instruction WHERE batch_uid = 'DISP-7'") == [(3,)]
    assert ask(store, "SELECT sha256 FROM v_payload") == [(sha256(receipt.payload).hexdigest(),)]
    assert (await store.history(NOON)).batches == [(receipt.content, NOON)]
    await store.close()


async def test_the_cursor_is_the_uid_exactly_as_listed(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch("DISP-1"), argument="  DISP-1 "), acknowledge=True)
    assert (await store.cursors()).dispatch_uid == "  DISP-1 "
    assert [intent.batch_uid for intent in await store.pending_intents()] == ["  DISP-1 "]
    assert ask(store, "SELECT uid FROM v_payload") == [("DISP-1",)]


async def test_the_same_content_again_makes_no_row_but_moves_the_cursor(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch("DISP-1")), acknowledge=True)
    await store.record_batch(answer(a_batch("DISP-2")), acknowledge=True)
    again = await store.record_batch(answer(a_batch("DISP-1"), at=LATER), acknowledge=True)
    assert not again.fresh
    assert again.intent is not None  # still open, so still to be sent; not a second one
    assert (await store.cursors()).dispatch_uid == "DISP-1"
    assert len(await store.pending_intents()) == 2
    assert ask(store, "SELECT uid, seen FROM v_payload ORDER BY payload") == [("DISP-1", 2), ("DISP-2", 1)]
    assert ask(store, "SELECT count(*) FROM batch") == [(2,)]


async def test_content_validated_before_is_not_validated_again(store: SqlStore) -> None:
    done = await store.record_batch(answer(a_batch()), acknowledge=True)
    assert done.intent is not None
    await store.settle_intent(done.intent.intent_id, result="ok", done=True, at=NOON)
    assert (await store.record_batch(answer(a_batch()), acknowledge=True)).intent is None


async def test_without_acknowledge_no_intent_is_made(store: SqlStore) -> None:
    assert (await store.record_batch(answer(a_batch()), acknowledge=False)).intent is None
    assert list(await store.pending_intents()) == []


async def test_a_higher_revision_replaces_the_effective_one_and_keeps_the_old(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch(revision=1, dot=10.0)), acknowledge=True)
    assert (await store.record_recheck(answer(a_batch(revision=2, dot=20.0)))).fresh
    history = await store.history(NOON)
    assert [batch.revision_no for batch, _ in history.batches] == [2]
    assert ask(store, "SELECT revision_no, effective, conflict FROM v_batch ORDER BY payload") == [(1, 0, 0), (2, 1, 0)]


async def test_an_older_revision_arriving_later_is_stored_but_not_effective(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch(revision=5)), acknowledge=True)
    assert (await store.record_recheck(answer(a_batch(revision=4)))).fresh
    assert [batch.revision_no for batch, _ in (await store.history(NOON)).batches] == [5]
    assert ask(store, "SELECT revision_no, effective FROM v_batch ORDER BY payload") == [(5, 1), (4, 0)]


async def test_two_contents_of_one_revision_are_both_kept_and_marked(store: SqlStore) -> None:
    assert not (await store.record_batch(answer(a_batch(dot=10.0)), acknowledge=True)).conflict
    assert not (await store.record_recheck(answer(a_batch(dot=10.0)))).conflict
    assert (await store.record_recheck(answer(a_batch(dot=11.0)))).conflict
    (found,) = (await store.history(NOON)).batches
    assert found[0].instructions[0].dot_mw == 11.0
    assert ask(store, "SELECT effective, conflict FROM v_batch ORDER BY payload") == [(0, 1), (1, 1)]


async def test_a_recheck_moves_no_cursor_and_makes_no_intent(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch("DISP-1")), acknowledge=False)
    await store.record_batch(answer(a_batch("DISP-2")), acknowledge=False)
    assert (await store.record_recheck(answer(a_batch("DISP-1", revision=3)))).intent is None
    assert (await store.cursors()).dispatch_uid == "DISP-2"
    assert list(await store.pending_intents()) == []


async def test_a_header_is_kept_but_never_hides_the_instructions(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch(revision=1)), acknowledge=False)
    header = replace(a_batch(revision=2), instructions=())
    await store.record_recheck(replace(answer(header), operation="getBatchHeader"))
    (found,) = (await store.history(NOON)).batches
    assert (found[0].revision_no, len(found[0].instructions)) == (1, 2)
    assert ask(store, "SELECT header_only, effective FROM v_batch ORDER BY payload") == [(0, 1), (1, 0)]


async def test_a_header_does_not_make_the_full_batch_a_conflict(store: SqlStore) -> None:
    full = a_batch(revision=2)
    await store.record_recheck(replace(answer(replace(full, instructions=())), operation="getBatchHeader"))
    await store.record_recheck(answer(full))
    assert ask(store, "SELECT effective, conflict FROM v_batch ORDER BY payload") == [(0, 0), (1, 0)]


async def test_an_undecodable_batch_is_kept_and_passed_by_without_an_intent(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch("DISP-1")), acknowledge=True)
    done = await store.record_batch(bad_answer("DISP-2"), acknowledge=True)
    assert (done.fresh, done.intent) == (True, None)
    assert (await store.cursors()).dispatch_uid == "DISP-2"
    assert [intent.batch_uid for intent in await store.pending_intents()] == ["DISP-1"]
    assert ask(store, "SELECT uid, body, error, error_where FROM v_payload WHERE error IS NOT NULL") == [
        ("DISP-2", b"<html>log in</html>", "not a batch", "html")
    ]
    assert len((await store.history(NOON)).batches) == 1


async def test_the_same_bad_answer_to_two_uids_is_kept_for_each(store: SqlStore) -> None:
    await store.record_batch(bad_answer("DISP-1"), acknowledge=True)
    assert (await store.record_batch(bad_answer("DISP-2"), acknowledge=True)).fresh
    assert not (await store.record_batch(bad_answer("DISP-2"), acknowledge=True)).fresh
    assert ask(store, "SELECT uid, seen FROM v_payload ORDER BY uid") == [("DISP-1", 1), ("DISP-2", 2)]


async def test_content_readable_only_now_gets_its_rows(store: SqlStore) -> None:
    """After an upgrade of the decoder the kept payload is recorded again with its content."""
    good = answer(a_batch("DISP-1"))
    await store.record_batch(replace(good, content=WireError("too new")), acknowledge=True)
    done = await store.record_batch(good, acknowledge=True)
    assert done.fresh
    assert done.intent is not None
    assert ask(store, "SELECT uid, error, seen FROM v_payload") == [("DISP-1", None, 2)]
    assert (await store.history(NOON)).batches == [(good.content, NOON)]


async def test_the_two_cursors_never_touch_each_other(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch("DISP-1")), acknowledge=True)
    await store.record_trajectories(trajectories(a_trajectory("TRAJ-1")))
    assert await store.cursors() == Cursors("DISP-1", "TRAJ-1")
    await store.record_trajectories(trajectories(a_trajectory("TRAJ-2")))
    assert await store.cursors() == Cursors("DISP-1", "TRAJ-2")
    assert [intent.batch_uid for intent in await store.pending_intents()] == ["DISP-1"]


async def test_the_database_refuses_a_cursor_on_a_payload_of_the_other_stream(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch("DISP-1")), acknowledge=True)
    with pytest.raises(StoreError, match="FOREIGN KEY"):
        await store._writer.run(lambda db: db.exec_driver_sql("INSERT INTO cursor VALUES (2, 'DISP-1', 1, 0)"))


async def test_readable_trajectories_are_stored_and_bad_ones_kept_with_their_error(store: SqlStore) -> None:
    bad, nameless = BadItem("TRAJ-2", WireError("no number", where="dop")), BadItem(None, WireError("no UID"))
    await store.record_trajectories(trajectories(a_trajectory("TRAJ-1"), bad, nameless))
    assert (await store.cursors()).trajectory_uid == "TRAJ-2"
    assert ask(store, "SELECT n, uid, error, error_where FROM bad_item") == [
        (1, "TRAJ-2", "no number", "dop"),
        (2, None, "no UID", ""),
    ]
    assert ask(store, "SELECT DISTINCT batch_uid FROM v_trajectory") == [("TRAJ-1",)]


async def test_a_wholly_unreadable_trajectory_answer_is_kept_once_and_moves_nothing(store: SqlStore) -> None:
    await store.record_trajectories(trajectories(a_trajectory("TRAJ-1")))
    broken: Receipt[tuple[TrajectoryBatch | BadItem, ...]] = Receipt(
        "getTrajectoryData", "TRAJ-1", b"%%%", LATER, WireError("not Base64")
    )
    assert (await store.record_trajectories(broken)).fresh
    assert not (await store.record_trajectories(broken)).fresh
    assert (await store.cursors()).trajectory_uid == "TRAJ-1"
    assert ask(store, "SELECT seen, error FROM v_payload WHERE error IS NOT NULL") == [(2, "not Base64")]


async def test_an_empty_trajectory_answer_moves_nothing(store: SqlStore) -> None:
    await store.record_trajectories(trajectories(a_trajectory("TRAJ-1")))
    await store.record_trajectories(trajectories(argument="TRAJ-1"))
    assert (await store.cursors()).trajectory_uid == "TRAJ-1"


async def test_a_trajectory_listed_again_in_another_answer_is_not_stored_twice(store: SqlStore) -> None:
    await store.record_trajectories(trajectories(a_trajectory("TRAJ-1"), a_trajectory("TRAJ-2")))
    await store.record_trajectories(trajectories(a_trajectory("TRAJ-2"), a_trajectory("TRAJ-3")))
    found = (await store.history(NOON)).trajectories
    assert found == [(a_trajectory(f"TRAJ-{n}"), NOON) for n in (1, 2, 3)]
    assert ask(store, "SELECT batch_uid, conflict FROM trajectory ORDER BY id") == [
        ("TRAJ-1", 0),
        ("TRAJ-2", 0),
        ("TRAJ-3", 0),
    ]


async def test_a_trajectory_with_other_content_is_kept_too_and_the_newest_counts(store: SqlStore) -> None:
    await store.record_trajectories(trajectories(a_trajectory("TRAJ-1", mw=1.0)))
    await store.record_trajectories(trajectories(a_trajectory("TRAJ-1", mw=2.0)))
    assert (await store.history(NOON)).trajectories == [(a_trajectory("TRAJ-1", mw=2.0), NOON)]
    assert ask(store, "SELECT effective, conflict FROM trajectory ORDER BY id") == [(0, 1), (1, 1)]


async def test_an_unreadable_list_is_kept_once_per_content(store: SqlStore) -> None:
    login: Receipt[Any] = Receipt("getDispatchBatchesSinceUID", "-1", b"<html>", NOON, WireError("unknown root"))
    await store.record_unreadable_list(login)
    await store.record_unreadable_list(login)
    items = (a_batch("DISP-1"), BadItem("DISP-2", WireError("no status", where="batchStatus")))
    await store.record_unreadable_list(Receipt("getDispatchBatchesSinceUID", "-1", b"<list/>", NOON, items))
    assert ask(store, "SELECT stream, seen, error FROM v_payload ORDER BY payload") == [
        ("list", 2, "unknown root"),
        ("list", 1, None),
    ]
    assert ask(store, "SELECT payload, uid, error FROM bad_item") == [(2, "DISP-2", "no status")]
    assert await store.cursors() == Cursors()


async def test_an_intent_counts_its_attempts_until_it_is_done(store: SqlStore) -> None:
    done = await store.record_batch(answer(a_batch()), acknowledge=True)
    assert done.intent is not None
    await store.settle_intent(done.intent.intent_id, result="timeout", done=False, at=LATER)
    (open_intent,) = await store.pending_intents()
    assert open_intent.attempts == 1
    await store.settle_intent(done.intent.intent_id, result="ok", done=True, at=LATER)
    assert list(await store.pending_intents()) == []
    assert ask(store, "SELECT attempts, last_try, result, done FROM v_outbox") == [
        (2, "2026-07-21T12:05:00.000Z", "ok", 1)
    ]


async def test_settling_an_unknown_intent_is_an_error(store: SqlStore) -> None:
    with pytest.raises(StoreError, match="no row 77"):
        await store.settle_intent(77, result="ok", done=True, at=NOON)


async def test_probe_writes_its_marker(store: SqlStore) -> None:
    await store.probe()
    assert ask(store, "SELECT value FROM meta WHERE name = 'probe'") == [(NOON.isoformat(),)]


async def test_every_field_of_an_instruction_can_be_read_in_a_view(store: SqlStore) -> None:
    full = Instruction(
        instruction_uid="something else",
        batch_uid="DISP-OTHER",
        resource_id="UNIT_0",
        start_time=NOON,
        end_time=LATER,
        dot_mw=-1.5,
        oos_energy_code="SYSEMR",
        as_type="SR",
        instruction_type=InstructionType.CAPACITY_AWARD,
        pre_goto_mw=2.0,
        bid_delay_min=2,
        min_accept_mw=3.0,
        accept_dot_mw=4.0,
        accept_status="PARTIAL",
        responder="who",
        reason_code=ReasonCode.UNIT_DERATE,
        opr_accept_dot_mw=5.0,
        opr_accept_status="ACCEPT",
        opr_responder="operator",
        opr_reason_code=ReasonCode.LINE_DOWN,
        validated=NOON,
        validated_by="user",
        api_validated=LATER,
        api_validated_by="CN",
        pass_indicator="RTED",
        revision_number=4,
        status_code=BatchStatus(99),
        cleared_mw=6.0,
        award_mw=7.0,
        self_sched_mw=8.0,
        hourly_mw=9.0,
        rmr_test_requestor="tester",
        configuration_id="1x1",
        transition_from_config_id="1x0",
        transition_to_config_id="2x1",
        agc_flag="Y",
        rmr_flag="N",
        hourly_mw_threshold=10.0,
        base_schedule_mw=11.0,
        registered_intertie_flag="Y",
        follow_dot_flag="Y",
        detail=(InstructionDetail(seg_no=3, service_type="RMPS", mw=12.5),),
        unknown=(Unknown("soc", "77"),),
    )
    await store.record_batch(answer(replace(a_batch(resources=0), instructions=(full,))), acknowledge=False)
    reader = connect_reader(store.path)
    reader.row_factory = sqlite3.Row
    (row,) = reader.execute("SELECT * FROM v_instruction")
    shown = {name: row[name] for name in row.keys() if not name.endswith(("_us", "_name"))}  # noqa: SIM118 - a Row iterates its values
    reader.close()
    expected = {
        name: getattr(full, name) for name in Instruction.__dataclass_fields__ if name not in ("detail", "unknown")
    }
    expected |= {"batch_uid": "DISP-1", "other_batch_uid": "DISP-OTHER", "unknown": '[["soc","77"]]'}
    expected |= {"start_time": "2026-07-21T12:00:00.000Z", "end_time": "2026-07-21T12:05:00.000Z"}
    expected |= {"validated": "2026-07-21T12:00:00.000Z", "api_validated": "2026-07-21T12:05:00.000Z"}
    assert {name: shown[name] for name in expected} == expected
    assert ask(store, "SELECT seg_no, service_type, mw FROM v_instruction_detail") == [(3, "RMPS", 12.5)]
    names = "instruction_type_name, reason_code_name, opr_reason_code_name, status_code_name"
    assert ask(store, f"SELECT {names} FROM v_instruction") == [
        ("capacity award", "unit derate", "line down", "unknown 99")
    ]
