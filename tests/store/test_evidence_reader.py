"""The chain as a reader from outside sees it: whole, altered, or with a hash that was kept elsewhere."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from caiso_ads.core.intervals import Span
from caiso_ads.ports.answers import Fact
from caiso_ads.store.evidence_reader import PAGE, Checked, EvidenceReader
from caiso_ads.store.sqlite import SqlStore
from tests.store.making import LATER, NOON, StillClock, a_batch, answer, damage

SEEN = Fact("seen", NOON, "modbus", "snapshot 7", "UNIT_0", "DISP-1", "", {"snapshot": 7})


def behind(store: SqlStore, statement: str) -> None:
    """Write behind the program's back, without the triggers."""
    raw = sqlite3.connect(store.path, isolation_level=None)
    try:
        for name in ("update", "delete"):
            raw.execute(f"DROP TRIGGER IF EXISTS audit_no_{name}")
        raw.execute(statement)
    finally:
        raw.close()


def check(store: SqlStore, kept: bytes | None = None) -> Checked:
    with EvidenceReader(store.path) as reader:
        return reader.check(kept)


async def test_an_empty_chain_is_good(store: SqlStore) -> None:
    assert check(store) == Checked(0, None, None, None, None)


async def test_a_chain_longer_than_a_page_is_good_and_a_kept_hash_is_found(store: SqlStore) -> None:
    await store.append_facts([SEEN] * (2 * PAGE + 1))
    kept = (await store.audit_rows(PAGE - 1, 1))[0]
    found = check(store, kept.hash)
    assert (found.rows, found.broken, found.kept, found.hidden) == (2 * PAGE + 1, None, PAGE, None)
    assert check(store, bytes(32)).kept is None


@pytest.mark.parametrize(
    "change",
    ["text = 'snapshot 8'", "at = at + 1", "at = 'never'", "detail = x'00'", "who = ''", "hash = zeroblob(32)"],
)
async def test_the_first_altered_row_is_named(store: SqlStore, change: str) -> None:
    await store.append_facts([SEEN] * 5)
    behind(store, f"UPDATE audit SET {change} WHERE id >= 3")
    found = check(store)
    assert found.broken is not None
    assert (found.broken.row, found.rows) == (3, 2)


@pytest.mark.parametrize(("gone", "named"), [(1, 2), (3, 4)])
async def test_a_removed_row_shows_at_the_next(store: SqlStore, gone: int, named: int) -> None:
    await store.append_facts([SEEN] * 5)
    behind(store, f"DELETE FROM audit WHERE id = {gone}")
    found = check(store)
    assert found.broken is not None
    assert found.broken.row == named


async def test_removed_newest_rows_show_only_by_a_hash_that_was_kept(store: SqlStore) -> None:
    await store.append_facts([SEEN] * 5)
    kept = (await store.audit_rows(4, 1))[0].hash
    behind(store, "DELETE FROM audit WHERE id = 5")
    found = check(store, kept)
    assert (found.broken, found.kept, found.rows) == (None, None, 4)


async def test_a_row_taken_from_its_batch_is_named(store: SqlStore) -> None:
    await store.append_facts([SEEN] * 5)
    behind(store, "DELETE FROM audit_subject WHERE audit = 4")
    assert check(store).hidden == 4


async def test_rows_of_a_stretch_of_time(store: SqlStore) -> None:
    late = Fact("start", LATER, "caiso-ads", "")
    await store.append_facts([SEEN, late, SEEN])
    with EvidenceReader(store.path) as reader:
        assert [row.row for row in reader.rows_between(NOON, LATER)] == [1, 3]
        assert [row.row for row in reader.rows_between(LATER, LATER + timedelta(days=1))] == [2]


async def test_an_instruction_is_found_with_each_revision_and_the_rows_of_its_batch(store: SqlStore) -> None:
    made = await store.record_batch(answer(a_batch()), acknowledge=True)
    await store.record_recheck(answer(a_batch(revision=1, dot=30.0), at=LATER))
    await store.append_facts([SEEN, Fact("seen", NOON, "modbus", "another", None, "DISP-2")])
    assert made.intent is not None
    await store.settle_intent(made.intent.intent_id, result="ok", done=True, at=LATER)
    with EvidenceReader(store.path) as reader:
        found = reader.instruction("DISP-1-I1")
        assert reader.instruction("DISP-1-I7") is None
        assert reader.instruction("nothing") is None
    assert found is not None
    assert [version.said and version.said.dot_mw for version in found.versions] == [25.0, 30.0]
    assert [row.kind for row in found.rows] == ["batch stored", "batch stored", "seen"]
    assert found.validated == ((LATER, "ok", True),)


async def test_a_damaged_copy_says_nothing(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch()), acknowledge=True)
    await store.record_recheck(answer(a_batch(revision=1, dot=30.0), at=LATER))
    damage(store, 1)
    with EvidenceReader(store.path) as reader:
        found = reader.instruction("DISP-1-I1")
    assert found is not None
    assert [(version.intact, version.said is None) for version in found.versions] == [(False, True), (True, False)]


async def test_it_reads_a_database_without_the_newer_tables(path: Path) -> None:
    store = await SqlStore.open(path, StillClock())
    await store.record_batch(answer(a_batch()), acknowledge=True)
    await store.close()
    raw = sqlite3.connect(path)
    for name in ("audit_subject", "answer"):
        raw.execute(f"DROP TABLE {name}")
    raw.commit()
    raw.close()
    with EvidenceReader(path) as reader:
        found = reader.instruction("DISP-1-I0")
        assert reader.check().hidden is None
    assert found is not None
    assert found.rows == ()


async def test_pages_are_of_a_time_and_a_kind_where_they_are_given(store: SqlStore) -> None:
    later = replace(SEEN, at=LATER, kind="told")
    await store.append_facts([SEEN, later, SEEN, later])
    with EvidenceReader(store.path) as reader:
        assert [row.row for row in reader.page(None, 0, 3)] == [1, 2, 3]
        assert [row.row for row in reader.page(None, 3, 3)] == [4]
        assert [row.row for row in reader.page(None, 0, 9, kind="told")] == [2, 4]
        assert [row.row for row in reader.page(Span(NOON, LATER), 0, 9)] == [1, 3]
        assert [row.row for row in reader.page(Span(NOON, LATER), 1, 9, kind="seen")] == [3]
