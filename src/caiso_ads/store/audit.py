"""What one commit writes when an operator acts: the audit row, and the override it begins or ends.

Rule: each function runs inside the transaction of its caller, so there is no override without its audit row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, RowMapping, insert, select, update

from caiso_ads.core.override import LONGEST, Cleared, Override
from caiso_ads.core.quality import Directive
from caiso_ads.store.audit_schema import audit, operator_override
from caiso_ads.store.chain import FIRST_HASH, AuditRow, canonical, hash_of

SET, CLEARED, ENDED = "override set", "override cleared", "override ended by time"
GATEWAY = "caiso-ads"
"""Who is named in a row that no person caused."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OPEN = operator_override.c.ended_by.is_(None)


def record_override(db: Connection, override: Override, detail: Mapping[str, object]) -> None:
    """Write the override; it takes the place of one that stands for the same resource."""
    said = {
        **detail,
        "setpoint_mw": override.setpoint_mw,
        "directive": None if override.directive is None else override.directive.name,
        "until": override.until.isoformat(),
    }
    record_ended(db, override.since, resource_id=override.resource_id)
    row = _append(db, override.since, SET, override.who, override.resource_id, override.reason, said)
    _end(db, override.resource_id, row)
    db.execute(
        insert(operator_override),
        {
            "id": row,
            "resource_id": override.resource_id,
            "setpoint_mw": override.setpoint_mw,
            "directive": None if override.directive is None else int(override.directive),
            "reason": override.reason,
            "who": override.who,
            "since": override.since,
            "until": override.until,
        },
    )


def record_cleared(db: Connection, cleared: Cleared, detail: Mapping[str, object]) -> bool:
    """End the override of a resource; False, and nothing written, when none stands at that time."""
    of_resource = operator_override.c.resource_id == cleared.resource_id
    open_ends = select(operator_override.c.id).where(of_resource, _OPEN, operator_override.c.until > cleared.at)
    if db.execute(open_ends).first() is None:
        return False
    row = _append(db, cleared.at, CLEARED, cleared.who, cleared.resource_id, cleared.reason, detail)
    _end(db, cleared.resource_id, row)
    return True


def record_ended(db: Connection, now: datetime, *, resource_id: str | None = None) -> list[Override]:
    """Write the end of each override whose time has passed and that nothing ended before, once; return them.

    The row's time is that of the end; when it was noticed stands in its details.
    """
    over = select(operator_override).where(_OPEN, operator_override.c.until <= now)
    if resource_id is not None:
        over = over.where(operator_override.c.resource_id == resource_id)
    ended = db.execute(over.order_by(operator_override.c.until, operator_override.c.id)).mappings().all()
    for found in ended:
        said = {"override": found["id"], "noticed": now.isoformat(), "set_by": found["who"]}
        row = _append(db, found["until"], ENDED, GATEWAY, found["resource_id"], "its time was over", said)
        db.execute(update(operator_override).where(operator_override.c.id == found["id"]).values(ended_by=row))
    return [_override(found) for found in ended]


def open_overrides(db: Connection, now: datetime) -> list[Override]:
    """Return what was not cleared and may still stand, oldest first; ``core.override.active`` says what does.

    A day of room: the clock may be wrong at this moment and right in the next.
    """
    recent = operator_override.c.until > now - LONGEST
    found = db.execute(select(operator_override).where(_OPEN, recent).order_by(operator_override.c.id)).mappings()
    return [_override(row) for row in found]


def rows(db: Connection, after: int, limit: int) -> list[AuditRow]:
    """Return audit rows with a larger number, in order."""
    found = db.execute(select(audit).where(audit.c.id > after).order_by(audit.c.id).limit(limit))
    return [
        AuditRow(
            row.id, _microseconds(row.at), row.kind, row.who, row.resource, row.text, row.detail, row.previous_hash,
            row.hash,
        )
        for row in found
    ]  # fmt: skip


def _append(
    db: Connection, at: datetime, kind: str, who: str, resource: str, text: str, detail: Mapping[str, object]
) -> int:
    last = db.execute(select(audit.c.id, audit.c.hash).order_by(audit.c.id.desc()).limit(1)).first()
    number, previous = (1, FIRST_HASH) if last is None else (last.id + 1, last.hash)
    row = AuditRow(number, _microseconds(at), kind, who, resource, text, canonical(detail), previous, b"")
    row = replace(row, hash=hash_of(row))
    db.execute(
        insert(audit),
        {
            "id": row.row, "at": at, "kind": kind, "who": who, "resource": resource, "text": text,
            "detail": row.detail, "previous_hash": previous, "hash": row.hash,
        },
    )  # fmt: skip
    return number


def _end(db: Connection, resource_id: str, by: int) -> None:
    of_resource = operator_override.c.resource_id == resource_id
    db.execute(update(operator_override).where(of_resource, _OPEN).values(ended_by=by))


def _override(row: RowMapping) -> Override:
    directive = None if row["directive"] is None else Directive(row["directive"])
    return Override(
        row["resource_id"], row["setpoint_mw"], directive, row["reason"], row["who"], row["since"], row["until"]
    )


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
