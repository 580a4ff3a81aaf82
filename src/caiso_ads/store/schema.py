"""The tables: one MetaData for SQLite and, later, PostgreSQL; each column of a noun comes from core.model's field table.

Rule: rows are for people and reports, the payload is the evidence, and no field is dropped: what the model does not
know lies in a JSON column ``unknown``. Kept small, since a year is a million instructions: a resource is a number,
rows of one resource lie together in time order (WITHOUT ROWID), a UID that is its batch's UID and a number is stored
as that number, segments are one JSON list of MW whose names stand once in ``detail_layout``, and what a five-minute
DOT never carries lies in ``instruction_more``. docs/store.md shows the views to query instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import UTC as ZULU
from datetime import datetime, timedelta
from enum import IntEnum
from types import UnionType
from typing import Any, get_args, get_type_hints

from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from caiso_ads.core.model import ComplianceInterval, DispatchBatch, DispatchOperatingPoint, Instruction, TrajectoryBatch

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006")
"""Schema versions, oldest first; each is a file in migrations/versions. The last one is what this program writes."""


class Stream(IntEnum):
    """What a payload answers. A cursor belongs to one of the first two and never changes sides."""

    DISPATCH = 1
    TRAJECTORY = 2
    LIST = 3


class Utc(TypeDecorator[datetime]):
    """An aware instant: microseconds since 1970 in SQLite, TIMESTAMPTZ in PostgreSQL. A naive one is refused."""

    impl = BigInteger
    cache_ok = True
    _EPOCH = datetime(1970, 1, 1, tzinfo=ZULU)

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type of this database."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Turn an instant into what is stored; raises ValueError without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"time without zone: {value.isoformat()}")
        if dialect.name == "postgresql":
            return value
        since = value - self._EPOCH
        return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Turn what is stored into an aware UTC instant."""
        if value is None or isinstance(value, datetime):
            return value
        return self._EPOCH + timedelta(microseconds=value)


class Json(TypeDecorator[Any]):
    """Small JSON: text in SQLite, JSONB in PostgreSQL; None is NULL."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type of this database."""
        if dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import JSONB  # noqa: PLC0415 - 2 MB resident, not for SQLite

            return dialect.type_descriptor(JSONB(none_as_null=True))
        return dialect.type_descriptor(JSON(none_as_null=True))


Number = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _column(name: str, hint: Any) -> Column[Any]:
    options = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    kind = options[0]
    sql: Any = {float: Double(), datetime: Utc(), str: Text()}.get(kind, Number)
    return Column(name, sql, nullable=type(None) in options)


def columns_of(noun: type, *, without: Iterable[str] = (), only: Iterable[str] = ()) -> list[Column[Any]]:
    """Derive the columns of a noun's plain fields, in the model's order."""
    hints, skip, keep = get_type_hints(noun), {*without, "unknown"}, set(only)
    plain = [field.name for field in fields(noun) if field.metadata and not field.metadata["item"]]
    return [_column(name, hints[name]) for name in plain if name not in skip and (not keep or name in keep)]


MORE = (
    *("end_time", "oos_energy_code", "as_type", "min_accept_mw", "responder", "reason_code", "opr_accept_dot_mw"),
    *("opr_accept_status", "opr_responder", "opr_reason_code", "validated", "validated_by", "cleared_mw", "award_mw"),
    *("self_sched_mw", "rmr_test_requestor", "transition_from_config_id", "transition_to_config_id"),
    *("hourly_mw_threshold", "registered_intertie_flag"),
)
"""Fields of an instruction that a five-minute DOT does not carry; a row of them exists only when one has a value."""

meta = Table("meta", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))

