"""What the gateway lived through: a clock not trusted, a store that took no writes, payloads read only later."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.BigInteger().with_variant(TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "disturbance",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("start_at", TIME, nullable=False),
        sa.Column("noticed_at", TIME),
        sa.Column("end_at", TIME),
        sa.Column("offset_s", sa.Double()),
        sa.Column("end_offset_s", sa.Double()),
        sa.CheckConstraint("kind IN ('clock', 'store')", name=op.f("ck_disturbance_kind")),
        sa.PrimaryKeyConstraint("id", name="pk_disturbance"),
    )
    op.create_index("ix_disturbance_end_at", "disturbance", ["end_at"])
    op.create_table(
        "decoded_later",
        sa.Column("payload", NUMBER, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("error_where", sa.Text(), nullable=False),
        sa.Column("decoded_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["payload"], ["payload.id"], name="fk_decoded_later_payload"),
        sa.PrimaryKeyConstraint("payload", "n", name="pk_decoded_later"),
    )
