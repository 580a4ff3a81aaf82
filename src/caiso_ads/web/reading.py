"""Reads of the store, in threads of their own, each with a limit of time.

Rule: a read that takes too long is stopped in the database and answered with a problem; reads that wait are few, and
neither the loop nor the other sinks ever wait for one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Generic, TypeVar

from caiso_ads.errors import StoreError
from caiso_ads.store.looking import ReadOnly
from caiso_ads.web.answers import ProblemError

log = logging.getLogger("caiso_ads.web")

LONGEST_S = 5.0
"""How long one read may take, with its wait for a thread (s)."""
THREADS = 2
MOST_AT_ONCE = 32
"""Reads that run or wait; with more the next is refused at once."""

R = TypeVar("R", bound=ReadOnly)
T = TypeVar("T")


class Reads:
    """The way to the database at ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._threads: ThreadPoolExecutor | None = None
        self._running: set[asyncio.Future[Any]] = set()

    async def of(self, kind: Callable[[Path], R], work: Callable[[R], T], *, within_s: float = LONGEST_S) -> T:
        """Open a reader, do the work with it, and return what it gave.

        Raises ProblemError: 503 where the store cannot be read, is too busy, or the work took too long; 400 for a value
        that no database can look up.
        """
        if len(self._running) >= MOST_AT_ONCE:
            raise ProblemError(503, "too many questions at once; ask again in a few seconds")
        self._threads = self._threads or ThreadPoolExecutor(THREADS, thread_name_prefix="web-reading")
        look = _Look(self.path, kind, work)
        future = asyncio.get_running_loop().run_in_executor(self._threads, look.run)
        self._running.add(future)
        future.add_done_callback(self._forget)
        await asyncio.wait({future}, timeout=within_s)
        if not future.done():
            look.stop()
            raise ProblemError(503, f"this took longer than {within_s:g} s; ask for less at once")
        try:
            return future.result()
        except StoreError as problem:
            log.warning("a read for the page failed: %s", problem)
            raise ProblemError(503, "the store cannot be read now") from problem
        except (UnicodeError, OverflowError) as problem:
            raise ProblemError(400, "this cannot be looked up") from problem

    def close(self) -> None:
        """Let the threads end; the next read makes new ones."""
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)

    def _forget(self, future: asyncio.Future[Any]) -> None:
        self._running.discard(future)
        if not future.cancelled():
            future.exception()  # nobody may be left to ask for it


class _Look(Generic[R, T]):
    """One read: runs in a thread, is stopped from outside."""

    def __init__(self, path: Path, kind: Callable[[Path], R], work: Callable[[R], T]) -> None:
        self._path, self._kind, self._work = path, kind, work
        self._reader: R | None = None
        self._stopped = False

    def run(self) -> T:
        """Open, work, close."""
        with self._kind(self._path) as reader:
            self._reader = reader
            reader.can_be_stopped()
            if self._stopped:
                reader.stop()
            return self._work(reader)

    def stop(self) -> None:
        """End it, now or when it begins."""
        self._stopped = True
        if self._reader is not None:
            self._reader.stop()
