"""Alarms as their rows tell them: found by an index, whole after a restart, and not to be altered unseen."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

from caiso_ads.core.alarm_kinds import AlarmEvent
from caiso_ads.core.alarms import Book
from caiso_ads.loop.watch import FACT, fact_of
from caiso_ads.ports.answers import Fact
from caiso_ads.store.alarm_reader import AlarmReader
from caiso_ads.store.evidence_reader import EvidenceReader
from caiso_ads.store.sqlite import SqlStore
from tests.alarming import R1_REFUSED, REFUSED, Run, shot
from tests.fakes import START
from tests.store.making import NOON


def lived() -> list[AlarmEvent]:
    """Return what happened: two alarms, one acknowledged, one shelved."""
    run = Run()
    run.last(3, shot(("R1", "R2"), reasons=REFUSED))
    run.told += run.book.acknowledge(R1_REFUSED, "ann", "seen", run.now)
    other = R1_REFUSED._replace(subject="R2")
    run.told += run.book.shelve(other, "bob", "test", timedelta(hours=1), run.now)
    return run.told


async def written(store: SqlStore) -> None:
    await store.append_facts([fact_of(event) for event in lived()])
    odd = Fact("acknowledged", NOON, "caiso-ads", "a batch of that name", uid="alarm x")
    await store.append_facts([odd])


async def test_after_a_restart_each_alarm_is_what_its_last_row_says(store: SqlStore, path: Path) -> None:
    await written(store)
    rows = await store.last_of_each(FACT)
    with AlarmReader(path) as reader:
        assert reader.standing() == list(rows)
    run = Run()
    run.book = Book()
    run.book.restore(rows, run.now)
    assert run.states() == {"value_refused:R1": "active_ack", "value_refused:R2": "shelved"}
    assert [alarm.by for alarm in run.book.alarms()] == ["ann", "bob"]


async def test_the_journal_is_newest_first_and_goes_on_where_it_ended(store: SqlStore, path: Path) -> None:
    await written(store)
    with AlarmReader(path) as reader:
        whole = reader.journal(START, 100)
        assert [row.text.partition(":")[0] for row in whole] == ["shelved", "acknowledged", "raised", "raised"]
        assert [row.who for row in whole] == ["bob", "ann", "caiso-ads", "caiso-ads"]
        assert reader.journal(START, 2, whole[1].row) == whole[2:]
        assert reader.journal(START + timedelta(days=1), 100) == []


async def test_both_are_found_by_an_index(store: SqlStore, path: Path) -> None:
    await written(store)
    with AlarmReader(path) as reader:
        plan = reader._ask(
            "EXPLAIN QUERY PLAN SELECT audit FROM audit_subject WHERE uid >= 'alarm ' AND uid < 'alarm!'"
        )
    assert "SEARCH" in plan[0][3]


async def test_an_empty_store_tells_of_none(store: SqlStore, path: Path) -> None:
    assert list(await store.last_of_each(FACT)) == []
    with AlarmReader(path) as reader:
        assert reader.journal(START, 10) == []


async def test_row_194_one_byte_altered_in_the_row_of_an_alarm_is_found_and_named(store: SqlStore, path: Path) -> None:
    await written(store)
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("DROP TRIGGER audit_no_update")
    with EvidenceReader(path) as reader:
        assert reader.check().broken is None
    raw.execute("UPDATE audit SET who = 'amn' WHERE who = 'ann'")
    raw.close()
    with EvidenceReader(path) as reader:
        broken = reader.check().broken
    assert broken is not None
    assert (broken.row, broken.kind, broken.who) == (3, "alarm", "amn")


async def test_row_194_a_row_of_an_alarm_that_was_removed_is_found(store: SqlStore, path: Path) -> None:
    await written(store)
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("DROP TRIGGER audit_no_delete")
    raw.execute("DELETE FROM audit WHERE who = 'ann'")
    raw.close()
    with EvidenceReader(path) as reader:
        broken = reader.check().broken
    assert broken is not None
    assert broken.row == 4
