"""Prices: the newest version of each interval, corrections, what was asked for, and the catalogue of nodes."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.BigInteger().with_variant(TIMESTAMP(timezone=True), "postgresql")


def _values(prefix: str = "") -> list[sa.Column[Any]]:
    return [
        sa.Column(f"{prefix}length_s", sa.Integer(), nullable=False),
        sa.Column(f"{prefix}lmp_usd_per_mwh", sa.Double(), nullable=False),
        sa.Column(f"{prefix}energy_usd_per_mwh", sa.Double()),
        sa.Column(f"{prefix}congestion_usd_per_mwh", sa.Double()),
        sa.Column(f"{prefix}loss_usd_per_mwh", sa.Double()),
        sa.Column(f"{prefix}ghg_usd_per_mwh", sa.Double()),
    ]


def upgrade() -> None:
    for table, column in (("price_node", "name"), ("price_request", "request")):
        op.create_table(
            table,
            sa.Column("id", NUMBER, nullable=False),
            sa.Column(column, sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
            sa.UniqueConstraint(column, name=f"uq_{table}_{column}"),
        )
    op.create_table(
        "price",
        sa.Column("market", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("node", NUMBER, nullable=False),
        sa.Column("start_time", TIME, nullable=False),
        *_values(),
        sa.Column("first_seen", TIME, nullable=False),
        sa.Column("last_seen", TIME, nullable=False),
        sa.Column("request", NUMBER, nullable=False),
        sa.Column("revisions", sa.Integer(), nullable=False),
        sa.CheckConstraint("market IN (1, 2, 3, 4)", name=op.f("ck_price_market")),
        sa.ForeignKeyConstraint(["node"], ["price_node.id"], name="fk_price_node"),
        sa.ForeignKeyConstraint(["request"], ["price_request.id"], name="fk_price_request"),
        sa.PrimaryKeyConstraint("market", "node", "start_time", name="pk_price"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "price_correction",
        sa.Column("market", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("node", NUMBER, autoincrement=False, nullable=False),
        sa.Column("start_time", TIME, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        *_values("old_"),
        *_values("new_"),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("request", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["request"], ["price_request.id"], name="fk_price_correction_request"),
        sa.ForeignKeyConstraint(
            ["market", "node", "start_time"],
            ["price.market", "price.node", "price.start_time"],
            name="fk_price_correction_market_node_start_time",
        ),
        sa.PrimaryKeyConstraint("market", "node", "start_time", "revision", name="pk_price_correction"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "price_asked",
        sa.Column("market", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("node", NUMBER, nullable=False),
        sa.Column("start_time", TIME, nullable=False),
        sa.Column("end_time", TIME, nullable=False),
        sa.Column("asked_at", TIME, nullable=False),
        sa.CheckConstraint("end_time > start_time", name=op.f("ck_price_asked_end_time")),
        sa.CheckConstraint("market IN (1, 2, 3, 4)", name=op.f("ck_price_asked_market")),
        sa.ForeignKeyConstraint(["node"], ["price_node.id"], name="fk_price_asked_node"),
        sa.PrimaryKeyConstraint("market", "node", "start_time", name="pk_price_asked"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "price_catalogue",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("fetched_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("kind", name="pk_price_catalogue"),
    )
    op.create_table(
        "price_catalogue_row",
        sa.Column("catalogue", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("start_time", TIME),
        sa.Column("end_time", TIME),
        sa.ForeignKeyConstraint(["catalogue"], ["price_catalogue.kind"], name="fk_price_catalogue_row_catalogue"),
        sa.PrimaryKeyConstraint("catalogue", "n", name="pk_price_catalogue_row"),
        sqlite_with_rowid=False,
    )
