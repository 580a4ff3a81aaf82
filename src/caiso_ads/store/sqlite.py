"""The durable store: the ``Store`` port on SQLite, one writing and one reading thread.

Rule: a method that returns has committed, in the order of the calls; it raises StoreError and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from sqlite3 import Connection as RawConnection
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, insert, update
from sqlalchemy.pool import NullPool

from caiso_ads.core.model import DispatchBatch, TrajectoryBatch
from caiso_ads.errors import StoreError
from caiso_ads.ports import Clock, Cursors, History, Intent, Receipt, Recorded, StoredPayload
from caiso_ads.store import engine, recall, record, schema
from caiso_ads.store.lock import DataLock
from caiso_ads.store.migrate import prepare
from caiso_ads.store.names import Names
from caiso_ads.store.recall import CorruptPayload, Recall
from caiso_ads.store.worker import Worker
from caiso_ads.wire.payload import BadItem

_LOG = logging.getLogger("caiso_ads.store")
_compact_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
T = TypeVar("T")


class SqlStore:
    """Durable memory in one SQLite file. Make one with ``open``; close it with ``close``.

    ``corrupt`` lists the payloads that were found damaged since then; fetching the same content again heals them.
    """

    def __init__(self, path: Path, clock: Clock, lock: DataLock) -> None:
        self.path, self._clock, self._lock = path, clock, lock
        self._names = Names()
        self._identity = engine.identity(path)
        self._corrupt: dict[int, CorruptPayload] = {}
        self._writer = Worker("store-writer", path, self._connect_writer)
        self._reader = Worker("store-reader", path, partial(_open, path, engine.connect_reader, "BEGIN"))

    @classmethod
    async def open(cls, path: Path, clock: Clock) -> SqlStore:
        """Open or create the database, upgrade its schema if needed, and verify the newest payload.

        Raises StoreBusyError when another process has it, StoreError when it cannot be used.
        """
        path = path.absolute()
        store = await asyncio.to_thread(cls._claim, path, clock)
        try:
            await store._writer.run(lambda _: engine.log_version())
        except BaseException:
            await store.close()
            raise
        return store

    @classmethod
    def _claim(cls, path: Path, clock: Clock) -> SqlStore:
        engine.create_file(path)
        lock = DataLock(path)
        try:
            db = _open(path, engine.connect_writer, "BEGIN IMMEDIATE")
        except BaseException:
            lock.release()
            raise
        try:
            prepare(db, path)
        except BaseException:
            lock.release()
            raise
        finally:
            db.close()
        return cls(path, clock, lock)
