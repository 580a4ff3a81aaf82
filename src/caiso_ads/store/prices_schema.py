"""The tables of prices: the newest version of each interval, what it was before, what was asked for, and the nodes.

Rule: one row for each market, node and interval start. Kept small, since ten nodes make a million intervals a year: a
node, a market and a request are numbers, rows of one node lie together in time order (WITHOUT ROWID), and the end of
an interval is its length. A correction keeps both the old values and the new ones, so that it stands by itself.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    SmallInteger,
    Table,
    Text,
)

from caiso_ads.core.price import Market
from caiso_ads.store.schema import Number, Utc, metadata

MARKETS = {Market.RTD: 1, Market.FMM: 2, Market.HASP: 3, Market.DAM: 4}
"""The number of each market in the database; never change one."""

PARTS = (
    "lmp_usd_per_mwh",
    "energy_usd_per_mwh",
    "congestion_usd_per_mwh",
    "loss_usd_per_mwh",
    "ghg_usd_per_mwh",
)
"""The columns of a price, which are the fields of the noun."""


def _values(prefix: str = "") -> list[Column[Any]]:
    parts = [Column(f"{prefix}{name}", Double, nullable=name != PARTS[0]) for name in PARTS]
    return [Column(f"{prefix}length_s", Integer, nullable=False), *parts]


price_node = Table(
    "price_node",
    metadata,
    Column("id", Number, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
)

price_request = Table(
    "price_request",
    metadata,
    Column("id", Number, primary_key=True),
    Column("request", Text, nullable=False, unique=True),
)

price = Table(
    "price",
    metadata,
    Column("market", SmallInteger, primary_key=True, autoincrement=False),
    Column("node", Number, ForeignKey("price_node.id"), primary_key=True),
    Column("start_time", Utc, primary_key=True),
    *_values(),
    Column("first_seen", Utc, nullable=False),
    Column("last_seen", Utc, nullable=False),
    Column("request", Number, ForeignKey("price_request.id"), nullable=False),
    Column("revisions", Integer, nullable=False),
    CheckConstraint("market IN (1, 2, 3, 4)", name="market"),
    sqlite_with_rowid=False,
)
"""``request`` is the one that brought what now stands; ``revisions`` counts the corrections."""

_KEY = ("market", "node", "start_time")

price_correction = Table(
    "price_correction",
    metadata,
    Column("market", SmallInteger, primary_key=True, autoincrement=False),
    Column("node", Number, primary_key=True, autoincrement=False),
    Column("start_time", Utc, primary_key=True),
    Column("revision", Integer, primary_key=True),
    *_values("old_"),
    *_values("new_"),
    Column("seen_at", Utc, nullable=False),
    Column("request", Number, ForeignKey("price_request.id"), nullable=False),
    ForeignKeyConstraint(_KEY, [f"price.{name}" for name in _KEY]),
    sqlite_with_rowid=False,
)
"""``revision`` counts from 1; ``seen_at`` is when the old values were replaced, ``request`` what brought the new."""

price_asked = Table(
    "price_asked",
    metadata,
    Column("market", SmallInteger, primary_key=True, autoincrement=False),
    Column("node", Number, ForeignKey("price_node.id"), primary_key=True),
    Column("start_time", Utc, primary_key=True),
    Column("end_time", Utc, nullable=False),
    Column("asked_at", Utc, nullable=False),
    CheckConstraint("end_time > start_time", name="end_time"),
    CheckConstraint("market IN (1, 2, 3, 4)", name="market"),
    sqlite_with_rowid=False,
)
"""Whole intervals that were asked for after they were final; stretches that touch are one, ``asked_at`` the newest."""

price_catalogue = Table(
    "price_catalogue",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("fetched_at", Utc, nullable=False),
)

price_catalogue_row = Table(
    "price_catalogue_row",
    metadata,
    Column("catalogue", Text, ForeignKey("price_catalogue.kind"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("start_time", Utc),
    Column("end_time", Utc),
    sqlite_with_rowid=False,
)
"""The rows of a catalogue in the ISO's order; the ISO may list a name more than once, with other times."""
