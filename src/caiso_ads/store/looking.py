"""A look at the database from outside the gateway. Rule: it can neither write nor checkpoint, and closes what it opens.

Whoever waits for it can stop it: no query of a reader that was stopped goes on, or begins.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from caiso_ads.errors import StoreError
from caiso_ads.store import engine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOOK_EVERY = 10_000
"""Steps of SQLite's machine between two looks whether to stop; some tenths of a millisecond."""


class ReadOnly:
    """A read-only connection to the database at ``path``; use it in a ``with`` block, or close it.

    Raises StoreError when the file is missing, is no database of ours, or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stopped = False
        if not path.is_file():
            raise StoreError(f"{path}: there is no database")
        try:
            self._db = engine.connect_reader(path)
        except sqlite3.Error as problem:
            raise StoreError(f"{path}: cannot be opened for reading: {problem}") from problem

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def can_be_stopped(self) -> None:
        """Let ``stop`` also end a query that runs; a look now and then is the price."""
        self._db.set_progress_handler(lambda: self._stopped, _LOOK_EVERY)

    def stop(self) -> None:
        """End the query that runs, and begin no other; to be called from another thread."""
        self._stopped = True

    def _ask(self, query: str, values: Sequence[object] = ()) -> list[Any]:
        """Return the rows of a query. Raises StoreError."""
        if self._stopped:
            raise StoreError(f"{self.path}: the look was stopped, it took too long")
        try:
            with closing(self._db.execute(query, values)) as answer:
                return answer.fetchall()
        except sqlite3.Error as problem:
            raise StoreError(f"{self.path}: cannot be read: {problem}") from problem

    def _has(self, table: str) -> bool:
        """Whether the database has that table: one of an older schema may not."""
        return bool(self._ask("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)))

    def _ask_of(self, table: str, query: str, values: Sequence[object] = ()) -> list[Any]:
        """Return the rows of a query, none where the database does not have that table yet. Raises StoreError."""
        return self._ask(query, values) if self._has(table) else []


def moment_of(microseconds: int) -> datetime:
    """Return a stored time, microseconds since 1970, as aware UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def microseconds(moment: datetime) -> int:
    """Return an aware time as it is stored."""
    return (moment - _EPOCH) // timedelta(microseconds=1)
