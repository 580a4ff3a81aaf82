"""What one commit writes: the payload, its rows or its error, the cursor of its stream, and the intent.

Rule: each function runs inside the transaction of its caller. The same content is never stored twice for one UID; it
counts as fresh again only when the stored copy was damaged, or could not be read by the program that stored it.
A batch's effective version is its highest revision; of two contents with one revision both stay, marked ``conflict``,
and the one received last is effective.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from caiso_ads.core.model import DispatchBatch, TrajectoryBatch
from caiso_ads.errors import WireError
from caiso_ads.ports import Intent, Receipt, Recorded
from caiso_ads.store import rows
from caiso_ads.store.bulk import insert_rows
from caiso_ads.store.evidence import WHOLE, compact
from caiso_ads.store.lived_schema import decoded_later
from caiso_ads.store.names import Names
from caiso_ads.store.schema import (
    Stream,
    bad_item,
    batch,
    compliance,
    cursor,
    dop,
    instruction,
    instruction_more,
    outbox,
    payload,
    trajectory,
)
from caiso_ads.wire.operations import OPERATIONS, ResultKind
from caiso_ads.wire.payload import BadItem

VALIDATE = "validate"

# Statements of the hot path, built once: half of SQLAlchemy's time is in building them.
_SAME_CONTENT = select(payload.c.id, payload.c.corrupt, payload.c.error, payload.c.error_where).where(
    payload.c.stream == bindparam("stream"), payload.c.uid == bindparam("uid"), payload.c.sha256 == bindparam("sha256")
)
_NEW_PAYLOAD, _NEW_BATCH, _NEW_TRAJECTORY, _NEW_INTENT = map(insert, (payload, batch, trajectory, outbox))
_VERSIONS = (
    select(batch.c.revision_no, payload.c.last_seen, batch.c.id)
    .join(payload, payload.c.id == batch.c.id)
    .where(batch.c.batch_uid == bindparam("uid"), ~batch.c.header_only)
)
_TRAJECTORIES = (
    select(trajectory.c.digest, trajectory.c.payload, payload.c.last_seen)
    .join(payload, payload.c.id == trajectory.c.payload)
    .where(trajectory.c.batch_uid == bindparam("uid"))
)
_LAST_SEEN = select(payload.c.last_seen).where(payload.c.id == bindparam("row"))
_MOVE = update(cursor).where(cursor.c.stream == bindparam("of"))
_OPEN_INTENT = select(outbox).where(
    outbox.c.kind == bindparam("kind"), outbox.c.batch_uid == bindparam("uid"), ~outbox.c.done
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A payload's row. ``fresh``: its content is news; ``new_rows``: the rows of its content are not there yet."""

    row: int
    fresh: bool
    new_rows: bool


def record_batch(
    db: Connection, names: Names, receipt: Receipt[DispatchBatch], *, move_cursor: bool, acknowledge: bool
) -> Recorded:
    """Write one answer to GetDispatchBatch or GetBatchHeader."""
    content = receipt.content
    uid = receipt.argument.strip() if isinstance(content, WireError) else content.batch_uid
    kept = _keep(db, Stream.DISPATCH, uid, receipt, content if isinstance(content, WireError) else None)
    conflict = False
    if kept.new_rows and isinstance(content, DispatchBatch):
        header_only = _is_header(receipt.operation)
        conflict = insert_batch(db, names.within(db), content, kept.row, header_only=header_only)
    if move_cursor:
        _move_cursor(db, Stream.DISPATCH, receipt.argument, kept.row, receipt.received_at)
    if isinstance(content, WireError) or not acknowledge:
        return Recorded(kept.fresh, conflict=conflict)
    return Recorded(kept.fresh, intent_for(db, receipt.argument, receipt.received_at, make=kept.fresh), conflict)


