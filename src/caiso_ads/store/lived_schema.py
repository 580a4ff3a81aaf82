"""The tables of what the gateway lived through: trouble with its clock and its store, and what it read only later.

Rule: they hold what a look back needs so that the past does not look better than it was.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Double, ForeignKey, Integer, Table, Text

from caiso_ads.store.schema import Number, Utc, metadata

disturbance = Table(
    "disturbance",
    metadata,
    Column("id", Number, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("start_at", Utc, nullable=False),
    Column("noticed_at", Utc),
    Column("end_at", Utc, index=True),
    Column("offset_s", Double),
    Column("end_offset_s", Double),
    CheckConstraint("kind IN ('clock', 'store')", name="kind"),
)
"""``clock``: not trusted from ``start_at``, the last trusted time, to ``end_at``, NULL while it lasts; ``noticed_at`` is
what our clock then showed, the offsets (s) the ISO's clock minus ours. ``store``: no writes from ``start_at`` on."""

decoded_later = Table(
    "decoded_later",
    metadata,
    Column("payload", Number, ForeignKey("payload.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("error", Text, nullable=False),
    Column("error_where", Text, nullable=False),
    Column("decoded_at", Utc, nullable=False),
)
"""What could not be read when it was received, and when it could be: ``n`` is the place in a list, -1 the whole."""
