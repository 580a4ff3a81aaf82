"""Stored batches, in pages of any size; one whole, verified; a UID from outside is only looked up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from caiso_ads.core.intervals import Span
from caiso_ads.store.batches import _COUNTED, _OF_RESOURCE, _PAGE, NEWEST, BatchReader
from caiso_ads.store.sqlite import SqlStore
from tests.store.making import NOON, a_batch, answer, ask, bad_answer, damage

ALWAYS = Span(NOON - timedelta(days=1), NOON + timedelta(days=1))


async def fill(store: SqlStore) -> None:
    for n in range(5):
        batch = a_batch(f"DISP-{n}", resources=1 + n % 2)
        await store.record_batch(answer(batch, at=NOON + timedelta(minutes=n // 2)), acknowledge=False)
    await store.record_batch(bad_answer("BAD"), acknowledge=False)


async def test_pages_of_any_size_give_the_same_rows_once(store: SqlStore) -> None:
    await fill(store)
    with BatchReader(store.path) as reader:
        whole = reader.page(ALWAYS, NEWEST, 100)
        assert [row.batch_uid for row in whole] == ["DISP-4", "DISP-3", "DISP-2", "BAD", "DISP-1", "DISP-0"]
        for size in (1, 2, 4):
            found = page = reader.page(ALWAYS, NEWEST, size)
            while page := reader.page(ALWAYS, page[-1].place, size):
                found = found + page
            assert found == whole


async def test_what_could_not_be_read_may_concern_any_resource(store: SqlStore) -> None:
    await fill(store)
    with BatchReader(store.path) as reader:
        found = reader.page(ALWAYS, NEWEST, 100, resource_id="UNIT_1")
        assert [row.batch_uid for row in found] == ["DISP-3", "BAD", "DISP-1"]
        assert [row.batch_uid for row in reader.page(ALWAYS, NEWEST, 100, resource_id="UNIT_1", kind=0)] == ["DISP-3", "DISP-1"]  # fmt: skip
        assert reader.page(ALWAYS, NEWEST, 100, kind=2) == []
        assert reader.page(Span(NOON + timedelta(hours=1), ALWAYS.end), NEWEST, 100) == []


async def test_a_row_counts_its_instructions_and_names_its_problem(store: SqlStore) -> None:
    await fill(store)
    with BatchReader(store.path) as reader:
        rows = {row.batch_uid: row for row in reader.page(ALWAYS, NEWEST, 100)}
    assert (rows["DISP-3"].instructions, rows["DISP-4"].instructions, rows["DISP-3"].problem) == (2, 1, None)
    assert (rows["BAD"].problem, rows["BAD"].batch_type, rows["BAD"].instructions) == ("not a batch", None, None)


async def test_the_newest_version_is_given_whole_and_verified(store: SqlStore) -> None:
    await fill(store)
    await store.record_recheck(answer(replace(a_batch("DISP-1", dot=30.0), revision_no=1)))
    with BatchReader(store.path) as reader:
        found, bad = reader.whole("DISP-1"), reader.whole("BAD")
        assert reader.whole("../DISP-1") is None
    assert found is not None
    assert found.batch is not None
    assert (found.batch.instructions[0].dot_mw, found.is_xml, found.intact) == (30.0, True, True)
    assert b"DISP-1" in found.text
    assert bad is not None
    assert (bad.batch, bad.text) == (None, b"<html>log in</html>")
    assert bad.problem


async def test_a_damaged_copy_is_never_decoded(store: SqlStore) -> None:
    await fill(store)
    damage(store, 1)
    with BatchReader(store.path) as reader:
        found = reader.whole("DISP-0")
    assert found is not None
    assert (found.intact, found.batch, found.problem) == (False, None, "the stored copy is damaged")


async def test_a_page_is_found_by_time_and_never_sorted(store: SqlStore) -> None:
    query = _PAGE.format(chosen=f"AND {_OF_RESOURCE}", counted=_COUNTED)
    plan = [str(row[3]) for row in ask(store, f"EXPLAIN QUERY PLAN {query}", *[1] * query.count("?"))]
    assert any("ix_payload_received_at" in step for step in plan)
    assert not any(step.startswith(("SCAN", "USE TEMP")) for step in plan), plan
