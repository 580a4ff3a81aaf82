"""The tables of answers to instructions, and the index that leads from a batch or an instruction to its audit rows.

Rule: the database itself lets only one answer of an instruction's revision stand. What the index says is in the audit
rows too, whose hashes cover it: it only makes the search fast.
"""

from __future__ import annotations

from sqlalchemy import DDL, CheckConstraint, Column, Double, ForeignKey, Index, SmallInteger, Table, Text, event, text

from caiso_ads.core.answers import OCCUPIED, AnswerKind, AnswerState
from caiso_ads.store.schema import Number, Utc, metadata


def _words(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


OCCUPIED_WORDS = tuple(state.value for state in AnswerState if state in OCCUPIED)
_STANDS = f"state IN ({_words(OCCUPIED_WORDS)})"

answer = Table(
    "answer",
    metadata,
    Column("id", Number, primary_key=True),
    Column("batch_uid", Text, nullable=False),
    Column("instruction_uid", Text, nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("revision_no", Number, nullable=False),
    Column("kind", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("given_at", Utc, nullable=False),
    Column("closes_at", Utc),
    Column("mw", Double),
    Column("reason_code", SmallInteger),
    Column("state", Text, nullable=False),
    Column("result", SmallInteger),
    Column("text", Text, nullable=False),
    Column("seconded_by", Text, nullable=False),
    Column("sending_at", Utc),
    Column("settled_at", Utc),
    CheckConstraint(f"kind IN ({_words(tuple(AnswerKind))})", name="kind"),
    CheckConstraint(f"state IN ({_words(tuple(AnswerState))})", name="state"),
    Index(None, "instruction_uid"),
    Index(
        "ix_answer_stands", "instruction_uid", "revision_no", unique=True, sqlite_where=text(_STANDS)
    ).ddl_if(dialect="sqlite"),
)  # fmt: skip
"""``sending_at``: from when on it may have reached the ISO; ``settled_at``: when its last state was known."""

# As for the outbox: PostgreSQL's own option would load that dialect.
_stands = DDL(f"CREATE UNIQUE INDEX ix_answer_stands ON answer (instruction_uid, revision_no) WHERE {_STANDS}")  # type: ignore[no-untyped-call]
event.listen(answer, "after_create", _stands.execute_if(dialect="postgresql"))

audit_subject = Table(
    "audit_subject",
    metadata,
    Column("uid", Text, primary_key=True),
    Column("audit", Number, ForeignKey("audit.id"), primary_key=True),
    sqlite_with_rowid=False,
)
"""``uid`` is a batch or an instruction that the audit row's ``detail`` names as ``uid`` or ``instruction``."""
