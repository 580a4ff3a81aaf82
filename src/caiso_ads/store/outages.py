"""What one commit writes of our own polling: the last complete poll, and the times between two of them that were too long.

Rule: only a complete poll is noted, because only that proves what the ISO had not sent. Each function runs inside the
transaction of its caller.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from caiso_ads.store.schema import meta, outage

FIRST_POLL, LAST_POLL = "first poll", "last poll"


def record_poll(db: Connection, at: datetime) -> None:
    """Move the last complete poll; the first ever noted is the first for good."""
    if _set(db, LAST_POLL, at):
        return
    for name in (FIRST_POLL, LAST_POLL):
        db.execute(insert(meta), {"name": name, "value": at.isoformat()})


def record_outage(db: Connection, start: datetime, end: datetime, reason: str) -> None:
    """Write the time without a complete poll, and that one was complete at its end.

    Where our clock was set back in between there is no such time, and only the poll is noted.
    """
    if end > start:
        db.execute(insert(outage), {"start_at": start, "end_at": end, "reason": reason})
    record_poll(db, end)


def last_poll(db: Connection) -> datetime | None:
    """Return when the last complete poll was, as far as noted."""
    found = db.execute(select(meta.c.value).where(meta.c.name == LAST_POLL)).scalar()
    return None if found is None else datetime.fromisoformat(found)


def _set(db: Connection, name: str, at: datetime) -> bool:
    return db.execute(update(meta).where(meta.c.name == name).values(value=at.isoformat())).rowcount == 1
