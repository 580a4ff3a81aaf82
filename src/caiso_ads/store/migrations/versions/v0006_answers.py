"""Answers to instructions, and the way from a batch or an instruction to its audit rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.BigInteger().with_variant(TIMESTAMP(timezone=True), "postgresql")
KINDS = "'accept', 'decline', 'partial'"
STATES = "'proposed', 'decided', 'sending', 'confirmed', 'refused', 'lost', 'expired', 'superseded', 'dry run'"
STANDS = "state IN ('proposed', 'decided', 'sending', 'confirmed')"


def upgrade() -> None:
    op.create_table(
        "answer",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("batch_uid", sa.Text(), nullable=False),
        sa.Column("instruction_uid", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("revision_no", NUMBER, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("given_at", TIME, nullable=False),
        sa.Column("closes_at", TIME),
        sa.Column("mw", sa.Double()),
        sa.Column("reason_code", sa.SmallInteger()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("result", sa.SmallInteger()),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("seconded_by", sa.Text(), nullable=False),
        sa.Column("sending_at", TIME),
        sa.Column("settled_at", TIME),
        sa.CheckConstraint(f"kind IN ({KINDS})", name=op.f("ck_answer_kind")),
        sa.CheckConstraint(f"state IN ({STATES})", name=op.f("ck_answer_state")),
        sa.PrimaryKeyConstraint("id", name="pk_answer"),
    )
    op.create_index("ix_answer_instruction_uid", "answer", ["instruction_uid"])
    stands = sa.text(STANDS)
    op.create_index(
        "ix_answer_stands", "answer", ["instruction_uid", "revision_no"], unique=True,
        sqlite_where=stands, postgresql_where=stands,
    )  # fmt: skip
    op.create_table(
        "audit_subject",
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("audit", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["audit"], ["audit.id"], name="fk_audit_subject_audit"),
        sa.PrimaryKeyConstraint("uid", "audit", name="pk_audit_subject"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_audit_at", "audit", ["at"])
