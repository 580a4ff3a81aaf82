"""The file of users, sessions and tokens beside the store. Rule: whole or not at all, on the disk before it is answered.

The page and the command line change it, one after the other by a lock; the gateway looks once a second whether somebody
else did. A file that cannot be read is an error, never an empty one: without users everybody may look.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from caiso_ads.ads.tls import refuse_shared_key
from caiso_ads.errors import CertificateError, StoreError
from caiso_ads.filelock import take
from caiso_ads.web.access.book import Book

log = logging.getLogger("caiso_ads.web.access")

LOOK_EVERY_S = 1.0
LOCK_WITHIN_S = 5.0
LARGEST_BYTES = 4_000_000
Work = Callable[[Book], Book]


def folder_of(store: Path) -> Path:
    """Return the folder beside a store."""
    return store.with_name(f"{store.name}.access")


class Keeper:
    """The file; every method may wait for the disk. StoreError when it cannot be read or written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "users.json"
        self.setup_path = folder / "setup-token"

    def read(self) -> Book:
        """Return what stands in the file; an empty book where there is none yet."""
        try:
            body = self.path.read_bytes()
            refuse_shared_key(self.path)
        except FileNotFoundError:
            return Book(secret=secrets.token_hex(32))
        except OSError as problem:
            raise StoreError(f"{self.path}: cannot be read: {problem.strerror}") from problem
        except CertificateError as problem:
            raise _with_cure(StoreError(str(problem)), problem.cure) from problem
        try:
            book = msgspec.json.decode(body, type=Book)
        except msgspec.DecodeError as problem:
            raise self._broken(str(problem)) from problem
        if book.format != 1 or len(book.secret) < 64 or len(body) > LARGEST_BYTES:
            raise self._broken("not of this version")
        return book

    def stamp(self) -> tuple[int, ...]:
        """Return what changes with the file; empty where there is none."""
        try:
            found = self.path.stat()
        except OSError:
            return ()
        return found.st_ino, found.st_size, found.st_mtime_ns

    def change(self, work: Work) -> Book:
        """Read, change and write, with nobody in between; what ``work`` raises goes through, and nothing is written."""
        with self._locked():
            before = self.read()
            book = work(before)
            if book != before or not self.path.exists():
                self._write(self.path, msgspec.json.format(msgspec.json.encode(book), indent=1))
            return book

    def write_setup(self, token: str) -> Path:
        """Put the one-time token where only our own user can read it; return where."""
        with self._locked():
            self._write(self.setup_path, f"{token}\n".encode())
        return self.setup_path

    def remove_setup(self) -> None:
        """Remove the one-time token's file."""
        with suppress(FileNotFoundError):
            self.setup_path.unlink()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as problem:
            raise StoreError(f"{self.folder}: cannot be used: {problem.strerror}") from problem
        try:
            self._take(fd)
            yield
        finally:
            os.close(fd)

    def _take(self, fd: int) -> None:
        end = time.monotonic() + LOCK_WITHIN_S
        while True:
            try:
                return take(fd)
            except OSError as problem:
                if time.monotonic() >= end:
                    raise StoreError(f"{self.path}: somebody else changes it for too long") from problem
            time.sleep(0.02)

    def _write(self, path: Path, body: bytes) -> None:
        part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            _sync(self.folder)
        except OSError as problem:
            with suppress(OSError):
                part.unlink()
            raise StoreError(f"{path}: cannot be written: {problem.strerror}") from problem

    def _broken(self, why: str) -> StoreError:
        return _with_cure(
            StoreError(f"{self.path}: no file of users: {why}"),
            "restore it, or move it away and set up the first user again",
        )


def _with_cure(error: StoreError, cure: str) -> StoreError:
    error.cure = cure
    return error


def _sync(folder: Path) -> None:
    """Make a new name in a folder durable; Windows has no such call, and does not need it."""
    if os.name != "posix":
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class LiveBook:
    """The newest book for the running gateway; empty until ``load``. ``changed`` is called when it is another one."""

    def __init__(self, keeper: Keeper, changed: Callable[[Book], None]) -> None:
        self.keeper = keeper
        self.book = Book()
        self._changed = changed
        self._stamp: tuple[int, ...] | None = ()
        self._looked = 0.0
        self._told = ""
        self._turn = asyncio.Lock()

    async def load(self) -> Book:
        """Read the file; StoreError when it cannot be read: then nobody may be served."""
        async with self._turn:
            self._stamp = await asyncio.to_thread(self.keeper.stamp)
            self.book = await asyncio.to_thread(self.keeper.read)
        self._changed(self.book)
        return self.book

    async def fresh(self, mono: float) -> Book:
        """Return the newest book; looks at most once a second whether the file is another one."""
        if mono - self._looked >= LOOK_EVERY_S or not self._looked:
            self._looked = mono
            async with self._turn:
                await asyncio.to_thread(self._look)
            self._changed(self.book)
        return self.book

    async def change(self, work: Work) -> Book:
        """Change the file in a thread, and what stands here."""
        async with self._turn:
            self.book = await asyncio.to_thread(self.keeper.change, work)
            self._stamp = None  # read again at the next look: somebody may have changed it since
        self._changed(self.book)
        return self.book

    def _look(self) -> None:
        """Read a file that changed; one that is gone or broken changes nothing, so nobody gets in by breaking it."""
        stamp = self.keeper.stamp()
        if stamp == self._stamp:
            return
        problem = "" if stamp else f"{self.keeper.path} is gone: what was known stays in force until the next start"
        if stamp:
            try:
                self.book = self.keeper.read()
            except StoreError as error:
                problem = f"{error}: what was known stays in force until the next start"
        if problem != self._told and problem:
            log.error("%s", problem)
        self._told, self._stamp = problem, stamp
