"""Trouble with clock and store is written once, and its end closes what a former life left open."""

from __future__ import annotations

from datetime import timedelta

from caiso_ads.store.sqlite import SqlStore
from tests.store.making import LATER, NOON, ask

SECOND = timedelta(seconds=1)


async def test_a_distrust_is_one_row_however_often_it_is_written_and_ends_with_trust(store: SqlStore) -> None:
    await store.record_distrust(NOON, NOON + SECOND, -600.0)
    await store.record_distrust(NOON + SECOND, NOON + SECOND, -601.0)
    assert ask(store, "SELECT kind, start_at, noticed_at, end_at, offset_s FROM v_disturbance") == [
        ("clock", "2026-07-21T12:00:00.000Z", "2026-07-21T12:00:01.000Z", None, -600.0)
    ]
    await store.record_trust(LATER, 0.5)
    await store.record_trust(LATER + SECOND, 0.0)
    assert ask(store, "SELECT end_at, end_offset_s FROM v_disturbance") == [("2026-07-21T12:05:00.000Z", 0.5)]
    await store.record_distrust(LATER + SECOND, LATER + SECOND, None)
    assert len(ask(store, "SELECT * FROM disturbance")) == 2


async def test_a_store_failure_is_written_once(store: SqlStore) -> None:
    for _ in range(2):
        await store.record_store_failure(NOON, LATER)
    assert ask(store, "SELECT kind, start_at, end_at FROM v_disturbance") == [
        ("store", "2026-07-21T12:00:00.000Z", "2026-07-21T12:05:00.000Z")
    ]


async def test_trust_ends_no_store_failure_and_a_store_failure_no_distrust(store: SqlStore) -> None:
    await store.record_distrust(NOON, NOON, None)
    await store.record_store_failure(NOON, LATER)
    assert ask(store, "SELECT count(*) FROM disturbance WHERE end_at IS NULL") == [(1,)]
