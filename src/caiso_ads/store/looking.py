"""A look at the database from outside the gateway. Rule: it can neither write nor checkpoint, and closes what it opens."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Self

from caiso_ads.errors import StoreError
from caiso_ads.store import engine


class ReadOnly:
    """A read-only connection to the database at ``path``; use it in a ``with`` block, or close it.

    Raises StoreError when the file is missing, is no database of ours, or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
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
