"""What one commit writes of the gateway's own troubles: a clock that was not trusted, a store that took no writes.

Rule: each function runs inside the transaction of its caller, and writing the same fact twice leaves one row. A begin
is written at once, so that a process that dies in the middle leaves a row without an end and not none.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from caiso_ads.store.lived_schema import disturbance

CLOCK, STORE = "clock", "store"


def record_distrust(db: Connection, start: datetime, noticed: datetime, offset_s: float | None) -> None:
    """Write that the clock is not trusted from ``start`` on, unless one that lasts is written already."""
    lasting = select(disturbance.c.id).where(disturbance.c.kind == CLOCK, disturbance.c.end_at.is_(None))
    if db.execute(lasting).first() is None:
        values = {"kind": CLOCK, "start_at": start, "noticed_at": noticed, "offset_s": offset_s}
        db.execute(insert(disturbance), values)


def record_trust(db: Connection, at: datetime, offset_s: float | None) -> None:
    """Write that the clock is trusted again: the end of each row that has none."""
    lasting = (disturbance.c.kind == CLOCK) & disturbance.c.end_at.is_(None)
    db.execute(update(disturbance).where(lasting).values(end_at=at, end_offset_s=offset_s))


def record_store_failure(db: Connection, start: datetime, end: datetime) -> None:
    """Write a time in which the store took no writes; it can be written only once it takes them again."""
    same = select(disturbance.c.id).where(disturbance.c.kind == STORE, disturbance.c.start_at == start)
    if db.execute(same).first() is None:
        db.execute(insert(disturbance), {"kind": STORE, "start_at": start, "end_at": end})
