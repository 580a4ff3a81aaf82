from __future__ import annotations

from dataclasses import replace

import pytest

from caiso_ads.errors import StoreError, WireError
from caiso_ads.ports import Receipt
from caiso_ads.store.sqlite import SqlStore
from caiso_ads.wire.packing import unpack
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
    damage,
    trajectories,
)


async def test_history_begins_where_it_is_asked_to(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch("DISP-1"), at=NOON), acknowledge=False)
    await store.record_batch(answer(a_batch("DISP-2"), at=LATER), acknowledge=False)
    await store.record_trajectories(trajectories(a_trajectory("TRAJ-1"), at=NOON))
    history = await store.history(LATER)
    assert [batch.batch_uid for batch, _ in history.batches] == ["DISP-2"]
    assert history.trajectories == []


async def test_history_keeps_the_order_of_commits_when_the_wall_clock_went_back(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch("DISP-1"), at=LATER), acknowledge=False)
    await store.record_batch(answer(a_batch("DISP-2"), at=NOON), acknowledge=False)
    assert [batch.batch_uid for batch, _ in (await store.history(NOON)).batches] == ["DISP-1", "DISP-2"]


async def test_history_says_when_the_newest_dispatch_that_cannot_be_read_came(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch("DISP-1")), acknowledge=False)
    await store.record_trajectories(replace(trajectories(a_trajectory("TRAJ-1")), content=WireError("odd")))
    assert (await store.history(NOON)).unread is None
    await store.record_batch(bad_answer("DISP-2"), acknowledge=False)
    await store.record_batch(bad_answer("DISP-3", b"other", LATER), acknowledge=False)
    assert (await store.history(NOON)).unread == LATER
    await store.record_batch(answer(a_batch("DISP-4"), at=LATER), acknowledge=False)
    assert (await store.history(LATER)).unread == LATER


async def test_a_batch_damaged_in_the_store_is_one_that_cannot_be_read(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch("DISP-1")), acknowledge=False)
    damage(store, 1)
    assert [(await store.history(NOON)).unread for _ in range(2)] == [NOON, NOON]


async def test_a_time_without_zone_is_a_store_error(store: SqlStore) -> None:
    with pytest.raises(StoreError, match="without zone"):
        await store.history(NOON.replace(tzinfo=None))


async def test_a_flipped_bit_is_found_reported_and_not_returned(
    store: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    await store.record_batch(answer(a_batch("DISP-1", revision=1)), acknowledge=False)
    await store.record_recheck(answer(a_batch("DISP-1", revision=2)))
    await store.record_batch(answer(a_batch("DISP-2")), acknowledge=False)
    damage(store, 2)
    history = await store.history(NOON)
    assert [batch.batch_uid for batch, _ in history.batches] == ["DISP-2"]  # nor revision 1 in its place
    assert [(damaged.row, damaged.uid) for damaged in await store.corrupt()] == [(2, "DISP-1")]
    assert "SHA-256" in caplog.text
    assert ask(store, "SELECT payload FROM v_payload WHERE corrupt") == [(2,)]
    assert [stored.row for stored in await store.payloads_after(0, 9)] == [1, 3]


async def test_the_same_content_fetched_again_heals_a_damaged_payload(store: SqlStore) -> None:
    receipt = answer(a_batch("DISP-1"))
    await store.record_batch(receipt, acknowledge=False)
    damage(store, 1)
    assert (await store.history(NOON)).batches == []
    assert (await store.record_batch(receipt, acknowledge=False)).fresh
    assert (await store.history(NOON)).batches == [(receipt.content, NOON)]
    assert list(await store.corrupt()) == []
    assert ask(store, "SELECT count(*) FROM instruction") == [(2,)]


async def test_a_damaged_newest_payload_is_found_on_opening(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch("DISP-1")), acknowledge=False)
    damage(store, 1)
    await store.close()
    store = await SqlStore.open(store.path, StillClock())
    assert [damaged.uid for damaged in await store.corrupt()] == ["DISP-1"]
    await store.close()


async def test_payloads_come_in_order_with_their_documents(store: SqlStore) -> None:
    first, second = answer(a_batch("DISP-1")), trajectories(a_trajectory("TRAJ-1"))
    await store.record_batch(first, acknowledge=False)
    await store.record_batch(bad_answer("DISP-X"), acknowledge=False)
    await store.record_trajectories(second)
    await store.record_batch(answer(a_batch("DISP-2")), acknowledge=False)
    found = await store.payloads_after(0, 2)
    assert [(stored.row, stored.stream, stored.uid) for stored in found] == [
        (1, "dispatch", "DISP-1"),
        (3, "trajectory", "TRAJ-1"),
    ]
    assert [stored.xml for stored in found] == [unpack(item.payload.decode()) for item in (first, second)]
    assert [stored.uid for stored in await store.payloads_after(3, 2)] == ["DISP-2"]
    assert list(await store.payloads_after(4, 2)) == []


async def test_what_the_decoder_of_today_cannot_read_is_left_out_and_logged(
    store: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    """The payload is intact and was readable by the program that stored it; only the decoder is another."""
    await store.record_batch(replace(answer(a_batch("DISP-1")), payload=b"%%%"), acknowledge=False)
    await store.record_trajectories(replace(trajectories(a_trajectory("TRAJ-1")), payload=b"%%%"))
    await store.record_batch(answer(a_batch("DISP-2")), acknowledge=False)
    history = await store.history(NOON)
    assert [batch.batch_uid for batch, _ in history.batches] == ["DISP-2"]
    assert history.trajectories == []
    assert [stored.uid for stored in await store.payloads_after(0, 9)] == ["DISP-2"]
    assert "could be read when it was stored" in caplog.text
    assert list(await store.corrupt()) == []


async def test_a_trajectory_is_never_taken_from_anothers_place(
    store: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    """A decoder that counts the items of a list otherwise than the one that stored them must not mix them up."""
    receipt = trajectories(a_trajectory("TRAJ-1"), a_trajectory("TRAJ-2"))
    other = trajectories(a_trajectory("TRAJ-2"), a_trajectory("TRAJ-1"))
    await store.record_trajectories(replace(receipt, payload=other.payload))
    assert (await store.history(NOON)).trajectories == []
    assert "another trajectory stands in its place" in caplog.text


async def test_lists_are_no_history_for_sinks(store: SqlStore) -> None:
    items = (a_batch("DISP-1"), BadItem("DISP-2", WireError("no status")))
    await store.record_unreadable_list(Receipt("getDispatchBatchesSinceUID", "-1", b"<list/>", NOON, items))
    assert list(await store.payloads_after(0, 9)) == []


async def test_damage_that_comes_back_after_healing_is_logged_again(
    store: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    for times in (1, 2):
        await store.record_batch(answer(a_batch("DISP-1")), acknowledge=False)
        damage(store, 1)
        assert (await store.history(NOON)).batches == []
        assert caplog.text.count("SHA-256 differs") == times


async def test_damage_is_logged_once_while_it_cannot_be_marked(
    store: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    await store.record_batch(answer(a_batch("DISP-1")), acknowledge=False)
    damage(store, 1)
    moved = store.path.with_name("moved.db")
    await store.history(LATER)  # opens the reading connection on the file that is about to move
    store.path.rename(moved)
    for _ in range(3):
        assert (await store.history(NOON)).batches == []
    assert caplog.text.count("SHA-256 differs") == 1
    assert "could not be marked" in caplog.text
    moved.rename(store.path)
