"""Looking back: what was received, in the order it was received, decoded anew and only when intact."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from caiso_ads.core.model import DispatchBatch
from caiso_ads.errors import StoreError, WireError
from caiso_ads.ports import Receipt
from caiso_ads.store.past import Past
from caiso_ads.store.sqlite import SqlStore
from caiso_ads.wire.packing import pack
from caiso_ads.wire.payload import BadItem, encode
from tests.store.making import (
    LATER,
    NOON,
    StillClock,
    a_batch,
    a_trajectory,
    answer,
    bad_answer,
    damage,
    trajectories,
)

HOUR = timedelta(hours=1)


@contextmanager
def past_of(path: Path) -> Iterator[Past]:
    with closing(Past(path)) as past:
        yield past


@pytest.fixture
async def store(tmp_path: Path) -> SqlStore:
    return await SqlStore.open(tmp_path / "gateway.db", StillClock())


async def test_both_streams_come_back_in_the_order_received_beside_an_open_store(store: SqlStore) -> None:
    first, curve = a_batch("D1"), a_trajectory("T1")
    await store.record_batch(answer(a_batch("D2"), at=LATER), acknowledge=False)
    await store.record_batch(answer(first, at=NOON), acknowledge=False)
    await store.record_trajectories(trajectories(curve, at=NOON + timedelta(seconds=1)))
    with past_of(store.path) as past:
        found = list(past.between(NOON, LATER + HOUR))
        assert past.span() == (NOON, LATER)
    assert [item.items for item in found[:2]] == [(first,), (curve,)]
    assert [item.received_at for item in found] == [NOON, NOON + timedelta(seconds=1), LATER]
    assert all(item.readable_now and item.as_seen == item.items for item in found)
    await store.close()


async def test_the_window_has_its_start_and_not_its_end(store: SqlStore) -> None:
    for n, at in enumerate((NOON, LATER)):
        await store.record_batch(answer(a_batch(f"D{n}"), at=at), acknowledge=False)
    with past_of(store.path) as past:
        assert [item.uid for item in past.between(NOON, LATER)] == ["D0"]
        assert [item.uid for item in past.between(NOON + timedelta(microseconds=1), LATER + HOUR)] == ["D1"]
    await store.close()


async def test_more_than_one_page_is_complete_although_many_came_at_one_time(store: SqlStore) -> None:
    uids = [f"D{n}" for n in range(450)]
    for uid in uids:
        await store.record_batch(answer(a_batch(uid, resources=0), at=NOON), acknowledge=False)
    with past_of(store.path) as past:
        assert [item.uid for item in past.between(NOON, LATER)] == uids
    await store.close()


async def test_a_damaged_payload_gives_its_reason_and_no_content(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch("D1")), acknowledge=False)
    damage(store, 1)
    with past_of(store.path) as past:
        (found,) = past.between(NOON, LATER)
    (item,) = found.items
    assert isinstance(item, WireError)
    assert "damaged" in str(item)
    assert not found.readable_now
    await store.close()


async def test_what_an_older_program_could_not_read_is_readable_now_and_was_not_seen_then(store: SqlStore) -> None:
    good = a_batch("D1")
    payload = pack(encode(good)).encode()
    refused = WireError("unknown form", where="DispatchBatch")
    old: Receipt[DispatchBatch] = Receipt("getDispatchBatch", "D1", payload, NOON, refused)
    await store.record_batch(old, acknowledge=False)
    await store.record_batch(bad_answer("D2"), acknowledge=False)
    await store.record_batch(answer(a_batch("D3")), acknowledge=False)
    with past_of(store.path) as past:
        one, other = past.refused()
    assert (one.uid, one.readable_now, one.items) == ("D1", True, (good,))
    assert [str(item) for item in one.as_seen] == ["DispatchBatch: unknown form"]
    assert (other.uid, other.readable_now) == ("D2", False)
    await store.close()


async def test_an_item_that_could_not_be_read_then_was_not_seen_then(store: SqlStore) -> None:
    good, odd = a_trajectory("T1"), a_trajectory("T2")
    receipt = trajectories(good, odd)
    items = (good, BadItem("T2", WireError("odd")))
    await store.record_trajectories(
        Receipt(receipt.operation, receipt.argument, receipt.payload, receipt.received_at, items)
    )
    with past_of(store.path) as past:
        (found,) = past.refused()
    assert found.items == (good, odd)
    assert found.bad_then == {1}
    assert found.as_seen[0] == good
    assert isinstance(found.as_seen[1], WireError)
    await store.close()


async def test_a_header_has_nothing_for_a_replay(store: SqlStore) -> None:
    header = a_batch("D1", resources=0)
    receipt = Receipt("getBatchHeader", "D1", encode(header), NOON, header)
    await store.record_recheck(receipt)
    with past_of(store.path) as past:
        (found,) = past.between(NOON, LATER)
    assert found.items == ()
    assert found.readable_now
    await store.close()


async def test_an_empty_store_has_no_span(store: SqlStore) -> None:
    with past_of(store.path) as past:
        assert past.span() is None
        assert list(past.between(NOON, LATER)) == []
    await store.close()


def test_a_missing_file_or_a_foreign_one_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no database"):
        Past(tmp_path / "no.db")
    foreign = tmp_path / "foreign.db"
    foreign.write_bytes(b"no database at all, but long enough to be asked" * 40)
    with pytest.raises(StoreError), past_of(foreign) as past:
        past.span()
