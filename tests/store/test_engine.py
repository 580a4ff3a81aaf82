from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from caiso_ads.errors import StoreError
from caiso_ads.store import engine
from caiso_ads.store.sqlite import SqlStore
from tests.store.making import StillClock, a_batch, answer

posix = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")


async def test_the_writing_connection_of_an_open_store_is_durable(store: SqlStore) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
    found = await store._writer.run(lambda db: {name: db.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted})
    assert found == wanted


def test_a_pragma_that_is_not_obeyed_is_an_error_that_names_it() -> None:
    memory = sqlite3.connect(":memory:")
    with pytest.raises(StoreError, match="journal_mode is 'memory'"):
        engine.set_pragma(memory, "journal_mode", "WAL", "wal")
    memory.close()


@posix
def test_a_new_file_and_its_log_are_for_this_user_only(path: Path) -> None:
    engine.create_file(path)
    db = engine.connect_writer(path)
    db.execute("CREATE TABLE t (a)")
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    db.close()


@posix
def test_a_file_others_may_read_is_refused_with_the_cure(path: Path) -> None:
    engine.create_file(path)
    path.chmod(0o644)
    with pytest.raises(StoreError, match="mode 0644") as refused:
        engine.create_file(path)
    assert refused.value.cure == f"chmod 600 {path}"


def test_a_path_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"gateway\.db"):
        engine.create_file(tmp_path / "file" / "gateway.db")


async def test_a_reader_cannot_write(store: SqlStore) -> None:
    reader = engine.connect_reader(store.path)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM payload")
    reader.close()


async def test_a_reader_never_checkpoints(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch()), acknowledge=True)
    log = store.path.with_name(store.path.name + "-wal")
    before = (store.path.read_bytes(), log.read_bytes())
    reader = engine.connect_reader(store.path)
    with pytest.raises(sqlite3.OperationalError):
        reader.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert reader.execute("SELECT count(*) FROM batch").fetchone() == (1,)
    reader.close()
    assert (store.path.read_bytes(), log.read_bytes()) == before


async def test_the_version_and_the_wal_reset_note_are_logged(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "caiso_ads.store"):
        await (await SqlStore.open(path, StillClock())).close()
    assert f"SQLite {sqlite3.sqlite_version}" in caplog.text
    assert ("WAL-reset" in caplog.text) == (sqlite3.sqlite_version_info < (3, 51, 3))