payload = Table(
    "payload",
    metadata,
    Column("id", Number, primary_key=True),
    Column("stream", SmallInteger, nullable=False),
    Column("uid", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("argument", Text, nullable=False),
    Column("received_at", Utc, nullable=False, index=True),
    Column("server_date", Utc),
    Column("sha256", LargeBinary, nullable=False),
    Column("form", SmallInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("error", Text),
    Column("error_where", Text),
    Column("corrupt", Boolean, nullable=False),
    Column("seen", Integer, nullable=False),
    Column("last_seen", Utc, nullable=False),
    CheckConstraint("stream IN (1, 2, 3)", name="stream"),
    CheckConstraint("length(sha256) = 32", name="sha256"),
    UniqueConstraint("stream", "uid", "sha256"),
    UniqueConstraint("id", "stream"),
)

bad_item = Table(
    "bad_item",
    metadata,
    Column("payload", Number, ForeignKey("payload.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("uid", Text),
    Column("error", Text, nullable=False),
    Column("error_where", Text, nullable=False),
)

cursor = Table(
    "cursor",
    metadata,
    Column("stream", SmallInteger, primary_key=True, autoincrement=False),
    Column("uid", Text, nullable=False),
    Column("payload", Number, nullable=False),
    Column("moved_at", Utc, nullable=False),
    CheckConstraint("stream IN (1, 2)", name="stream"),
    ForeignKeyConstraint(["payload", "stream"], ["payload.id", "payload.stream"]),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Number, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("batch_uid", Text, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_try", Utc),
    Column("result", Text),
    Column("done", Boolean, nullable=False),
    Index("ix_outbox_open", "kind", "batch_uid", unique=True, sqlite_where=text("NOT done")).ddl_if(dialect="sqlite"),
)
# The same index; naming PostgreSQL's option above would load that dialect, 2 MB, into a daemon that never uses it.
_open_intents = DDL("CREATE UNIQUE INDEX ix_outbox_open ON outbox (kind, batch_uid) WHERE NOT done")  # type: ignore[no-untyped-call]
event.listen(outbox, "after_create", _open_intents.execute_if(dialect="postgresql"))

resource = Table(
    "resource",
    metadata,
    Column("id", Number, primary_key=True),
    Column("resource_id", Text, nullable=False, unique=True),
)

detail_layout = Table(
    "detail_layout",
    metadata,
    Column("id", Number, primary_key=True),
    Column("segments", Text, nullable=False, unique=True),
)

batch = Table(
    "batch",
    metadata,
    Column("id", Number, ForeignKey("payload.id"), primary_key=True, autoincrement=False),
    *columns_of(DispatchBatch),
    Column("header_only", Boolean, nullable=False),
    Column("effective", Boolean, nullable=False),
    Column("conflict", Boolean, nullable=False),
    Column("unknown", Json),
    Index(None, "batch_uid", "revision_no"),
)

instruction = Table(
    "instruction",
    metadata,
    Column("resource", Number, ForeignKey("resource.id"), primary_key=True, autoincrement=False),
    Column("start_time", Utc, primary_key=True),
    Column("batch", Number, ForeignKey("batch.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("start_given", Boolean, nullable=False),
    Column("instruction_no", Number),
    Column("instruction_uid", Text),
    Column("other_batch_uid", Text),
    *columns_of(Instruction, without=("instruction_uid", "batch_uid", "resource_id", "start_time", *MORE)),
    Column("layout", Number, ForeignKey("detail_layout.id")),
    Column("detail", Json),
    Column("unknown", Json),
    sqlite_with_rowid=False,
)

_KEY = ("resource", "start_time", "batch", "n")

instruction_more = Table(
    "instruction_more",
    metadata,
    Column("resource", Number, primary_key=True, autoincrement=False),
    Column("start_time", Utc, primary_key=True),
    Column("batch", Number, primary_key=True),
    Column("n", Integer, primary_key=True),
    *columns_of(Instruction, only=MORE),
    ForeignKeyConstraint(_KEY, [f"instruction.{name}" for name in _KEY]),
    sqlite_with_rowid=False,
)

trajectory = Table(
    "trajectory",
    metadata,
    Column("id", Number, primary_key=True),
    Column("payload", Number, ForeignKey("payload.id"), nullable=False, index=True),
    Column("n", Integer, nullable=False),
    *columns_of(TrajectoryBatch),
    Column("digest", LargeBinary, nullable=False),
    Column("effective", Boolean, nullable=False),
    Column("conflict", Boolean, nullable=False),
    Column("unknown", Json),
    UniqueConstraint("batch_uid", "digest"),
)

dop = Table(
    "dop",
    metadata,
    Column("resource", Number, ForeignKey("resource.id"), primary_key=True, autoincrement=False),
    Column("target_time", Utc, primary_key=True),
    Column("trajectory", Number, ForeignKey("trajectory.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("dop_no", Number),
    Column("dop_uid", Text),
    *columns_of(DispatchOperatingPoint, without=("dop_uid", "resource_id", "target_time")),
    Column("unknown", Json),
    sqlite_with_rowid=False,
)

compliance = Table(
    "compliance",
    metadata,
    Column("resource", Number, ForeignKey("resource.id"), primary_key=True, autoincrement=False),
    Column("start_time", Utc, primary_key=True),
    Column("trajectory", Number, ForeignKey("trajectory.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("compliance_no", Number),
    Column("compliance_uid", Text),
    *columns_of(ComplianceInterval, without=("compliance_uid", "resource_id", "start_time")),
    Column("unknown", Json),
    sqlite_with_rowid=False,
)

outage = Table(
    "outage",
    metadata,
    Column("id", Number, primary_key=True),
    Column("start_at", Utc, nullable=False),
    Column("end_at", Utc, nullable=False, index=True),
    Column("reason", Text, nullable=False),
    CheckConstraint("end_at > start_at", name="end_at"),
)
"""A time without a complete poll: from the last one known to the one that followed."""
