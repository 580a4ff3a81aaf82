"""Text <-> small number, for what repeats in every row: resource ids and the names of segments.

Rule: numbers are remembered for one connection only. A connection is dropped with every transaction that failed, so a
number whose row was rolled back is never used.
"""

from __future__ import annotations

import json

from sqlalchemy import Connection, Table, insert, select

from caiso_ads.store import schema
from caiso_ads.store.rows import Layout


class Names:
    """Finds or makes the number of a resource id or a layout, within the transaction given to ``within``."""

    def __init__(self) -> None:
        self._resources: dict[str, int] = {}
        self._layouts: dict[Layout, int] = {}
        self._db: Connection | None = None

    def within(self, db: Connection) -> Names:
        """Use this connection from now on; on another one than before nothing is taken for known."""
        if db is not self._db:
            self._db, self._resources, self._layouts = db, {}, {}
        return self

    def resource(self, name: str) -> int:
        """Return the number of a resource id."""
        number = self._resources.get(name)
        if number is None:
            number = self._resources[name] = self._find(schema.resource, "resource_id", name)
        return number

    def layout(self, segments: Layout) -> int:
        """Return the number of a list of (segNo, serviceType) pairs."""
        number = self._layouts.get(segments)
        if number is None:
            text = json.dumps(segments, separators=(",", ":"))
            number = self._layouts[segments] = self._find(schema.detail_layout, "segments", text)
        return number

    def _find(self, table: Table, column: str, text: str) -> int:
        assert self._db is not None
        found = self._db.execute(select(table.c.id).where(table.c[column] == text)).scalar()
        if found is None:
            made = self._db.execute(insert(table).values({column: text})).inserted_primary_key
            assert made is not None
            found = made[0]
        return int(found)
