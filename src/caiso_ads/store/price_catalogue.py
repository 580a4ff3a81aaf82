"""The ISO's catalogue of nodes as it was last fetched, so that a name can be found while the ISO is away.

Rule: a catalogue is replaced as a whole, in the transaction of the caller; rows keep the ISO's order.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from caiso_ads.core.price import NodeInfo
from caiso_ads.store.bulk import insert_rows
from caiso_ads.store.prices_schema import price_catalogue, price_catalogue_row

_ROW = price_catalogue_row.c


def record_catalogue(db: Connection, kind: str, rows: Sequence[NodeInfo], at: datetime) -> None:
    """Replace the catalogue of that kind."""
    db.execute(delete(price_catalogue_row).where(_ROW.catalogue == kind))
    noted = update(price_catalogue).where(price_catalogue.c.kind == kind).values(fetched_at=at)
    if db.execute(noted).rowcount == 0:
        db.execute(insert(price_catalogue), {"kind": kind, "fetched_at": at})
    found = [(kind, n, row.kind, row.name, row.node, row.start, row.end) for n, row in enumerate(rows)]
    insert_rows(db, price_catalogue_row, found)


def catalogue(db: Connection, kind: str) -> tuple[Sequence[NodeInfo], datetime | None]:
    """Return the catalogue of that kind and when it was fetched; empty and None when it never was."""
    at = db.execute(select(price_catalogue.c.fetched_at).where(price_catalogue.c.kind == kind)).scalar()
    asked = select(_ROW.kind, _ROW.name, _ROW.node, _ROW.start_time, _ROW.end_time)
    found = db.execute(asked.where(_ROW.catalogue == kind).order_by(_ROW.n))
    return [NodeInfo(*row) for row in found], at
