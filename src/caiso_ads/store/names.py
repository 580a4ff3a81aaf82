"""Text <-> small number, for what repeats in every row: resource ids and the names of segments.

Rule: numbers are remembered only while their transaction may still be relied on; after a failure ``forget`` all, since
the rows they stand for may have been rolled back.
"""

from __future__ import annotations

from sqlalchemy import Connection, Table, insert, select

from caiso_ads.store import schema


class Names:
    """Finds or makes the number of a resource id or a layout, within the transaction given to ``within``."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], int] = {}
        self._db: Connection | None = None

    def within(self, db: Connection) -> Names:
        """Use this connection from now on; on another one than before nothing is taken for known."""
        if db is not self._db:
            self._db, self._known = db, {}
        return self

    def resource(self, name: str) -> int:
        """Return the number of a resource id."""
        return self._number(schema.resource, "resource_id", name)

    def layout(self, segments: str) -> int:
        """Return the number of a list of segment names."""
        return self._number(schema.detail_layout, "segments", segments)

    def _number(self, table: Table, column: str, text: str) -> int:
        known = self._known.get((table.name, text))
        return self._find(table, column, text) if known is None else known

    def _find(self, table: Table, column: str, text: str) -> int:
        assert self._db is not None
        found = self._db.execute(select(table.c.id).where(table.c[column] == text)).scalar()
        if found is None:
            made = self._db.execute(insert(table).values({column: text})).inserted_primary_key
            assert made is not None
            found = made[0]
        self._known[(table.name, text)] = found
        return int(found)