def record_trajectories(
    db: Connection, names: Names, receipt: Receipt[Sequence[TrajectoryBatch | BadItem]]
) -> Recorded:
    """Write one answer to GetTrajectoryData; the cursor moves to the last UID that could be read, if any."""
    content = receipt.content
    if isinstance(content, WireError):
        return Recorded(_keep(db, Stream.TRAJECTORY, "", receipt, content).fresh)
    uids = [uid for item in content if (uid := _uid(item))]
    last = uids[-1] if uids else ""
    kept = _keep(db, Stream.TRAJECTORY, last, receipt, None)
    if kept.new_rows:
        for n, item in enumerate(content):
            if isinstance(item, TrajectoryBatch):
                insert_trajectory(db, names.within(db), item, kept.row, n)
        insert_bad_items(db, kept.row, content)
    if last:
        _move_cursor(db, Stream.TRAJECTORY, last, kept.row, receipt.received_at)
    return Recorded(kept.fresh)


def record_unreadable_list(db: Connection, receipt: Receipt[Any]) -> None:
    """Keep one answer to GetDispatchBatchesSinceUID, with its error or those of its items."""
    content = receipt.content
    kept = _keep(db, Stream.LIST, "", receipt, content if isinstance(content, WireError) else None)
    if kept.new_rows and not isinstance(content, WireError):
        insert_bad_items(db, kept.row, content)


def settle_intent(db: Connection, intent_id: int, *, result: str, done: bool, at: datetime) -> bool:
    """Note one attempt; returns False when there is no such intent."""
    changes = {"attempts": outbox.c.attempts + 1, "last_try": at, "result": result, "done": done}
    return db.execute(update(outbox).where(outbox.c.id == intent_id).values(changes)).rowcount == 1


def mark_corrupt(db: Connection, payload_rows: Iterable[int]) -> None:
    """Note that stored payloads are not what was received; the same content heals them when it comes again."""
    db.execute(update(payload).where(payload.c.id.in_(list(payload_rows))).values(corrupt=True))


def _keep(db: Connection, stream: Stream, uid: str, receipt: Receipt[Any], error: WireError | None) -> Kept:
    digest = receipt.digest
    found = db.execute(_SAME_CONTENT, {"stream": int(stream), "uid": uid, "sha256": digest}).one_or_none()
    form, body = compact(receipt.payload)
    if found is None:
        values = {
            "stream": int(stream),
            "uid": uid,
            "operation": receipt.operation,
            "argument": receipt.argument,
            "received_at": receipt.received_at,
            "server_date": receipt.server_date,
            "sha256": digest,
            "form": int(form),
            "body": body,
            "error": error and error.problem,
            "error_where": error and error.where,
            "corrupt": False,
            "seen": 1,
            "last_seen": receipt.received_at,
        }
        made = db.execute(_NEW_PAYLOAD, values).inserted_primary_key
        assert made is not None
        return Kept(made[0], fresh=True, new_rows=True)
    readable_now = found.error is not None and error is None
    changes: dict[str, Any] = {"seen": payload.c.seen + 1, "last_seen": receipt.received_at}
    if found.corrupt:
        changes |= {"corrupt": False, "form": int(form), "body": body}
    if readable_now:
        changes |= {"error": None, "error_where": None}
        note_later(db, found.id, WHOLE, WireError(found.error, where=found.error_where or ""), receipt.received_at)
    db.execute(update(payload).where(payload.c.id == found.id).values(changes))
    return Kept(found.id, fresh=found.corrupt or readable_now, new_rows=readable_now)


def note_later(db: Connection, row: int, n: int, error: WireError, at: datetime) -> None:
    """Note what could not be read until now: item ``n`` of a payload, or the whole of it."""
    said = {"payload": row, "n": n, "error": error.problem, "error_where": error.where, "decoded_at": at}
    db.execute(insert(decoded_later), said)


def insert_batch(db: Connection, names: Names, content: DispatchBatch, row: int, *, header_only: bool) -> bool:
    """Write the rows of a batch whose payload stands in ``row``; whether it is other content of a stored revision."""
    effective, conflict = (False, False) if header_only else _rank(db, content, row)
    head = {"header_only": header_only, "effective": effective, "conflict": conflict}
    db.execute(_NEW_BATCH, {"id": row, **rows.batch_row(content), **head})
    main, more = rows.instruction_rows(content, row, names)
    insert_rows(db, instruction, main)
    insert_rows(db, instruction_more, more)
    return conflict


