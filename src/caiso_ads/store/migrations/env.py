"""Alembic's entry: upgrades over the connection it is given, inside that connection's transaction.

Rule: SQLite's DDL is transactional here (the connection begins with BEGIN IMMEDIATE and the driver begins nothing by
itself), so a failed migration leaves nothing behind.
"""

from __future__ import annotations

from alembic import context

from caiso_ads.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
