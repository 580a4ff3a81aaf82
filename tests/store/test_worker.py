from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from caiso_ads.core.model import DispatchBatch
from caiso_ads.errors import StoreBusyError, StoreError
from caiso_ads.ports import Cursors
from caiso_ads.store.engine import connect_reader
from caiso_ads.store.sqlite import SqlStore
from tests.store.making import (
    StillClock,
    a_batch,
    an_instruction,
    answer,
    ask,
)


async def test_calls_commit_in_the_order_they_were_made(store: SqlStore) -> None:
    wanted = [f"DISP-{n}" for n in range(40)]
    await asyncio.gather(*(store.record_batch(answer(a_batch(uid)), acknowledge=False) for uid in wanted))
    assert [uid for (uid,) in ask(store, "SELECT uid FROM payload ORDER BY id")] == wanted
    assert (await store.cursors()).dispatch_uid == wanted[-1]


async def test_the_loop_runs_on_while_a_commit_is_slow(store: SqlStore) -> None:
    free = threading.Event()
    slow = asyncio.create_task(store._writer.run(lambda _: free.wait(20)))
    commit = asyncio.create_task(store.record_batch(answer(a_batch()), acknowledge=False))
    turns = 0
    for _ in range(50):
        await asyncio.sleep(0)
        turns += 1
    blocked = not commit.done()
    cursors = await store.cursors()  # readers are not held up either
    free.set()
    assert blocked
    assert cursors == Cursors()
    assert await slow
    assert (await commit).fresh
    assert turns == 50


async def test_a_cancelled_wait_does_not_tear_a_commit_apart(store: SqlStore) -> None:
    task = asyncio.create_task(store.record_batch(answer(a_batch()), acknowledge=True))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await store.probe()  # runs behind it
    counts = [ask(store, f"SELECT count(*) FROM {table}")[0][0] for table in ("payload", "batch", "cursor", "outbox")]
    assert counts in ([0, 0, 0, 0], [1, 1, 1, 1])


async def test_reading_beside_writing_sees_whole_batches_only(store: SqlStore) -> None:
    reader = connect_reader(store.path)
    seen = []
    for n in range(30):
        writing = asyncio.create_task(store.record_batch(answer(a_batch(f"DISP-{n}", resources=5)), acknowledge=False))
        await asyncio.sleep(0)
        query = "SELECT (SELECT count(*) FROM batch), (SELECT count(*) FROM instruction)"
        seen.append(reader.execute(query).fetchone())
        await writing
    reader.close()
    assert all(instructions == 5 * batches for batches, instructions in seen)


async def test_a_second_store_on_the_same_data_is_refused(store: SqlStore) -> None:
    with pytest.raises(StoreBusyError, match="in use by process"):
        await SqlStore.open(store.path, StillClock())
    await store.probe()


async def test_a_closed_store_says_so_and_closing_twice_is_harmless(store: SqlStore) -> None:
    await store.close()
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.probe()
    again = await SqlStore.open(store.path, StillClock())
    await again.close()


def test_a_failed_opening_releases_the_lock(path: Path) -> None:
    path.parent.mkdir()
    path.touch(mode=0o600)
    path.write_bytes(b"junk" * 1000)
    for _ in range(2):
        with pytest.raises(StoreError, match="not a database"):
            asyncio.run(SqlStore.open(path, StillClock()))


async def test_a_replaced_database_file_is_noticed_and_not_written(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch("DISP-1")), acknowledge=False)
    store.path.rename(store.path.with_name("moved.db"))
    with pytest.raises(StoreError, match="gone"):
        await store.record_batch(answer(a_batch("DISP-2")), acknowledge=False)
    store.path.touch(mode=0o600)
    with pytest.raises(StoreError, match="replaced") as refused:
        await store.record_batch(answer(a_batch("DISP-2")), acknowledge=False)
    assert "restart" in refused.value.cure
    assert store.path.read_bytes() == b""


async def test_a_program_fault_in_a_commit_leaves_nothing_and_the_next_commit_works(store: SqlStore) -> None:
    def half(db: Any) -> None:
        db.exec_driver_sql("INSERT INTO meta VALUES ('half', 'done')")
        raise KeyError("a fault of ours")

    with pytest.raises(KeyError):
        await store._writer.run(half)
    await store.record_batch(answer(a_batch()), acknowledge=False)
    assert ask(store, "SELECT count(*) FROM meta WHERE name = 'half'") == [(0,)]


@pytest.mark.parametrize("change", [{"revision_no": 2**70}, {"market_id": "\ud800"}])
async def test_a_value_the_database_cannot_hold_is_a_store_error(store: SqlStore, change: dict[str, Any]) -> None:
    receipt = replace(answer(a_batch("DISP-1")), content=replace(a_batch("DISP-1"), **change))
    with pytest.raises(StoreError):
        await store.record_batch(receipt, acknowledge=False)
    assert await store.cursors() == Cursors()


async def test_numbers_of_a_rolled_back_commit_are_not_used_again(store: SqlStore) -> None:
    """Resource rows made in a failed transaction are gone; the next one must make them anew."""
    broken = replace(a_batch("DISP-1"), market_id=object())  # type: ignore[arg-type]
    receipt = replace(answer(a_batch("DISP-1")), content=broken)
    with pytest.raises(StoreError):
        await store.record_batch(receipt, acknowledge=False)
    twice = replace(
        a_batch("DISP-2"), instructions=(an_instruction("DISP-2", 0, 1.0), an_instruction("DISP-2", 1, 2.0))
    )
    await store.record_batch(answer(twice), acknowledge=False)
    assert ask(store, "SELECT resource_id FROM v_instruction ORDER BY resource_id") == [("UNIT_0",), ("UNIT_1",)]


async def test_a_full_disk_refuses_the_commit_and_works_again_without_a_restart(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch("DISP-1")), acknowledge=True)

    def fill(db: Any) -> None:
        pages = db.exec_driver_sql("PRAGMA page_count").scalar()
        db.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    await store._writer.run(fill)
    big: DispatchBatch = a_batch("DISP-2", resources=400)
    with pytest.raises(StoreError, match="full"):
        await store.record_batch(answer(big), acknowledge=True)
    assert (await store.cursors()).dispatch_uid == "DISP-1"
    assert [intent.batch_uid for intent in await store.pending_intents()] == ["DISP-1"]
    assert (await store.record_batch(answer(big), acknowledge=True)).fresh  # the limit went with the dropped connection
    assert (await store.cursors()).dispatch_uid == "DISP-2"
