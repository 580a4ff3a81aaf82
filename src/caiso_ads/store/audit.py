"""What one commit adds to the evidence chain: facts, and the acts of operators with the overrides they begin or end.

Rule: each function runs inside the transaction of its caller, so there is no override without its audit row. The
number and the hash of the last row are read once in it; nobody else writes meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, RowMapping, func, insert, select, update

from caiso_ads.core.override import LONGEST, Cleared, Override
from caiso_ads.core.quality import Directive
from caiso_ads.errors import StoreError
from caiso_ads.ports.answers import Fact
from caiso_ads.store.answers_schema import audit_subject
from caiso_ads.store.audit_schema import audit, operator_override
from caiso_ads.store.bulk import insert_rows
from caiso_ads.store.chain import FIRST_HASH, AuditRow, canonical, hash_of

SET, CLEARED, ENDED = "override set", "override cleared", "override ended by time"
GATEWAY = "caiso-ads"
"""Who is named in a row that no person caused."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OPEN = operator_override.c.ended_by.is_(None)
_LAST = select(audit.c.id, audit.c.hash).order_by(audit.c.id.desc()).limit(1)


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
    return [_row(row) for row in db.execute(select(audit).where(audit.c.id > after).order_by(audit.c.id).limit(limit))]


def last_about(db: Connection, uid: str) -> AuditRow | None:
    """Return the newest row that concerns that batch, instruction or other subject."""
    newest = select(func.max(audit_subject.c.audit)).where(audit_subject.c.uid == uid).scalar_subquery()
    row = db.execute(select(audit).where(audit.c.id == newest)).first()
    return None if row is None else _row(row)


def last_of_each(db: Connection, kind: str) -> list[dict[str, Any]]:
    """Return the details of the newest row of each subject whose name begins with the kind and a space."""
    mine = (audit_subject.c.uid >= f"{kind} ") & (audit_subject.c.uid < f"{kind}!")
    newest = select(func.max(audit_subject.c.audit)).where(mine).group_by(audit_subject.c.uid)
    found = select(audit.c.detail).where(audit.c.id.in_(newest), audit.c.kind == kind).order_by(audit.c.id)
    return [json.loads(row.detail) for row in db.execute(found)]


def _row(row: Row[Any]) -> AuditRow:
    return AuditRow(
        row.id, _microseconds(row.at), row.kind, row.who, row.resource, row.text, row.detail, row.previous_hash,
        row.hash,
    )  # fmt: skip


def append(db: Connection, facts: Sequence[Fact]) -> int:
    """Add a row for each fact, in that order; return the number of the last row of the chain.

    Raises StoreError, and adds nothing, for a detail that is not plain JSON.
    """
    last = db.execute(_LAST).first()
    number, previous = (0, FIRST_HASH) if last is None else (last.id, last.hash)
    made: list[tuple[object, ...]] = []
    subjects: list[tuple[str, int]] = []
    for fact in facts:
        number += 1
        detail = _detail(fact)
        row = AuditRow(
            number, _microseconds(fact.at), fact.kind, fact.who, fact.resource, fact.text, detail, previous, b""
        )
        digest = hash_of(row)
        made.append((number, fact.at, fact.kind, fact.who, fact.resource, fact.text, detail, previous, digest))
        subjects += [(uid, number) for uid in {fact.uid, fact.instruction} if uid]
        previous = digest
    insert_rows(db, audit, made)
    insert_rows(db, audit_subject, subjects)
    return number


def _detail(fact: Fact) -> str:
    named = {name: uid for name, uid in (("uid", fact.uid), ("instruction", fact.instruction)) if uid}
    try:
        return canonical({**fact.detail, **named})
    except (TypeError, ValueError) as problem:
        raise StoreError(f"evidence {fact.kind!r}: detail is not plain JSON: {problem}") from problem


def _append(
    db: Connection, at: datetime, kind: str, who: str, resource: str, text: str, detail: Mapping[str, object]
) -> int:
    return append(db, [Fact(kind, at, who, text, resource, detail=detail)])


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
