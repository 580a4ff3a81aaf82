from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from caiso_ads.errors import StoreError
from caiso_ads.store import engine, migrate, schema, views
from caiso_ads.store.sqlite import SqlStore, open_core
from tests.store.making import StillClock, a_batch, answer

HEAD = schema.REVISIONS[-1]
AFTER = f"{int(HEAD) + 1:04}"

_NEXT = f"""
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "{AFTER}", "{HEAD}", None, None

def upgrade():
    op.create_table("extra", sa.Column("id", sa.Integer, primary_key=True))
    with op.batch_alter_table("batch", recreate="always") as batch:
        batch.add_column(sa.Column("note", sa.Text))
"""


@pytest.fixture
def db(path: Path) -> Iterator[Connection]:
    engine.create_file(path)
    opened = open_core(path, engine.connect_writer, "BEGIN IMMEDIATE")
    yield opened
    opened.close()


def later(folder: Path, text: str) -> migrate.Scripts:
    """A program that knows one more migration."""
    copied = folder / "migrations"
    shutil.copytree(migrate.OURS.folder, copied, ignore=shutil.ignore_patterns("__pycache__"))
    (copied / "versions" / f"v{AFTER}_next.py").write_text(text)
    return migrate.Scripts((*schema.REVISIONS, AFTER), copied)


def by_alembic_alone(db: Connection) -> None:
    with db.begin():
        migrate._run_alembic(db, migrate.OURS)


def tables(db: Connection) -> dict[str, list[str]]:
    """Each table's and index's definition, its lines in order of text: Alembic writes constraints in another order."""
    with db.begin():
        found = db.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type <> 'view' AND sql IS NOT NULL").all()
    return {name: sorted(line.strip(" ,\t") for line in re.split(r"\n|, (?=CONSTRAINT)", sql)) for name, sql in found}


def version(db: Connection) -> str:
    with db.begin():
        return str(db.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one())


def test_the_list_of_revisions_is_that_of_the_files() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.OURS.folder))
    found = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(found)) == schema.REVISIONS


