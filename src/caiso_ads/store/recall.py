"""Reads: what was stored, given back only after its SHA-256 has been verified.

Rule: a value that may drive a setpoint is decoded again from the verified payload, never taken from the rows; a payload
that is not what was received is named in ``corrupt`` and nothing of it, nor an older version of it, is returned.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, select

from caiso_ads.core.model import DispatchBatch, TrajectoryBatch
from caiso_ads.errors import WireError
from caiso_ads.ports import Cursors, History, Intent, StoredPayload
from caiso_ads.store.evidence import intact, original
from caiso_ads.store.schema import Stream, batch, cursor, outbox, payload, trajectory
from caiso_ads.wire.packing import unpack
from caiso_ads.wire.payload import decode_batch, decode_trajectories

_LOG = logging.getLogger("caiso_ads.store")

_UNREAD = (
    select(payload.c.received_at)
    .where(payload.c.received_at >= bindparam("since"), payload.c.stream == Stream.DISPATCH)
    .where(payload.c.error.is_not(None) | payload.c.corrupt)
)
_DISPUTED = (
    select(batch.c.batch_uid)
    .join(payload, batch.c.id == payload.c.id)
    .where(payload.c.received_at >= bindparam("since"), batch.c.effective & batch.c.conflict)
)


@dataclass(frozen=True, slots=True)
class CorruptPayload:
    """A stored payload whose bytes are no longer those that were received."""

    row: int
    stream: Stream
    uid: str
    received_at: datetime


@dataclass(slots=True)
class Recall:
    """What one read gave: verified payload texts, and on the side those that failed."""

    corrupt: list[CorruptPayload] = field(default_factory=list)

    def texts(self, db: Connection, query: Select[Any]) -> Iterator[tuple[RowMapping, str]]:
        """Yield each row of a query on ``payload`` with its verified original text."""
        for row in db.execute(query).mappings():
            text = original(row["form"], row["body"])
            if intact(text, row["sha256"]):
                yield row, text.decode("utf-8")
            else:
                self.corrupt.append(_damaged(row))

    def history(self, db: Connection, since: datetime) -> History:
        """Return the effective batches and trajectories received since then, in the order they were stored."""
        recent = select(payload).where(payload.c.received_at >= since, ~payload.c.corrupt, payload.c.error.is_(None))
        batches = recent.join(batch, batch.c.id == payload.c.id).where(batch.c.effective).order_by(payload.c.id)
        found: list[tuple[DispatchBatch, datetime]] = []
        lost = list(db.execute(_UNREAD, {"since": since}).scalars())
        for row, text in self.texts(db, batches):
            try:
                found.append((decode_batch(text), row["received_at"]))
            except WireError as problem:
                _unreadable(row, problem)
                lost.append(row["received_at"])
        lost += [item.received_at for item in self.corrupt]
        trajectories = self._trajectories(db, recent.where(payload.c.stream == Stream.TRAJECTORY))
        disputed = frozenset(db.execute(_DISPUTED, {"since": since}).scalars())
        return History(found, trajectories, max(lost, default=None), disputed)

    def _trajectories(self, db: Connection, recent: Select[Any]) -> Sequence[tuple[TrajectoryBatch, datetime]]:
        found = []
        for row, text in self.texts(db, recent.order_by(payload.c.id)):
            of_payload = (trajectory.c.payload == row["id"]) & trajectory.c.effective
            places = db.execute(
                select(trajectory.c.n, trajectory.c.batch_uid).where(of_payload).order_by(trajectory.c.n)
            ).all()
            try:
                items = decode_trajectories(text) if places else ()
            except WireError as problem:
                _unreadable(row, problem)
                continue
            for n, uid in places:
                item = items[n] if n < len(items) else None
                if isinstance(item, TrajectoryBatch) and item.batch_uid == uid:
                    found.append((item, row["received_at"]))
                else:
                    _unreadable(row, WireError("another trajectory stands in its place", where=uid))
        return found

    def payloads_after(self, db: Connection, last: int, limit: int) -> list[StoredPayload]:
        """Return up to ``limit`` readable payloads of the two streams behind a row number, unpacked."""
        query = (
            select(payload)
            .where(payload.c.id > last, payload.c.stream != Stream.LIST)
            .where(payload.c.error.is_(None), ~payload.c.corrupt)
            .order_by(payload.c.id)
        )
        found: list[StoredPayload] = []
        for row, text in self.texts(db, query.execution_options(yield_per=min(max(limit, 1), 100))):
            if len(found) >= limit:
                break
            try:
                xml = unpack(text)
            except WireError as problem:
                _unreadable(row, problem)
                continue
            found.append(
                StoredPayload(row["id"], Stream(row["stream"]).name.lower(), row["uid"], row["received_at"], xml)
            )
        return found


def _damaged(row: RowMapping) -> CorruptPayload:
    return CorruptPayload(row["id"], Stream(row["stream"]), row["uid"], row["received_at"])


def _unreadable(row: RowMapping, problem: WireError) -> None:
    """Say that an intact payload was readable when stored and is not now: the decoder changed."""
    _LOG.error("payload %d (%s) could be read when it was stored and cannot now: %s", row["id"], row["uid"], problem)


def cursors(db: Connection) -> Cursors:
    """Return where both streams stand."""
    found: dict[int, str] = {row.stream: row.uid for row in db.execute(select(cursor))}
    start = Cursors()
    return Cursors(
        found.get(Stream.DISPATCH, start.dispatch_uid),
        found.get(Stream.TRAJECTORY, start.trajectory_uid),
    )


def pending_intents(db: Connection) -> list[Intent]:
    """Return the intents without a final result, oldest first."""
    found = db.execute(select(outbox).where(~outbox.c.done).order_by(outbox.c.id))
    return [Intent(row.id, row.kind, row.batch_uid, row.created_at, row.attempts) for row in found]


def corrupt(db: Connection) -> list[CorruptPayload]:
    """Return the payloads that are marked as damaged, oldest first."""
    found = db.execute(select(payload).where(payload.c.corrupt).order_by(payload.c.id)).mappings()
    return [_damaged(row) for row in found]


def newest_if_damaged(db: Connection) -> CorruptPayload | None:
    """Verify the newest stored payload; return it when it is not what was received."""
    recall = Recall()
    newest = select(payload).where(~payload.c.corrupt).order_by(payload.c.id.desc()).limit(1)
    for _ in recall.texts(db, newest):
        return None
    return recall.corrupt[0] if recall.corrupt else None
