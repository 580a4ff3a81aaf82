"""Numbers for the names of nodes and for requests, so that a million rows of prices stay small.

Rule: each function runs inside the transaction of its caller and remembers nothing, so that what was rolled back is
not taken for stored.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TypeVar

from sqlalchemy import Connection, insert, select

from caiso_ads.store.prices_schema import price_node, price_request

T = TypeVar("T")
CHUNK = 500
"""How many names or numbers one statement holds; SQLite before 3.32 takes 999."""


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """Yield the items in parts of at most that size."""
    for first in range(0, len(items), size):
        yield items[first : first + size]


def known(db: Connection, nodes: Collection[str]) -> dict[str, int]:
    """Return the numbers of those of these nodes that have one."""
    found: dict[str, int] = {}
    for part in chunks(sorted(set(nodes))):
        asked = select(price_node.c.name, price_node.c.id).where(price_node.c.name.in_(part))
        found |= {row.name: row.id for row in db.execute(asked)}
    return found


def numbers(db: Connection, nodes: Collection[str]) -> dict[str, int]:
    """Return the numbers of these nodes, giving one to each that has none."""
    found = known(db, nodes)
    new = sorted(set(nodes) - found.keys())
    if new:
        db.execute(insert(price_node), [{"name": name} for name in new])
        found |= known(db, new)
    return found


def request_number(db: Connection, request: str) -> int:
    """Return the number of a request, giving it one if it has none."""
    asked = select(price_request.c.id).where(price_request.c.request == request)
    found = db.execute(asked).scalar()
    if found is None:
        made = db.execute(insert(price_request).values(request=request)).inserted_primary_key
        assert made is not None
        found = made[0]
    return int(found)
