"""Real-time instructions are found by key, in one order whatever the pages; only what stands of a batch counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.codes import BatchStatus, BatchType, DispatchMode
from caiso_ads.core.model import DispatchBatch
from caiso_ads.store.realtime import _KEYS, NEWEST, RealTimeReader, _bound
from caiso_ads.store.sqlite import SqlStore
from tests.store.making import NOON, a_batch, answer, ask

NUMBER = st.integers(0, 3)
PLACES = st.tuples(NUMBER, NUMBER, NUMBER, NUMBER)


async def keep(store: SqlStore, batch: DispatchBatch) -> None:
    await store.record_batch(answer(batch), acknowledge=False)


def later(batch: DispatchBatch, minutes: float) -> DispatchBatch:
    moved = timedelta(minutes=minutes)
    rows = tuple(replace(each, start_time=(each.start_time or NOON) + moved) for each in batch.instructions)
    return replace(batch, start_time=batch.start_time + moved, instructions=rows)


@given(st.lists(PLACES, unique=True), PLACES)
def test_what_stands_behind_a_place_is_what_the_bound_of_its_resource_says(rows: list[tuple[int, int, int, int]], after: tuple[int, int, int, int]) -> None:  # fmt: skip
    for start, batch, resource, n in rows:
        assert ((start, batch, n) < _bound(resource, after)) is ((start, batch, resource, n) < after)


async def test_pages_of_any_size_give_the_same_rows_once(store: SqlStore) -> None:
    for n in range(4):
        await keep(store, later(a_batch(f"DISP-{n}", resources=3), 5 * (n % 3)))
    with RealTimeReader(store.path) as reader:
        whole = reader.page(None, None, NEWEST, 100)
        assert len(whole) == 12
        assert [row.place for row in whole] == sorted((row.place for row in whole), reverse=True)
        for size in (1, 2, 5):
            found = page = reader.page(None, None, NEWEST, size)
            while page := reader.page(None, None, page[-1].place, size):
                found = found + page
            assert found == whole
        only = reader.page("UNIT_1", NOON + timedelta(minutes=6), NEWEST, 100)
        assert {(row.resource_id, row.batch_uid) for row in only} == {("UNIT_1", "DISP-1"), ("UNIT_1", "DISP-2")}
        assert reader.page("NOBODY", None, NEWEST, 100) == []


async def test_only_the_newest_revision_counts_and_hourly_ones_are_elsewhere(store: SqlStore) -> None:
    await keep(store, a_batch("DISP-1", dot=25.0))
    await keep(store, a_batch("DISP-1", dot=30.0, revision=1))
    await keep(store, replace(a_batch("HOUR-1"), batch_type=BatchType.HOURLY_PRE_DISPATCH))
    with RealTimeReader(store.path) as reader:
        assert {(row.batch_uid, row.dot_mw) for row in reader.page(None, None, NEWEST, 100)} == {("DISP-1", 30.0)}


async def test_what_a_row_is_called(store: SqlStore) -> None:
    await keep(store, a_batch("DISP-1", resources=1))
    await keep(store, later(replace(a_batch("C", resources=1), dispatch_mode=DispatchMode.CONTINGENCY), 5))
    gone = replace(
        a_batch("X", resources=1), batch_type=BatchType.OUT_OF_SEQUENCE, batch_status=BatchStatus.EMERGENCY_CANCELLED
    )
    await keep(store, later(gone, 10))
    with RealTimeReader(store.path) as reader:
        withdrawn, contingency, plain = reader.page(None, None, NEWEST, 100)
    assert (withdrawn.withdrawn, withdrawn.exceptional) == (True, True)
    assert (contingency.contingency, contingency.withdrawn) == (True, False)
    assert (plain.contingency, plain.exceptional, plain.disputed, plain.previous_dot_mw) == (False, False, False, None)
    assert (plain.segments, plain.supplemental_mw) == ((("SCHD", 47), ("SUPP", -22.25)), -22.25)


async def test_a_page_is_found_by_key_and_never_sorted(store: SqlStore) -> None:
    plan = [str(row[3]) for row in ask(store, f"EXPLAIN QUERY PLAN {_KEYS}", *[1] * _KEYS.count("?"))]
    assert all(step.startswith("SEARCH") and "KEY" in step for step in plan), plan
