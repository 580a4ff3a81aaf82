"""What could not be read when it was received, decoded again by the program of today, as if it could be read then.

Rule: one payload is one transaction: its rows, the end of its error, the note that it was read later, and the intent.
``received_at`` and the cursors stay, and a version takes the place that is due to when it was received. What still
cannot be read keeps the newest reason. The list of headers is left alone: it has nothing for the tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, or_, select, update

from caiso_ads.core.model import DispatchBatch, TrajectoryBatch
from caiso_ads.errors import WireError
from caiso_ads.store import record
from caiso_ads.store.evidence import WHOLE, intact, original
from caiso_ads.store.names import Names
from caiso_ads.store.schema import Stream, bad_item, outbox, payload
from caiso_ads.wire.operations import OPERATIONS, ResultKind
from caiso_ads.wire.payload import BadItem, read_result

_REFUSED_BY_ISO = "getDispatchBatch"
"""Where the error of a batch says so, the ISO gave a fault instead of it, and there is nothing to decode."""


def candidates(db: Connection, since: datetime | None, until: datetime | None) -> list[int]:
    """Return the rows of payloads of both streams that could not be read, or not wholly; oldest first."""
    found = select(payload.c.id).where(payload.c.stream != int(Stream.LIST), ~payload.c.corrupt)
    found = found.where(or_(payload.c.error.is_not(None), payload.c.id.in_(select(bad_item.c.payload))))
    found = found.where(or_(payload.c.error_where.is_(None), payload.c.error_where != _REFUSED_BY_ISO))
    if since is not None:
        found = found.where(payload.c.received_at >= since)
    if until is not None:
        found = found.where(payload.c.received_at < until)
    return list(db.execute(found.order_by(payload.c.received_at, payload.c.id)).scalars())


@dataclass(frozen=True, slots=True)
class Again:
    """One payload to be decoded again at the time ``now``."""

    row: int
    now: datetime
    acknowledge: bool

    def decode(self, db: Connection, names: Names) -> str | None:
        """Return the UID (or the operation) of what can be read now, and write it; None where nothing more can be."""
        kept = db.execute(select(payload).where(payload.c.id == self.row)).mappings().one()
        text = original(kept["form"], kept["body"])
        if not intact(text, kept["sha256"]):
            record.mark_corrupt(db, [self.row])
            return None
        try:
            found = _read(kept, text)
        except WireError as problem:
            self._keep_newest(db, kept, problem)
            return None
        names = names.within(db)
        if isinstance(found, DispatchBatch):
            return self._take_batch(db, names, kept, found)
        if kept["error"] is None:
            return self._take_items(db, names, found)
        return self._take_list(db, names, kept, found)

    def _take_batch(self, db: Connection, names: Names, kept: RowMapping, found: DispatchBatch) -> str:
        header_only = OPERATIONS[kept["operation"]].result is ResultKind.HEADER
        record.insert_batch(db, names, found, self.row, header_only=header_only)
        self._readable(db, kept)
        if self.acknowledge and not header_only and not _was_settled(db, kept["argument"]):
            record.intent_for(db, kept["argument"], kept["received_at"], make=True)
        return found.batch_uid

    def _take_list(self, db: Connection, names: Names, kept: RowMapping, found: Sequence[object]) -> str:
        """Write all of a list of which nothing could be read."""
        for n, item in enumerate(found):
            if isinstance(item, TrajectoryBatch):
                record.insert_trajectory(db, names, item, self.row, n)
        record.insert_bad_items(db, self.row, found)
        self._readable(db, kept)
        uids = [item.batch_uid for item in found if isinstance(item, TrajectoryBatch)]
        return uids[-1] if uids else str(kept["operation"])

    def _take_items(self, db: Connection, names: Names, found: Sequence[object]) -> str | None:
        """Write the items of a list that could not be read beside their neighbours."""
        bad = db.execute(select(bad_item).where(bad_item.c.payload == self.row).order_by(bad_item.c.n)).mappings().all()
        read: list[str] = []
        for was in bad:
            item = found[was["n"]] if was["n"] < len(found) else None
            here = (bad_item.c.payload == self.row) & (bad_item.c.n == was["n"])
            if isinstance(item, TrajectoryBatch):
                record.insert_trajectory(db, names, item, self.row, was["n"])
                db.execute(delete(bad_item).where(here))
                self._note(db, was["n"], was["error"], was["error_where"])
                read.append(item.batch_uid)
            elif isinstance(item, BadItem):
                newest = {"error": item.error.problem, "error_where": item.error.where}
                db.execute(update(bad_item).where(here).values(newest))
        return read[-1] if read else None

    def _readable(self, db: Connection, kept: RowMapping) -> None:
        db.execute(update(payload).where(payload.c.id == self.row).values(error=None, error_where=None))
        self._note(db, WHOLE, kept["error"], kept["error_where"])

    def _note(self, db: Connection, n: int, error: str, where: str | None) -> None:
        record.note_later(db, self.row, n, WireError(error, where=where or ""), self.now)

    def _keep_newest(self, db: Connection, kept: RowMapping, problem: WireError) -> None:
        newest = {"error": problem.problem, "error_where": problem.where}
        if kept["error"] is not None and any(kept[name] != value for name, value in newest.items()):
            db.execute(update(payload).where(payload.c.id == self.row).values(newest))


def _read(kept: RowMapping, text: bytes) -> Any:
    try:
        found = read_result(kept["operation"], text.decode("utf-8"), kept["argument"])
    except UnicodeDecodeError as problem:
        raise WireError(f"not UTF-8: {problem.reason}") from problem
    return found


def _was_settled(db: Connection, batch_uid: str) -> bool:
    """Whether the receipt of this batch was confirmed, or given up, for another version of it."""
    same = select(outbox.c.id).where(outbox.c.kind == record.VALIDATE, outbox.c.batch_uid == batch_uid, outbox.c.done)
    return db.execute(same).first() is not None
