"""Brings a database to this program's schema, or refuses; never leaves it between two versions.

Rule: a new file gets the tables of ``schema`` at once; an older one is copied (``VACUUM INTO``) and then upgraded by
Alembic in one transaction; a newer one is not touched. Alembic is imported only for an upgrade: the daemon's memory
is a promise. The text in ``meta.program`` says which program wrote the schema, for the message to an older one.
"""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, insert, select, update

from caiso_ads import __version__
from caiso_ads.errors import StoreError
from caiso_ads.store import schema, views  # views knows every module of tables, so that all of them are made
from caiso_ads.store.engine import set_pragma

VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32), nullable=False))
VERSION.append_constraint(PrimaryKeyConstraint("version_num", name="alembic_version_pkc"))


@dataclass(frozen=True, slots=True)
class Scripts:
    """Where the migrations are, and their order."""

    revisions: tuple[str, ...] = schema.REVISIONS
    folder: Path = Path(__file__).parent / "migrations"

    @property
    def head(self) -> str:
        """The newest revision."""
        return self.revisions[-1]


OURS = Scripts()


def prepare(db: Connection, path: Path, scripts: Scripts = OURS) -> None:
    """Create or upgrade the schema. Raises StoreError for a foreign or a newer database, or a failed migration."""
    with db.begin():
        found = _revision(db, path)
    if found is None:
        with db.begin():
            create(db, scripts)
    elif found not in scripts.revisions:
        with db.begin():
            raise _too_new(db, path, found, scripts)
    elif found != scripts.head:
        _upgrade(db, path, found, scripts)
    with db.begin():
        views.ensure_views(db)


def create(db: Connection, scripts: Scripts = OURS) -> None:
    """Make all tables in an empty database and note their version."""
    schema.metadata.create_all(db)
    VERSION.create(db)
    db.execute(insert(VERSION), {"version_num": scripts.head})
    db.execute(insert(schema.meta), {"name": "program", "value": __version__})


def _revision(db: Connection, path: Path) -> str | None:
    """Return the version of the schema in the database, or None when it is empty."""
    tables = set(db.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars())
    if not tables:
        return None
    if VERSION.name not in tables or "meta" not in tables:
        error = StoreError(f"{path}: this is a database of another program")
        error.cure = "give [store] path a file of its own"
        raise error
    return str(db.execute(select(VERSION.c.version_num)).scalar_one())


def _too_new(db: Connection, path: Path, found: str, scripts: Scripts) -> StoreError:
    writer = db.execute(select(schema.meta.c.value).where(schema.meta.c.name == "program")).scalar()
    error = StoreError(
        f"{path}: has schema {found}, written by caiso-ads {writer}; this is caiso-ads {__version__}, "
        f"which knows schemas up to {scripts.head}"
    )
    error.cure = f"run caiso-ads {writer} or newer, or restore the copy made before the upgrade"
    return error


def _upgrade(db: Connection, path: Path, found: str, scripts: Scripts) -> None:
    copy = _copy(db, path, scripts.head)
    # A table that others refer to can only be made anew while references are not enforced, and SQLite takes that
    # setting only outside of a transaction. They are checked as a whole before the commit instead.
    set_pragma(_driver(db), "foreign_keys", "OFF", 0)
    try:
        with db.begin():
            views.drop_views(db)
            _run_alembic(db, scripts)
            db.execute(update(schema.meta).where(schema.meta.c.name == "program").values(value=__version__))
            _check_references(db)
    except Exception as problem:  # a migration may raise anything; all of it means the same
        error = StoreError(
            f"{path}: upgrade from schema {found} to {scripts.head} failed and changed nothing: {problem}"
        )
        error.cure = f"keep {copy}, run the former version and report the message"
        raise error from problem
    finally:
        set_pragma(_driver(db), "foreign_keys", "ON", 1)


def _check_references(db: Connection) -> None:
    broken = db.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        raise StoreError(f"{len(broken)} rows would refer to nothing, the first in table {broken[0][0]}")


def _copy(db: Connection, path: Path, head: str) -> Path:
    """Copy the database as it is before the upgrade; a copy left by a failed attempt is replaced."""
    copy = path.with_name(f"{path.name}.before-{head}")
    part = copy.with_name(copy.name + ".part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_RDWR | os.O_CREAT, 0o600))
    # VACUUM cannot run inside a transaction, so it goes to the driver below SQLAlchemy's own begin.
    _driver(db).execute("VACUUM INTO ?", (str(part),))
    part.replace(copy)
    return copy


def _driver(db: Connection) -> sqlite3.Connection:
    raw = db.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw


def _run_alembic(db: Connection, scripts: Scripts) -> None:
    from alembic import command  # noqa: PLC0415 - 11 MB resident, needed only here
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(scripts.folder).replace("%", "%%"))
    config.attributes["connection"] = db
    command.upgrade(config, scripts.head)
