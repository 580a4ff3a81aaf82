"""What operators did: the audit table, which only grows, and the overrides."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.BigInteger().with_variant(TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text()),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(previous_hash) = 32", name=op.f("ck_audit_previous_hash")),
        sa.CheckConstraint("length(hash) = 32", name=op.f("ck_audit_hash")),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for name, act in (
            ("update", "UPDATE ON audit"),
            ("delete", "DELETE ON audit"),
            ("replace", "INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)"),
        ):
            op.execute(
                f"CREATE TRIGGER audit_no_{name} BEFORE {act} "
                "BEGIN SELECT RAISE(ABORT, 'the audit table is append-only'); END"
            )
    op.create_table(
        "operator_override",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("setpoint_mw", sa.Double()),
        sa.Column("directive", sa.SmallInteger()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("until", TIME, nullable=False),
        sa.Column("ended_by", NUMBER),
        sa.CheckConstraint("(setpoint_mw IS NULL) <> (directive IS NULL)", name=op.f("ck_operator_override_one")),
        sa.CheckConstraint("directive IN (0, 2, 3)", name=op.f("ck_operator_override_never_follow")),
        sa.ForeignKeyConstraint(["id"], ["audit.id"], name="fk_operator_override_id"),
        sa.ForeignKeyConstraint(["ended_by"], ["audit.id"], name="fk_operator_override_ended_by"),
        sa.PrimaryKeyConstraint("id", name="pk_operator_override"),
    )
    op.create_index("ix_operator_override_until", "operator_override", ["until"])