def test_a_fresh_database_is_the_one_the_migrations_make(db: Connection, tmp_path: Path) -> None:
    migrate.prepare(db, tmp_path / "fresh")
    other = tmp_path / "migrated.db"
    engine.create_file(other)
    migrated = open_core(other, engine.connect_writer, "BEGIN IMMEDIATE")
    by_alembic_alone(migrated)
    assert tables(migrated) == tables(db)
    with migrated.begin():
        context = MigrationContext.configure(migrated, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []
    migrated.close()


def test_preparing_twice_changes_nothing(db: Connection, path: Path) -> None:
    migrate.prepare(db, path)
    before = tables(db)
    migrate.prepare(db, path)
    assert tables(db) == before


async def test_an_older_database_is_copied_and_upgraded_with_its_data(path: Path, tmp_path: Path) -> None:
    store = await SqlStore.open(path, StillClock())
    await store.record_batch(answer(a_batch()), acknowledge=True)
    await store.close()
    db = open_core(path, engine.connect_writer, "BEGIN IMMEDIATE")
    migrate.prepare(db, path, later(tmp_path, _NEXT))
    assert version(db) == AFTER
    with db.begin():
        assert db.exec_driver_sql("SELECT batch_uid, note FROM batch").one() == ("DISP-1", None)
        assert db.exec_driver_sql("SELECT count(*) FROM v_instruction").scalar() == 2
        assert db.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    db.close()
    copy = sqlite3.connect(path.with_name(f"gateway.db.before-{AFTER}"))
    assert copy.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
    assert copy.execute("SELECT batch_uid FROM batch").fetchall() == [("DISP-1",)]
    copy.close()


def test_a_failed_migration_leaves_nothing_behind(db: Connection, path: Path, tmp_path: Path) -> None:
    migrate.prepare(db, path)
    before = tables(db)
    scripts = later(tmp_path, _NEXT + "    op.execute('INSERT INTO nowhere VALUES (1)')\n")
    with pytest.raises(StoreError, match=f"upgrade from schema {HEAD} to {AFTER} failed and changed nothing") as failed:
        migrate.prepare(db, path, scripts)
    assert f"before-{AFTER}" in failed.value.cure
    assert tables(db) == before
    assert version(db) == HEAD
    migrate.prepare(db, path)
    with db.begin():
        assert db.exec_driver_sql("SELECT count(*) FROM v_batch").scalar() == 0


async def test_a_migration_that_would_leave_rows_without_their_parent_is_refused(path: Path, tmp_path: Path) -> None:
    store = await SqlStore.open(path, StillClock())
    await store.record_batch(answer(a_batch()), acknowledge=True)
    await store.close()
    db = open_core(path, engine.connect_writer, "BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="would refer to nothing"):
        migrate.prepare(db, path, later(tmp_path, _NEXT + "    op.execute('DELETE FROM batch')\n"))
    assert version(db) == HEAD
    with db.begin():
        assert db.exec_driver_sql("SELECT count(*) FROM batch").scalar() == 1
    db.close()


def test_a_copy_of_a_failed_attempt_does_not_stop_the_next(db: Connection, path: Path, tmp_path: Path) -> None:
    migrate.prepare(db, path)
    for name in (f"gateway.db.before-{AFTER}", f"gateway.db.before-{AFTER}.part"):
        path.with_name(name).write_bytes(b"half a copy")
    migrate.prepare(db, path, later(tmp_path, _NEXT))
    assert version(db) == AFTER


def test_a_newer_database_is_refused_and_names_the_version_needed(db: Connection, path: Path) -> None:
    migrate.prepare(db, path)
    raw = sqlite3.connect(path)
    raw.execute("UPDATE alembic_version SET version_num = '0009'")
    raw.execute("UPDATE meta SET value = '7.1.0' WHERE name = 'program'")
    raw.commit()
    raw.close()
    before = tables(db)
    with pytest.raises(StoreError, match=r"schema 0009, written by caiso-ads 7\.1\.0") as refused:
        asyncio.run(SqlStore.open(path, StillClock()))
    assert "7.1.0 or newer" in refused.value.cure
    assert (tables(db), version(db)) == (before, "0009")


def test_a_database_of_another_program_is_refused(path: Path) -> None:
    engine.create_file(path)
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE recipes (id INTEGER)")
    raw.commit()
    raw.close()
    with pytest.raises(StoreError, match="another program"):
        asyncio.run(SqlStore.open(path, StillClock()))


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    engine.create_file(path)
    path.write_bytes(b"not a database, but long enough to look like one would" * 40)
    with pytest.raises(StoreError, match="not a database"):
        asyncio.run(SqlStore.open(path, StillClock()))


def test_views_follow_the_program(db: Connection, path: Path) -> None:
    migrate.prepare(db, path)
    with db.begin():
        db.exec_driver_sql("DROP VIEW v_batch")
        db.exec_driver_sql("CREATE VIEW v_batch AS SELECT 1 AS old")
    migrate.prepare(db, path)
    with db.begin():
        assert views._present(db) == views.VIEWS


def test_opening_loads_neither_alembic_nor_the_orm_nor_another_dialect(path: Path) -> None:
    """The daemon's memory is a promise; only an upgrade pays for Alembic."""
    program = (
        "import asyncio, sys; from pathlib import Path; from caiso_ads.ports import SystemClock\n"
        "from caiso_ads.store.sqlite import SqlStore\n"
        "async def main():\n"
        "    for _ in range(2): await (await SqlStore.open(Path(sys.argv[1]), SystemClock())).close()\n"
        "asyncio.run(main())\n"
        "print({'alembic', 'sqlalchemy.orm', 'sqlalchemy.dialects.postgresql'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
