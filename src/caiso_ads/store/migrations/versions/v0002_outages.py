"""When the gateway was not polling. For what an older program stored nobody wrote that down, and one row says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.BigInteger().with_variant(TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    outage = op.create_table(
        "outage",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("start_at", TIME, nullable=False),
        sa.Column("end_at", TIME, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("end_at > start_at", name=op.f("ck_outage_end_at")),
        sa.PrimaryKeyConstraint("id", name="pk_outage"),
    )
    op.create_index("ix_outage_end_at", "outage", ["end_at"])
    if op.get_bind().dialect.name != "sqlite":
        return  # no older program wrote anything else
    first, last = op.get_bind().execute(sa.text("SELECT min(received_at), max(last_seen) FROM payload")).one()
    if first is None:
        return
    # One microsecond longer than is known, so that the last receipt does not count as a complete poll.
    op.bulk_insert(outage, [{"start_at": first, "end_at": last + 1, "reason": "not recorded"}])
    meta = sa.table("meta", sa.column("name"), sa.column("value"))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    op.bulk_insert(
        meta,
        [
            {"name": name, "value": (epoch + timedelta(microseconds=at)).isoformat()}
            for name, at in (("first poll", first), ("last poll", last))
        ],
    )
