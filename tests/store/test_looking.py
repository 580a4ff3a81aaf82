from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from caiso_ads.errors import StoreError
from caiso_ads.store.looking import ReadOnly
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
