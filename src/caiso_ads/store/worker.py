"""One thread with one connection: what is asked runs in the order asked, and the event loop never waits on a disk.

Rule: one call is one transaction. After any database error the connection is dropped, since after a failed fsync it
cannot be known what it still believes; the next call opens a new one, which checks itself. So a disk that was full
works again without a restart.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from caiso_ads.errors import CommandError, StoreError

_LOG = logging.getLogger("caiso_ads.store")
T = TypeVar("T")


class Worker:
    """Runs functions of a connection in its own thread; ``connect`` is called there, at first and after an error."""

    def __init__(self, name: str, path: Path, connect: Callable[[], Connection]) -> None:
        self._path, self._connect = path, connect
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._db: Connection | None = None
        self._closed = False

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Do the work in one transaction and return its result. Raises StoreError.

        When the waiting task is cancelled, work that has begun is finished all the same.
        """
        if self._closed:
            raise StoreError(f"{self._path}: the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transaction, work)

    async def close(self) -> bool:
        """Finish what was asked before, then close the connection; False when that was done already."""
        if self._closed:
            return False
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._drop)
        self._thread.shutdown()
        return True

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        try:
            if self._db is None:
                self._db = self._connect()
            with self._db.begin():
                return work(self._db)
        except CommandError:
            raise  # what was asked is refused; the connection is as good as before
        except StoreError:
            self._drop()
            raise
        except (SQLAlchemyError, sqlite3.Error, OSError, OverflowError, UnicodeError) as problem:
            # The last two: a number beyond 64 bits or a lone surrogate, which the driver cannot bind.
            self._drop()
            raise StoreError(f"{self._path}: {_reason(problem)}") from problem
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        db, self._db = self._db, None
        if db is None:
            return
        try:
            db.close()
        except (SQLAlchemyError, sqlite3.Error) as problem:
            # The connection is given up because it failed; that it also fails to close changes nothing.
            _LOG.warning("%s: closing a failed connection: %s", self._path, _reason(problem))


def _reason(problem: BaseException) -> str:
    cause = getattr(problem, "orig", None)
    return str(cause or problem)
