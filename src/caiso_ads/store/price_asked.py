"""Which intervals were asked for, so that what the ISO does not have is not asked for again and again.

Rule: only whole intervals are noted that were final when the answer came (``price_grid.answered``); everything else
stays a gap until its price is stored. Each function runs inside the transaction of its caller.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, delete, select

from caiso_ads.core.price import Market
from caiso_ads.core.price_grid import Stretch, answered, missing, union
from caiso_ads.store import price_names
from caiso_ads.store.bulk import insert_rows
from caiso_ads.store.prices_schema import MARKETS, price, price_asked

_TIMES = (price_asked.c.start_time, price_asked.c.end_time)


def record_asked(
    db: Connection, market: Market, nodes: Sequence[str], start: datetime, end: datetime, at: datetime
) -> None:
    """Note that this time was asked for and answered at ``at``; stretches that touch become one."""
    settled = answered(market, start, end, at)
    if settled is None:
        return
    numbers = sorted(price_names.numbers(db, nodes).values())
    for part in price_names.chunks(numbers):
        touching = (
            price_asked.c.market == MARKETS[market],
            price_asked.c.node.in_(part),
            price_asked.c.start_time <= settled[1],
            price_asked.c.end_time >= settled[0],
        )
        before: dict[int, list[Stretch]] = defaultdict(list)
        newest = dict.fromkeys(part, at)
        for node, since, until, asked_at in db.execute(
            select(price_asked.c.node, *_TIMES, price_asked.c.asked_at).where(*touching)
        ):
            before[node].append((since, until))
            newest[node] = max(newest[node], asked_at)
        db.execute(delete(price_asked).where(*touching))
        rows = [
            (MARKETS[market], node, *stretch, newest[node])
            for node in part
            for stretch in union([settled, *before[node]])
        ]
        insert_rows(db, price_asked, rows)


def price_gaps(db: Connection, market: Market, nodes: Sequence[str], start: datetime, end: datetime) -> list[Stretch]:
    """Return, as the fewest stretches, the intervals for which a node has neither a price nor a noted answer."""
    numbers = price_names.known(db, nodes)
    if len(numbers) < len(set(nodes)):
        return union(missing(market, start, end, (), ()))
    found: list[Stretch] = []
    for part in price_names.chunks(sorted(numbers.values())):
        settled, left = _settled(db, market, part, start, end), set(part)
        for node, rows in groupby(_begins(db, market, part, start, end), itemgetter(0)):
            found += missing(market, start, end, (begin for _, begin in rows), settled[node])
            left.discard(node)
        for node in left:
            found += missing(market, start, end, (), settled[node])
    return union(found)


def _begins(db: Connection, market: Market, nodes: Sequence[int], start: datetime, end: datetime) -> Iterator[Any]:
    """Yield node and start of each stored interval, node by node: a year of ten nodes is a million."""
    asked = select(price.c.node, price.c.start_time).where(
        price.c.market == MARKETS[market],
        price.c.node.in_(nodes),
        price.c.start_time >= start,
        price.c.start_time < end,
    )
    yield from db.execute(asked.order_by(price.c.node))


def _settled(
    db: Connection, market: Market, nodes: Sequence[int], start: datetime, end: datetime
) -> dict[int, list[Stretch]]:
    asked = select(price_asked.c.node, *_TIMES).where(
        price_asked.c.market == MARKETS[market],
        price_asked.c.node.in_(nodes),
        price_asked.c.start_time < end,
        price_asked.c.end_time > start,
    )
    found: dict[int, list[Stretch]] = defaultdict(list)
    for node, since, until in db.execute(asked):
        found[node].append((since, until))
    return found
