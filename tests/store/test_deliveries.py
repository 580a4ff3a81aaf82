from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from caiso_ads.core.codes import BatchType
from caiso_ads.core.intervals import Delivery, Span
from caiso_ads.core.model import DispatchBatch
from caiso_ads.errors import StoreError, WireError
from caiso_ads.ports import Receipt
from caiso_ads.store.deliveries import Deliveries
from caiso_ads.store.sqlite import SqlStore
from caiso_ads.wire.payload import BadItem
from tests.store.making import LATER, NOON, a_batch, answer, bad_answer

TARGET = NOON + timedelta(seconds=150)
HOUR = timedelta(hours=1)


def of(store: SqlStore, resource_id: str, start: datetime = NOON, end: datetime = LATER) -> list[Delivery]:
    with Deliveries(store.path) as found:
        return found.of(resource_id, start, end)


def unreadable(store: SqlStore, since: datetime = NOON) -> list[Span]:
    with Deliveries(store.path) as found:
        return found.unreadable(since)


def bad_list(at: datetime) -> Receipt[tuple[DispatchBatch | BadItem, ...]]:
    items = (BadItem(None, WireError("no uid")),)
    return Receipt("getDispatchBatchesSinceUID", "-1", b"<list/>", at, items)


async def test_every_version_of_a_dot_is_given_with_its_first_receipt(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch("DISP-1", dot=10.0), at=NOON), acknowledge=False)
    await store.record_batch(answer(a_batch("DISP-1", dot=10.0), at=LATER), acknowledge=False)
    await store.record_recheck(answer(a_batch("DISP-1", revision=1, dot=20.0), at=LATER))
    assert of(store, "UNIT_0") == [
        Delivery("UNIT_0", TARGET, NOON, 10.0, "DISP-1"),
        Delivery("UNIT_0", TARGET, LATER, 20.0, "DISP-1"),
    ]
    assert of(store, "UNIT_9") == []


async def test_the_bounds_are_those_of_the_target_time(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch()), acknowledge=False)
    assert len(of(store, "UNIT_0", TARGET, TARGET + timedelta(microseconds=1))) == 1
    assert of(store, "UNIT_0", NOON, TARGET) == []


async def test_other_kinds_of_batches_and_instructions_without_a_dot_are_no_delivery(store: SqlStore) -> None:
    hourly = replace(a_batch("DISP-1"), batch_type=BatchType.HOURLY_PRE_DISPATCH)
    plain = a_batch("DISP-2")
    without = replace(plain, instructions=tuple(replace(each, dot_mw=None) for each in plain.instructions))
    for batch in (hourly, without):
        await store.record_batch(answer(batch), acknowledge=False)
    with Deliveries(store.path) as found:
        assert found.of("UNIT_0", NOON, LATER) == []
        assert found.resources() == ["UNIT_0", "UNIT_1"]


async def test_what_cannot_be_read_is_told_with_its_time(store: SqlStore) -> None:
    await store.record_batch(bad_answer("DISP-1", at=NOON), acknowledge=False)
    await store.record_unreadable_list(bad_list(NOON + HOUR))
    await store.record_unreadable_list(bad_list(NOON + 2 * HOUR))
    assert unreadable(store) == [Span(NOON, NOON), Span(NOON + HOUR, NOON + 2 * HOUR)]
    assert unreadable(store, NOON + HOUR) == [Span(NOON + HOUR, NOON + 2 * HOUR)]


async def test_a_batch_of_which_another_version_can_be_read_hides_nothing(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch("DISP-1")), acknowledge=False)
    await store.record_recheck(bad_answer("DISP-1"))
    assert unreadable(store) == []


def test_a_missing_database_is_named_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no database"):
        Deliveries(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"junk" * 1000)
    with pytest.raises(StoreError, match="not a database"), Deliveries(tmp_path / "a.db") as found:
        found.polls()


def test_it_starts_without_sqlalchemy() -> None:
    program = "import sys, caiso_ads.store.deliveries; print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
