"""Connections, and the settings without which a commit would not be durable.

Rule: exactly one connection writes and checkpoints; every other is read-only and cannot. Each setting is read back,
because SQLite ignores what it cannot do: a mismatch is a StoreError that names the pragma.
Not checked: whether the folder is a network share, where locks may not hold; keep the database on a local disk.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
from pathlib import Path
from typing import Any

from caiso_ads.errors import StoreError

_LOG = logging.getLogger("caiso_ads.store")
_WAL_RESET_FIXED = (3, 51, 3)
BUSY_TIMEOUT_MS = 5000

WRITER_PRAGMAS: tuple[tuple[str, str, object], ...] = (
    ("busy_timeout", str(BUSY_TIMEOUT_MS), BUSY_TIMEOUT_MS),
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "FULL", 2),
    ("foreign_keys", "ON", 1),
    ("journal_size_limit", "67108864", 67108864),
)
"""Name, what is asked for, and what must be read back."""

READER_PRAGMAS: tuple[tuple[str, str, object], ...] = (
    ("busy_timeout", str(BUSY_TIMEOUT_MS), BUSY_TIMEOUT_MS),
    ("query_only", "ON", 1),
    ("cache_size", "-512", -512),
)


def create_file(path: Path) -> None:
    """Create an empty database file for this user only, or check that an existing one is not open to others."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as problem:
        error = StoreError(f"{path}: cannot be created or written: {problem.strerror}")
        error.cure = "check that the folder exists, is writable and has space"
        raise error from problem
    if os.name == "posix" and mode & 0o077:
        error = StoreError(f"{path}: other users of this machine may read or write it (mode {mode:04o})")
        error.cure = f"chmod 600 {path}"
        raise error


def connect_writer(path: Path) -> sqlite3.Connection:
    """Open the one writing connection; the file must exist. Raises StoreError or sqlite3.Error."""
    return _connect(path, "rw", WRITER_PRAGMAS)


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open a connection that can neither write nor checkpoint. Raises StoreError or sqlite3.Error."""
    return _connect(path, "ro", READER_PRAGMAS)


def _connect(path: Path, mode: str, pragmas: tuple[tuple[str, str, object], ...]) -> sqlite3.Connection:
    # isolation_level None: the sqlite3 module must not begin or commit on its own, least of all around DDL.
    # check_same_thread off: the connection lives in its worker's thread but may be closed from another.
    uri = f"{path.resolve().as_uri()}?mode={mode}"
    db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_MS / 1000)
    try:
        for name, asked, expected in pragmas:
            set_pragma(db, name, asked, expected)
    except BaseException:
        db.close()
        raise
    return db


def set_pragma(db: sqlite3.Connection, name: str, asked: str, expected: object) -> None:
    """Set one pragma and read it back; raises StoreError naming it when the database did something else."""
    db.execute(f"PRAGMA {name} = {asked}").fetchall()
    found = pragma(db, name)
    if found != expected:
        raise StoreError(f"PRAGMA {name} is {found!r} although {asked} was asked for; commits would not be safe")


def pragma(db: sqlite3.Connection, name: str) -> Any:
    """Return the present value of a pragma."""
    row = db.execute(f"PRAGMA {name}").fetchone()
    return None if row is None else row[0]


def log_version() -> None:
    """Say once which SQLite this is, and whether a known fault in it touches us."""
    note = ""
    if sqlite3.sqlite_version_info < _WAL_RESET_FIXED:
        note = "; older than 3.51.3 (WAL-reset fault), safe here: only one connection writes and checkpoints"
    _LOG.info("SQLite %s%s", sqlite3.sqlite_version, note)


def identity(path: Path) -> tuple[int, int]:
    """Return which file stands at a path now; raises StoreError when none does."""
    try:
        found = path.stat()
    except OSError as problem:
        raise StoreError(f"{path}: the database file is gone: {problem.strerror}") from problem
    return found.st_dev, found.st_ino
