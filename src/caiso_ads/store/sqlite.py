"""The durable store: the ``Store`` port on SQLite, with one writing and one reading thread.

Rule: a method that returns has committed, in the order of the calls; it raises StoreError and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from sqlite3 import Connection as RawConnection
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, create_engine, event, insert, update
from sqlalchemy.pool import NullPool

from caiso_ads.core.answers import Answer, AnswerState
from caiso_ads.core.codes import ResponseResult
from caiso_ads.core.model import DispatchBatch, TrajectoryBatch
from caiso_ads.core.override import Cleared, Override
from caiso_ads.core.price import Correction, Market, NodeInfo
from caiso_ads.errors import StoreError
from caiso_ads.ports import Clock, Cursors, History, Intent, Receipt, Recorded, Redecoded, StoredPayload
from caiso_ads.ports.answers import Fact
from caiso_ads.ports.prices import PriceAnswer, StoredPrice
from caiso_ads.store import (
    answers,
    audit,
    disturbances,
    engine,
    outages,
    price_asked,
    price_catalogue,
    prices,
    recall,
    record,
    redecode,
    stored,
)
from caiso_ads.store.chain import AuditRow
from caiso_ads.store.lock import DataLock
from caiso_ads.store.migrate import prepare
from caiso_ads.store.names import Names
from caiso_ads.store.recall import CorruptPayload, Recall
from caiso_ads.store.schema import meta
from caiso_ads.store.worker import Worker
from caiso_ads.wire.payload import BadItem

_LOG = logging.getLogger("caiso_ads.store")
T = TypeVar("T")


class SqlStore:
    """Durable memory in one SQLite file. Make one with ``open``; end it with ``close``."""

    def __init__(self, path: Path, clock: Clock, lock: DataLock) -> None:
        self.path, self._clock, self._lock = path, clock, lock
        self._names = Names()
        self._identity = engine.identity(path)
        self._reported: set[int] = set()
        self._writer = Worker("store-writer", path, self._connect_writer)
        self._reader = Worker("store-reader", path, partial(open_core, path, engine.connect_reader, "BEGIN"))

    @classmethod
    async def open(cls, path: Path, clock: Clock) -> SqlStore:
        """Open or create the database, upgrade its schema if needed, and verify the newest payload.

        Raises StoreBusyError when another process has it, StoreError when it cannot be used.
        """
        store = await asyncio.to_thread(cls._claim, path, clock)
        try:
            await store.probe()
        except BaseException:
            await store.close()
            raise
        return store

    @classmethod
    def _claim(cls, path: Path, clock: Clock) -> SqlStore:
        path = path.absolute()
        engine.create_file(path)
        engine.log_version()
        return cls(path, clock, DataLock(path))

    async def cursors(self) -> Cursors:
        """Return both cursors."""
        return await self._reader.run(recall.cursors)

    async def record_batch(self, receipt: Receipt[DispatchBatch], *, acknowledge: bool) -> Recorded:
        """Commit payload, rows or error, dispatch cursor (= ``receipt.argument``) and intent, in one transaction.

        The intent is new for new content; for content stored before it is the one still open, if any.
        """
        return await self._write(
            lambda db: stored.record_batch(
                db, self._names, receipt, self._now(), move_cursor=True, acknowledge=acknowledge
            )
        )

    async def record_recheck(self, receipt: Receipt[DispatchBatch]) -> Recorded:
        """Commit a changed version of a batch we have; the cursor stays."""
        return await self._write(
            lambda db: stored.record_batch(db, self._names, receipt, self._now(), move_cursor=False, acknowledge=False)
        )

    async def record_trajectories(self, receipt: Receipt[Sequence[TrajectoryBatch | BadItem]]) -> Recorded:
        """Commit payload, rows, errors of single items, and the trajectory cursor (= the last UID that could be read)."""
        return await self._write(lambda db: stored.record_trajectories(db, self._names, receipt, self._now()))

    async def record_unreadable_list(self, receipt: Receipt[Any]) -> None:
        """Keep a list answer that could not be read, once per content."""
        await self._write(lambda db: record.record_unreadable_list(db, receipt))

    async def history(self, since: datetime) -> History:
        """Return the effective batches and trajectories received since then, each verified and decoded again."""
        return await self._read(lambda db, found: found.history(db, since))

    async def pending_intents(self) -> Sequence[Intent]:
        """Return intents without a final result, oldest first."""
        return await self._reader.run(recall.pending_intents)

    async def settle_intent(self, intent_id: int, *, result: str, done: bool, at: datetime) -> None:
        """Record an attempt; ``done`` closes the intent. Raises StoreError when there is no such intent."""
        if not await self._write(lambda db: record.settle_intent(db, intent_id, result=result, done=done, at=at)):
            raise StoreError(f"{self.path}: outbox has no row {intent_id}")

    async def payloads_after(self, row: int, limit: int) -> Sequence[StoredPayload]:
        """Return decoded payloads with a larger row number, in order."""
        return await self._read(lambda db, found: found.payloads_after(db, row, limit))

    async def corrupt(self) -> Sequence[CorruptPayload]:
        """Return the payloads found damaged and not healed; receiving the same content again heals one."""
        return await self._reader.run(recall.corrupt)

    async def record_override(self, override: Override, origin: Mapping[str, object]) -> None:
        """Commit an operator's override and its audit row; it takes the place of one for the same resource."""
        await self._write(lambda db: audit.record_override(db, override, origin))

    async def record_override_cleared(self, cleared: Cleared, origin: Mapping[str, object]) -> bool:
        """Commit the early end of an override and its audit row; False, and nothing written, when none stands."""
        return await self._write(lambda db: audit.record_cleared(db, cleared, origin))

    async def record_ended(self, now: datetime) -> Sequence[Override]:
        """Commit an audit row for each override whose time has passed and that nothing ended before; return them."""
        return await self._write(lambda db: audit.record_ended(db, now))

    async def open_overrides(self) -> Sequence[Override]:
        """Return the overrides not cleared and not long ended, oldest first; ``active`` says which stand."""
        now = self._clock.now().wall
        return await self._reader.run(lambda db: audit.open_overrides(db, now))

    async def record_answer(self, answer: Answer, origin: Mapping[str, object]) -> Answer:
        """Commit a new answer and its audit row; raises CommandError where one of the same revision stands."""
        return await self._write(lambda db: answers.record(db, answer, origin))

    async def second_answer(self, answer_id: int, who: str, at: datetime, origin: Mapping[str, object]) -> Answer:
        """Commit the second person's consent; raises CommandError for the same person or another state."""
        return await self._write(lambda db: answers.second(db, answer_id, who, at, origin))

    async def mark_sending(self, answer_id: int, at: datetime) -> None:
        """Commit that the answer may be on its way from now on; only a DECIDED one, else StoreError."""
        await self._write(lambda db: answers.mark_sending(db, answer_id, at))

    async def settle_answer(
        self, answer_id: int, state: AnswerState, *, result: ResponseResult | None, text: str, at: datetime
    ) -> None:
        """Commit what became of it and its audit row; the same end once more changes nothing."""
        await self._write(lambda db: answers.settle(db, answer_id, state, result=result, text=text, at=at))

    async def open_answers(self) -> Sequence[Answer]:
        """Return the answers that still change, oldest first."""
        return await self._reader.run(answers.open_answers)

    async def answers_of(self, instruction_uid: str) -> Sequence[Answer]:
        """Return every answer to an instruction, oldest first."""
        return await self._reader.run(lambda db: answers.answers_of(db, instruction_uid))

    async def append_facts(self, facts: Sequence[Fact]) -> None:
        """Append rows to the evidence chain in one commit, in that order."""
        await self._write(lambda db: audit.append(db, facts))

    async def last_about(self, uid: str) -> AuditRow | None:
        """Return the newest audit row that concerns a batch, an instruction or another subject."""
        return await self._reader.run(lambda db: audit.last_about(db, uid))

    async def last_of_each(self, kind: str) -> Sequence[Mapping[str, Any]]:
        """Return the details of the newest audit row of each subject ``kind ...``, oldest first."""
        return await self._reader.run(lambda db: audit.last_of_each(db, kind))

    async def audit_rows(self, after: int, limit: int) -> Sequence[AuditRow]:
        """Return audit rows with a larger number, in order; ``chain.first_broken`` verifies them."""
        return await self._reader.run(lambda db: audit.rows(db, after, limit))

    async def record_poll(self, at: datetime) -> None:
        """Note the time of a complete poll; only the first and the last are kept."""
        await self._write(lambda db: outages.record_poll(db, at))

    async def last_poll(self) -> datetime | None:
        """Return the time of the last complete poll that was noted; None when there is none."""
        return await self._reader.run(outages.last_poll)

    async def record_outage(self, start: datetime, end: datetime, reason: str) -> None:
        """Note a time without a complete poll, and that one was complete at its end."""
        await self._write(lambda db: outages.record_outage(db, start, end, reason))

    async def record_distrust(self, start: datetime, noticed: datetime, offset_s: float | None) -> None:
        """Note that our clock is not trusted, unless that is noted already."""
        await self._write(lambda db: disturbances.record_distrust(db, start, noticed, offset_s))

    async def record_trust(self, at: datetime, offset_s: float | None) -> None:
        """Note that our clock is trusted again."""
        await self._write(lambda db: disturbances.record_trust(db, at, offset_s))

    async def record_store_failure(self, start: datetime, end: datetime) -> None:
        """Note a time in which the store took no writes."""
        await self._write(lambda db: disturbances.record_store_failure(db, start, end))

    async def redecode(self, since: datetime | None, *, acknowledge: bool, until: datetime | None = None) -> Redecoded:
        """Decode again what was received from ``since`` until before ``until`` and could not be read.

        Each payload that can be read now, wholly or in part, is one transaction. None means without that bound.
        """
        now, readable, unreadable = self._clock.now().wall, list[str](), 0
        for row in await self._reader.run(lambda db: redecode.candidates(db, since, until)):
            again = redecode.Again(row, now, acknowledge=acknowledge)
            name = await self._write(partial(again.decode, names=self._names))
            if name is None:
                unreadable += 1
            else:
                readable.append(name)
        return Redecoded(readable, unreadable)

    async def record_prices(self, answer: PriceAnswer) -> Sequence[Correction]:
        """Upsert by (market, node, interval start); where a value changes keep the old one and return the change."""
        return await self._write(lambda db: prices.record_prices(db, answer))

    async def prices(
        self, market: Market, nodes: Sequence[str], start: datetime, end: datetime
    ) -> Sequence[StoredPrice]:
        """Return the newest version of each interval that begins in that time, by node and start."""
        return await self._reader.run(lambda db: prices.prices(db, market, nodes, start, end))

    async def corrections(self, market: Market, start: datetime, end: datetime) -> Sequence[Correction]:
        """Return the changes of intervals that begin in that time, oldest change first."""
        return await self._reader.run(lambda db: prices.corrections(db, market, start, end))

    async def record_asked(
        self, market: Market, nodes: Sequence[str], start: datetime, end: datetime, at: datetime
    ) -> None:
        """Note that this time was asked for and answered at ``at``; only what was final then counts."""
        await self._write(lambda db: price_asked.record_asked(db, market, nodes, start, end, at))

    async def price_gaps(
        self, market: Market, nodes: Sequence[str], start: datetime, end: datetime
    ) -> Sequence[tuple[datetime, datetime]]:
        """Return the stretches of the market's grid for which a node has neither a price nor a noted answer."""
        return await self._reader.run(lambda db: price_asked.price_gaps(db, market, nodes, start, end))

    async def record_catalogue(self, kind: str, rows: Sequence[NodeInfo], at: datetime) -> None:
        """Replace the catalogue of that kind."""
        await self._write(lambda db: price_catalogue.record_catalogue(db, kind, rows, at))

    async def catalogue(self, kind: str) -> tuple[Sequence[NodeInfo], datetime | None]:
        """Return the catalogue of that kind and when it was fetched; empty and None when it never was."""
        return await self._reader.run(lambda db: price_catalogue.catalogue(db, kind))

    async def probe(self) -> None:
        """Write and commit one marker; raises StoreError while the store cannot write."""
        await self._write(lambda db: _mark(db, self._clock.now().wall))

    async def close(self) -> None:
        """Finish the last commit and release the files; a second call does nothing."""
        await self._reader.close()
        if await self._writer.close():
            self._lock.release()

    def _now(self) -> datetime:
        return self._clock.now().wall

    async def _write(self, work: Callable[[Connection], T]) -> T:
        def checked(db: Connection) -> T:
            self._check_file()
            return work(db)

        return await self._writer.run(checked)

    async def _read(self, work: Callable[[Connection, Recall], T]) -> T:
        found = Recall()
        result = await self._reader.run(lambda db: work(db, found))
        if found.corrupt:
            await self._mark_corrupt(found.corrupt)
        return result

    async def _mark_corrupt(self, damaged: Sequence[CorruptPayload]) -> None:
        rows = {item.row for item in damaged}
        self._report(damaged)
        try:
            await self._write(lambda db: record.mark_corrupt(db, rows))
        except StoreError as problem:
            # What could be verified is still good, and the damage is found again by the next read.
            _LOG.warning("damaged payloads could not be marked: %s", problem)
        else:
            self._reported -= rows

    def _connect_writer(self) -> Connection:
        """Open the writing connection, bring the schema up to date, and verify the newest payload."""
        self._check_file()
        db = open_core(self.path, engine.connect_writer, "BEGIN IMMEDIATE")
        try:
            prepare(db, self.path)
            with db.begin():
                damaged = recall.newest_if_damaged(db)
                if damaged is not None:
                    record.mark_corrupt(db, [damaged.row])
                    self._report([damaged])
        except BaseException:
            db.close()
            raise
        return db

    def _check_file(self) -> None:
        if engine.identity(self.path) != self._identity:
            error = StoreError(f"{self.path}: the database file was replaced while in use; nothing is written")
            error.cure = "restart the gateway; stop it before replacing its database"
            raise error

    def _report(self, damaged: Sequence[CorruptPayload]) -> None:
        """Log each damaged payload once, however often it is read while it cannot be marked."""
        for item in damaged:
            if item.row not in self._reported:
                self._reported.add(item.row)
                text = (
                    "%s: payload %d (%s %s) is not what was received: its SHA-256 differs; not used until fetched again"
                )
                _LOG.error(text, self.path, item.row, item.stream.name.lower(), item.uid)


def open_core(path: Path, connect: Callable[[Path], RawConnection], begin: str) -> Connection:
    """Return a SQLAlchemy connection whose transactions start with ``begin``, over a checked driver connection."""
    made = create_engine("sqlite://", creator=lambda: connect(path), poolclass=NullPool, json_serializer=_json)
    event.listen(made, "begin", lambda db: db.exec_driver_sql(begin))
    return made.connect()


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _mark(db: Connection, at: datetime) -> None:
    value = at.isoformat()
    if db.execute(update(meta).where(meta.c.name == "probe").values(value=value)).rowcount == 0:
        db.execute(insert(meta), {"name": "probe", "value": value})
