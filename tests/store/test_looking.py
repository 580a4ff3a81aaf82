from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from caiso_ads.errors import StoreError
from caiso_ads.store.looking import ReadOnly, microseconds, moment_of
from caiso_ads.store.sqlite import SqlStore


def test_a_missing_file_is_named_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nothing\.db"):
        ReadOnly(tmp_path / "nothing.db")
    assert list(tmp_path.iterdir()) == []


async def test_it_reads_beside_a_running_store_and_cannot_write(store: SqlStore, path: Path) -> None:
    await store.probe()
    with ReadOnly(path) as look:
        assert look._db.execute("SELECT count(*) FROM meta").fetchone()[0] > 0
        with pytest.raises(sqlite3.OperationalError):
            look._db.execute("DELETE FROM meta")
    with pytest.raises(sqlite3.ProgrammingError):
        look._db.execute("SELECT 1")


def test_a_time_of_any_year_is_the_same_to_the_microsecond_after_both_ways() -> None:
    at = datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert moment_of(microseconds(at)) == at


async def test_a_table_of_a_newer_schema_is_read_as_empty_and_a_wrong_query_is_an_error(
    store: SqlStore, path: Path
) -> None:
    await store.probe()
    with ReadOnly(path) as look:
        assert look._ask_of("not_made_yet", "SELECT * FROM not_made_yet") == []
        assert look._ask_of("meta", "SELECT count(*) FROM meta")[0][0] > 0
        with pytest.raises(StoreError, match="no such column"):
            look._ask("SELECT no_such FROM meta")
