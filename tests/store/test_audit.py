"""An act of an operator is one commit: the override and its audit row, which nobody can change unseen."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from caiso_ads.core.override import Cleared, Override
from caiso_ads.core.quality import Directive
from caiso_ads.errors import StoreError
from caiso_ads.store import engine, migrate
from caiso_ads.store.chain import first_broken
from caiso_ads.store.reader import Reader
from caiso_ads.store.sqlite import SqlStore, open_core
from tests.store.making import NOON, StillClock, ask

ORIGIN = {"command": "0" * 32, "owner": "svc", "host": "h"}
ONE = Override("UNIT_0", 50.0, None, "relay test", "alice", NOON, NOON + timedelta(hours=1))
TWO = Override("UNIT_0", None, Directive.HOLD, "still testing", "bob", NOON, NOON + timedelta(hours=2))
END = Cleared("UNIT_0", "done", "carol", NOON + timedelta(minutes=5))


def change(store: SqlStore, *statements: str) -> None:
    """Write behind the program's back."""
    raw = sqlite3.connect(store.path, isolation_level=None)
    try:
        for statement in statements:
            raw.execute(statement)
    finally:
        raw.close()


async def three_acts(store: SqlStore) -> None:
    await store.record_override(ONE, ORIGIN)
    await store.record_override(TWO, ORIGIN)
    assert await store.record_override_cleared(END, ORIGIN)


async def test_an_override_comes_back_after_a_restart(store: SqlStore) -> None:
    await store.record_override(ONE, ORIGIN)
    await store.close()
    again = await SqlStore.open(store.path, StillClock())
    assert list(await again.open_overrides()) == [ONE]
    await again.close()


async def test_a_new_one_takes_the_place_of_the_old_and_a_clear_ends_it(store: SqlStore) -> None:
    await store.record_override(ONE, ORIGIN)
    await store.record_override(replace(ONE, resource_id="UNIT_1"), ORIGIN)
    await store.record_override(TWO, ORIGIN)
    assert [item.reason for item in await store.open_overrides()] == ["relay test", "still testing"]
    assert await store.record_override_cleared(END, ORIGIN)
    assert [item.resource_id for item in await store.open_overrides()] == ["UNIT_1"]
    assert ask(store, "SELECT ended_how FROM v_override WHERE resource_id = 'UNIT_0' ORDER BY id") == [
        ("override set",), ("override cleared",)
    ]  # fmt: skip


async def test_clearing_nothing_writes_nothing(store: SqlStore) -> None:
    assert not await store.record_override_cleared(END, ORIGIN)
    await store.record_override(ONE, ORIGIN)
    assert not await store.record_override_cleared(replace(END, at=ONE.until), ORIGIN)
    assert len(await store.audit_rows(0, 10)) == 1


async def test_one_that_ended_long_ago_does_not_come_back(store: SqlStore) -> None:
    old = timedelta(days=2)
    await store.record_override(replace(ONE, since=NOON - old, until=NOON - old + timedelta(hours=1)), ORIGIN)
    assert list(await store.open_overrides()) == []


async def test_follow_cannot_even_be_stored(store: SqlStore) -> None:
    with pytest.raises(StoreError, match="never_follow"):
        await store.record_override(replace(TWO, directive=Directive.FOLLOW), ORIGIN)
    assert list(await store.audit_rows(0, 10)) == []  # the audit row was in the same commit


async def test_the_audit_tells_who_what_why_and_the_chain_holds(store: SqlStore) -> None:
    await three_acts(store)
    rows = await store.audit_rows(0, 10)
    assert [(row.kind, row.who, row.resource, row.text) for row in rows] == [
        ("override set", "alice", "UNIT_0", "relay test"),
        ("override set", "bob", "UNIT_0", "still testing"),
        ("override cleared", "carol", "UNIT_0", "done"),
    ]
    assert '"setpoint_mw":50.0' in rows[0].detail
    assert '"directive":"HOLD"' in rows[1].detail
    assert [row.at for row in rows] == [NOON, NOON, END.at]
    assert first_broken(rows) is None
    assert [row.row for row in await store.audit_rows(1, 1)] == [2]
    with Reader(store.path) as reader:
        assert reader.audit() == list(rows)
    assert ask(store, "SELECT hash FROM v_audit WHERE id = 1") == [(rows[0].hash.hex(),)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET text = 'x' WHERE id = 1",
        "DELETE FROM audit WHERE id = 3",
        "INSERT OR REPLACE INTO audit SELECT id, at, kind, 'x', resource, text, detail, previous_hash, hash FROM audit",
    ],
)
async def test_the_database_refuses_to_change_what_was_written(store: SqlStore, statement: str) -> None:
    await three_acts(store)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        change(store, statement)
    assert first_broken(await store.audit_rows(0, 10)) is None


@pytest.mark.parametrize(
    "change_to",
    ["text = 'relay tesu'", "detail = replace(detail, '50.0', '51.0')", "at = at + 1", "hash = zeroblob(32)"],
)
async def test_one_byte_flipped_without_the_triggers_is_found(store: SqlStore, change_to: str) -> None:
    await three_acts(store)
    change(store, "DROP TRIGGER audit_no_update", f"UPDATE audit SET {change_to} WHERE id = 1")
    assert first_broken(await store.audit_rows(0, 10)) == 1


async def test_a_row_removed_without_the_triggers_is_found(store: SqlStore) -> None:
    await three_acts(store)
    change(store, "PRAGMA foreign_keys = OFF", "DROP TRIGGER audit_no_delete", "DELETE FROM audit WHERE id = 2")
    assert first_broken(await store.audit_rows(0, 10)) == 3


async def test_the_reader_sees_what_stands_beside_the_gateway(store: SqlStore) -> None:
    def seen() -> Sequence[Override]:
        with Reader(store.path) as reader:
            return reader.overrides()

    await store.record_override(TWO, ORIGIN)
    assert seen() == [TWO]
    await store.record_override_cleared(END, ORIGIN)
    assert seen() == []


async def test_a_database_from_before_the_audit_table_is_upgraded_and_takes_acts(path: Path) -> None:
    engine.create_file(path)
    db = open_core(path, engine.connect_writer, "BEGIN IMMEDIATE")
    with db.begin():
        migrate._run_alembic(db, migrate.Scripts(("0001", "0002")))
        db.exec_driver_sql("INSERT INTO meta VALUES ('program', '0.1.0')")
    db.close()
    store = await SqlStore.open(path, StillClock())
    await three_acts(store)
    assert first_broken(await store.audit_rows(0, 10)) is None
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        change(store, "DELETE FROM audit WHERE id = 3")
    await store.close()
