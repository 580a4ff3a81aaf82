"""The rows of the evidence chain that stand in the commit of what was received: one for each answer with news.

Rule: an answer that brought nothing new gets no row, so that asking again and again does not fill the chain. The row's
time is that of receipt; ``stored_at`` in its details is when it was written, just before the commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from caiso_ads.core.model import DispatchBatch, TrajectoryBatch
from caiso_ads.errors import WireError
from caiso_ads.ports import Receipt, Recorded
from caiso_ads.ports.answers import Fact
from caiso_ads.store import record
from caiso_ads.store.audit import GATEWAY, append
from caiso_ads.store.names import Names
from caiso_ads.wire.payload import BadItem

BATCH, UNREADABLE, TRAJECTORIES = "batch stored", "unreadable stored", "trajectories stored"


def record_batch(
    db: Connection,
    names: Names,
    receipt: Receipt[DispatchBatch],
    now: datetime,
    *,
    move_cursor: bool,
    acknowledge: bool,
) -> Recorded:
    """Write one answer to GetDispatchBatch or GetBatchHeader, and its row of evidence."""
    recorded = record.record_batch(db, names, receipt, move_cursor=move_cursor, acknowledge=acknowledge)
    if recorded.fresh:
        append(db, [_of_batch(receipt, now, conflict=recorded.conflict)])
    return recorded


def record_trajectories(
    db: Connection, names: Names, receipt: Receipt[Sequence[TrajectoryBatch | BadItem]], now: datetime
) -> Recorded:
    """Write one answer to GetTrajectoryData, and its row of evidence; an empty list has none."""
    recorded = record.record_trajectories(db, names, receipt)
    if recorded.fresh and receipt.content:
        append(db, [_of_trajectories(receipt, now)])
    return recorded


def _of_batch(receipt: Receipt[DispatchBatch], now: datetime, *, conflict: bool) -> Fact:
    content, detail = receipt.content, _detail(receipt, now)
    if isinstance(content, WireError):
        return Fact(UNREADABLE, receipt.received_at, GATEWAY, str(content), None, receipt.argument.strip(), "", detail)
    detail |= {"revision_no": content.revision_no, "instructions": len(content.instructions), "conflict": conflict}
    text = f"{content.batch_type.label}, {content.batch_status.label}, revision {content.revision_no}"
    return Fact(BATCH, receipt.received_at, GATEWAY, text, None, content.batch_uid, "", detail)


def _of_trajectories(receipt: Receipt[Sequence[TrajectoryBatch | BadItem]], now: datetime) -> Fact:
    content, detail = receipt.content, _detail(receipt, now)
    if isinstance(content, WireError):
        return Fact(UNREADABLE, receipt.received_at, GATEWAY, str(content), None, "", "", detail)
    uids = [item.uid if isinstance(item, BadItem) else item.batch_uid for item in content]
    bad = sum(isinstance(item, BadItem) for item in content)
    text = f"{len(uids)} trajectory batches" + (f", {bad} of them unreadable" if bad else "")
    return Fact(TRAJECTORIES, receipt.received_at, GATEWAY, text, None, uids[-1] or "", "", {**detail, "uids": uids})


def _detail(receipt: Receipt[Any], now: datetime) -> dict[str, object]:
    return {
        "operation": receipt.operation,
        "argument": receipt.argument,
        "sha256": receipt.digest.hex(),
        "bytes": len(receipt.payload),
        "stored_at": now.isoformat(),
    }
