"""The tables of what people did: one row for each act, chained by hash, and the overrides that follow from them.

Rule: an audit row is written once. The database itself refuses to change or delete one, and each row holds the hash
of the row before it, so that a change made behind the program's back shows.
"""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    event,
)

from caiso_ads.store.schema import Number, Utc, metadata

audit = Table(
    "audit",
    metadata,
    Column("id", Number, primary_key=True),
    Column("at", Utc, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("resource", Text),
    Column("text", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("length(previous_hash) = 32", name="previous_hash"),
    CheckConstraint("length(hash) = 32", name="hash"),
)
"""``detail`` is canonical JSON as text, because the hash is over these very characters."""

operator_override = Table(
    "operator_override",
    metadata,
    Column("id", Number, ForeignKey("audit.id"), primary_key=True, autoincrement=False),
    Column("resource_id", Text, nullable=False),
    Column("setpoint_mw", Double),
    Column("directive", SmallInteger),
    Column("reason", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("since", Utc, nullable=False),
    Column("until", Utc, nullable=False, index=True),
    Column("ended_by", Number, ForeignKey("audit.id")),
    CheckConstraint("(setpoint_mw IS NULL) <> (directive IS NULL)", name="one"),
    CheckConstraint("directive IN (0, 2, 3)", name="never_follow"),
)
"""``id`` is the audit row that set it, ``ended_by`` the one that replaced, cleared or ended it; NULL until then."""

TRIGGERS = tuple(
    f"CREATE TRIGGER audit_no_{name} BEFORE {act} BEGIN SELECT RAISE(ABORT, 'the audit table is append-only'); END"
    for name, act in (
        ("update", "UPDATE ON audit"),
        ("delete", "DELETE ON audit"),
        ("replace", "INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)"),
    )
)
for _statement in TRIGGERS:
    event.listen(audit, "after_create", DDL(_statement).execute_if(dialect="sqlite"))  # type: ignore[no-untyped-call]