def _rank(db: Connection, content: DispatchBatch, row: int) -> tuple[bool, bool]:
    """Place a new version among the stored ones of its batch: returns (effective, conflict), updates the others.

    One that is read only later takes the place that is due to when it was received.
    """
    others = db.execute(_VERSIONS, {"uid": content.batch_uid}).all()
    if not others:
        return True, False
    own = (content.revision_no, db.execute(_LAST_SEEN, {"row": row}).scalar_one(), row)
    versions = (batch.c.batch_uid == content.batch_uid) & ~batch.c.header_only
    conflict = any(content.revision_no == other.revision_no for other in others)
    effective = all(own >= tuple(other) for other in others)
    if conflict:
        db.execute(update(batch).where(versions & (batch.c.revision_no == content.revision_no)).values(conflict=True))
    if effective:
        db.execute(update(batch).where(versions).values(effective=False))
    return effective, conflict


def insert_trajectory(db: Connection, names: Names, content: TrajectoryBatch, row: int, n: int) -> None:
    """Write the rows of a trajectory batch, item ``n`` of the payload ``row``; nothing when we have its content."""
    digest = sha256(repr(content).encode("utf-8", "surrogatepass")).digest()
    same_uid = trajectory.c.batch_uid == content.batch_uid
    others = db.execute(_TRAJECTORIES, {"uid": content.batch_uid}).all()
    if any(other.digest == digest for other in others):
        return
    own = (db.execute(_LAST_SEEN, {"row": row}).scalar_one(), row) if others else ()
    newest = all(own >= (other.last_seen, other.payload) for other in others)
    if others:
        db.execute(update(trajectory).where(same_uid).values(conflict=True))
    if others and newest:
        db.execute(update(trajectory).where(same_uid).values(effective=False))
    head = {"payload": row, "n": n, "digest": digest, "effective": newest, "conflict": bool(others)}
    made = db.execute(_NEW_TRAJECTORY, {**rows.trajectory_row(content), **head}).inserted_primary_key
    assert made is not None
    insert_rows(db, dop, rows.dop_rows(content, made[0], names))
    insert_rows(db, compliance, rows.compliance_rows(content, made[0], names))


def insert_bad_items(db: Connection, row: int, content: Sequence[object]) -> None:
    """Write the items of a list that cannot be read."""
    bad = [
        {"payload": row, "n": n, "uid": item.uid, "error": item.error.problem, "error_where": item.error.where}
        for n, item in enumerate(content)
        if isinstance(item, BadItem)
    ]
    if bad:
        db.execute(insert(bad_item), bad)


def _move_cursor(db: Connection, stream: Stream, uid: str, row: int, at: datetime) -> None:
    values = {"uid": uid, "payload": row, "moved_at": at}
    if db.execute(_MOVE, {"of": int(stream), **values}).rowcount == 0:
        db.execute(insert(cursor), {"stream": int(stream), **values})


def intent_for(db: Connection, batch_uid: str, at: datetime, *, make: bool) -> Intent | None:
    """Return the open intent to validate this batch, made now when there is none and ``make`` says so."""
    found = db.execute(_OPEN_INTENT, {"kind": VALIDATE, "uid": batch_uid}).one_or_none()
    if found is not None:
        return Intent(found.id, found.kind, found.batch_uid, found.created_at, found.attempts)
    if not make:
        return None
    values = {"kind": VALIDATE, "batch_uid": batch_uid, "created_at": at, "attempts": 0, "done": False}
    made = db.execute(_NEW_INTENT, values).inserted_primary_key
    assert made is not None
    return Intent(made[0], VALIDATE, batch_uid, at)


def _is_header(operation: str) -> bool:
    return operation in OPERATIONS and OPERATIONS[operation].result is ResultKind.HEADER


def _uid(item: TrajectoryBatch | BadItem) -> str | None:
    return item.uid if isinstance(item, BadItem) else item.batch_uid
