"""What an older program could not read is read by this one as if it could be read then; twice is as once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from caiso_ads.core.model import DispatchBatch
from caiso_ads.errors import WireError
from caiso_ads.ports import Receipt
from caiso_ads.store.deliveries import Deliveries
from caiso_ads.store.past import Past
from caiso_ads.store.sqlite import SqlStore
from caiso_ads.wire.payload import BadItem
from tests.store.making import LATER, NOON, a_batch, a_trajectory, answer, ask, bad_answer, damage, trajectories

ODD = WireError("unknown form", where="DispatchBatch")
DAY = timedelta(hours=24)
TABLES = ("payload", "bad_item", "batch", "instruction", "trajectory", "dop", "outbox", "cursor", "decoded_later")


def unread(receipt: Receipt[Any]) -> Receipt[Any]:
    """The same answer as a program saw it that could not read it."""
    return replace(receipt, content=ODD)


def everything(store: SqlStore) -> dict[str, list[tuple[Any, ...]]]:
    return {name: ask(store, f"SELECT * FROM {name}") for name in TABLES}


async def again(store: SqlStore, *, acknowledge: bool = True) -> tuple[list[str], int]:
    found = await store.redecode(NOON - DAY, acknowledge=acknowledge)
    return list(found.readable), found.unreadable


async def test_a_batch_gets_its_rows_and_its_intent_and_keeps_its_time_and_the_cursor(store: SqlStore) -> None:
    good = a_batch("D1")
    await store.record_batch(unread(answer(good)), acknowledge=True)
    await store.record_batch(answer(a_batch("D2"), at=LATER), acknowledge=False)
    before = await store.cursors()
    assert [batch.batch_uid for batch, _ in (await store.history(NOON)).batches] == ["D2"]
    assert await again(store) == (["D1"], 0)
    assert await store.cursors() == before
    assert (good, NOON) in (await store.history(NOON)).batches
    (intent,) = await store.pending_intents()
    assert (intent.batch_uid, intent.created_at) == ("D1", NOON)
    assert ask(store, "SELECT uid, error FROM v_decoded_later") == [("D1", "unknown form")]
    after = everything(store)
    assert await again(store) == ([], 0)
    assert everything(store) == after


async def test_without_acknowledging_or_once_confirmed_there_is_no_intent(store: SqlStore) -> None:
    await store.record_batch(unread(answer(a_batch("D1"))), acknowledge=True)
    await again(store, acknowledge=False)
    assert await store.pending_intents() == []
    first = await store.record_batch(answer(a_batch("D2")), acknowledge=True)
    assert first.intent is not None
    await store.settle_intent(first.intent.intent_id, result="sent", done=True, at=NOON)
    await store.record_recheck(unread(answer(a_batch("D2", revision=1), at=LATER)))
    assert await again(store) == (["D2"], 0)
    assert await store.pending_intents() == []
    assert [batch.revision_no for batch, _ in (await store.history(NOON)).batches] == [0, 1]


async def test_what_still_cannot_be_read_keeps_the_newest_reason_and_a_fault_is_no_payload(store: SqlStore) -> None:
    await store.record_batch(bad_answer("D1"), acknowledge=True)
    fault: Receipt[DispatchBatch] = Receipt(
        "getDispatchBatch", "D2", b"no such batch", NOON, WireError("the ISO refused it", where="getDispatchBatch")
    )
    await store.record_batch(fault, acknowledge=True)
    assert await again(store) == ([], 1)
    ((newest,), (kept,)) = ask(store, "SELECT error FROM payload ORDER BY id")
    assert newest not in {"not a batch", None}
    assert kept == "the ISO refused it"
    assert await store.pending_intents() == []
    after = everything(store)
    assert await again(store) == ([], 1)
    assert everything(store) == after


async def test_an_older_version_read_later_does_not_take_the_place_of_a_newer_one(store: SqlStore) -> None:
    await store.record_batch(unread(answer(a_batch("D1", dot=1.0))), acknowledge=False)
    await store.record_recheck(answer(a_batch("D1", dot=2.0), at=LATER))
    await store.record_trajectories(unread(trajectories(a_trajectory("T1", mw=1.0))))
    await store.record_trajectories(trajectories(a_trajectory("T1", mw=2.0), at=LATER))
    assert await again(store) == (["D1", "T1"], 0)
    history = await store.history(NOON)
    assert [batch.instructions[0].dot_mw for batch, _ in history.batches] == [2.0]
    assert [batch.dops[0].dop_mw for batch, _ in history.trajectories] == [2.0]
    assert ask(store, "SELECT effective, conflict FROM batch ORDER BY id") == [(0, 1), (1, 1)]
    assert ask(store, "SELECT effective, conflict FROM trajectory ORDER BY payload") == [(0, 1), (1, 1)]


async def test_a_newer_version_read_later_does(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch("D1", dot=1.0)), acknowledge=False)
    await store.record_recheck(unread(answer(a_batch("D1", dot=2.0), at=LATER)))
    await again(store)
    assert [batch.instructions[0].dot_mw for batch, _ in (await store.history(NOON)).batches] == [2.0]


async def test_items_of_a_list_are_read_in_their_places(store: SqlStore) -> None:
    good, odd = a_trajectory("T1"), a_trajectory("T2")
    partly = replace(trajectories(good, odd), content=(good, BadItem("T2", ODD)))
    await store.record_trajectories(partly)
    await store.record_trajectories(trajectories(a_trajectory("T3"), BadItem("T4", ODD), at=LATER))
    assert await again(store) == (["T2"], 1)
    assert ask(store, "SELECT uid FROM bad_item") == [("T4",)]
    assert [batch.batch_uid for batch, _ in (await store.history(NOON)).trajectories] == ["T1", "T2", "T3"]
    with Past(store.path) as past:
        first = next(past.between(NOON, LATER))
    assert first.bad_then == {1}
    assert first.seen_later == ((NOON, odd),)


async def test_a_look_back_still_knows_what_was_not_seen_then(store: SqlStore) -> None:
    good = a_batch("D1")
    await store.record_batch(unread(answer(good)), acknowledge=False)
    await again(store)
    await store.record_batch(unread(answer(a_batch("D2"), at=LATER)), acknowledge=False)
    refetched = replace(answer(a_batch("D2")), received_at=LATER + DAY)
    await store.record_batch(refetched, acknowledge=False)
    with Past(store.path) as past:
        one, two = past.between(NOON, LATER + DAY)
        assert list(past.refused()) == []
    assert [str(item) for item in one.as_seen] == ["DispatchBatch: unknown form"]
    assert one.seen_later == ((NOON, good),)
    assert [at for at, _ in two.seen_later] == [LATER + DAY]


async def test_the_interval_ledger_counts_a_batch_from_when_it_was_read(store: SqlStore) -> None:
    early = NOON - timedelta(hours=1)
    await store.record_batch(unread(answer(a_batch("D1"), at=early)), acknowledge=False)
    await again(store)
    await store.record_batch(answer(a_batch("D2"), at=early), acknowledge=False)
    with Deliveries(store.path) as found:
        received = {one.batch_uid: one.received_at for one in found.of("UNIT_0", NOON, LATER)}
    assert received == {"D1": NOON, "D2": early}


async def test_a_damaged_copy_and_what_is_outside_the_bounds_are_left_alone(store: SqlStore) -> None:
    await store.record_batch(unread(answer(a_batch("D1"))), acknowledge=True)
    damage(store, 1)
    await store.record_batch(unread(answer(a_batch("D2"), at=NOON - 2 * DAY)), acknowledge=True)
    assert await again(store) == ([], 1)
    assert [item.row for item in await store.corrupt()] == [1]
    old = await store.redecode(None, acknowledge=False, until=NOON - DAY)
    assert list(old.readable) == ["D2"]
