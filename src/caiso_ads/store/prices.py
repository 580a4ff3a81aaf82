"""What one answer of the price service makes of the stored prices, and how they are read again.

Rule: one answer is one transaction of the caller: a price is inserted, completed, corrected (then the old values are
kept), or only seen again. The later call wins, whatever the times say; ``last_seen`` never goes back.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import Connection, bindparam, select, update

from caiso_ads.core.price import Correction, Market, Price
from caiso_ads.core.price_change import Change, Values, merged, values_of
from caiso_ads.errors import StoreError
from caiso_ads.ports.prices import PriceAnswer, StoredPrice
from caiso_ads.store import price_names
from caiso_ads.store.bulk import insert_rows
from caiso_ads.store.prices_schema import MARKETS, PARTS, price, price_correction, price_node, price_request

_VALUES = ("length_s", *PARTS)
_KEY = ("market", "node", "start_time")
_OLD = [price_correction.c[f"old_{name}"] for name in _VALUES]
_NEW = [price_correction.c[f"new_{name}"] for name in _VALUES]
_BY_KEY = [price.c[name] == bindparam(f"k_{name}") for name in _KEY]
_CHANGED = (
    update(price)
    .where(*_BY_KEY)
    .values({name: bindparam(f"v_{name}") for name in (*_VALUES, "last_seen", "request", "revisions")})
)
Place: TypeAlias = tuple[int, datetime]
"""The number of a node, and the start of an interval."""
Told: TypeAlias = tuple[str, int, dict[datetime, Values]]
"""A node, its number, and what the answer says of each of its intervals."""


@dataclass(slots=True)
class _Found:
    """What an answer does to the rows of some nodes; ``whole``: nothing else is stored of them in that time."""

    whole: bool
    new: list[tuple[Any, ...]] = field(default_factory=list)
    seen: list[Place] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    replaced: list[tuple[Any, ...]] = field(default_factory=list)
    corrections: list[Correction] = field(default_factory=list)


def record_prices(db: Connection, answer: PriceAnswer) -> Sequence[Correction]:
    """Store the prices of an answer and return what it corrected, by node and start.

    Raises StoreError for a price of another market, or one that is not a finite number: nothing of it is stored.
    """
    told: dict[str, dict[datetime, Values]] = defaultdict(dict)
    for item in answer.prices:
        told[item.node][item.start] = _checked(answer.market, item)
    nodes = sorted(price_names.numbers(db, told.keys()).items())
    corrections: list[Correction] = []
    for part in price_names.chunks(nodes):
        corrections += _record_some(db, answer, [(name, number, told[name]) for name, number in part])
    return corrections


def _checked(market: Market, item: Price) -> Values:
    values = values_of(item)
    if item.market is not market:
        raise StoreError(f"{item.node}: a price of {item.market} in an answer of {market}")
    if not math.isfinite(sum(filter(None, values))):  # leaves out 0 and None, not NaN
        raise StoreError(f"{item.node} {item.start.isoformat()}: a part of the price is not a finite number")
    return values


def _record_some(db: Connection, answer: PriceAnswer, told: Sequence[Told]) -> Sequence[Correction]:
    """Record some nodes of an answer, few enough to hold beside it."""
    begins = [start for _, _, of_node in told for start in of_node]
    window = (
        price.c.market == MARKETS[answer.market],
        price.c.node.in_([number for _, number, _ in told]),
        price.c.start_time.between(min(begins), max(begins)),
    )
    stored = _stored(db, window)
    places = ((number, start) for _, number, of_node in told for start in of_node)
    found = _Found(whole=sum(place in stored for place in places) == len(stored))
    for name, number, of_node in told:
        for start, values in sorted(of_node.items()):
            _compare(found, answer, name, (number, start), values, stored.get((number, start)))
    _write_seen(db, found, window, answer)
    _write(db, answer, found)
    return found.corrections


def _stored(db: Connection, window: Sequence[Any]) -> dict[Place, tuple[Values, datetime, int]]:
    """Return values, time last seen and number of corrections of each stored interval."""
    values = (price.c[name] for name in _VALUES)
    asked = select(price.c.node, price.c.start_time, *values, price.c.last_seen, price.c.revisions).where(*window)
    return {
        (node, start): (tuple(values), seen, revisions) for node, start, *values, seen, revisions in db.execute(asked)
    }


def _compare(
    found: _Found,
    answer: PriceAnswer,
    name: str,
    place: Place,
    told: Values,
    before: tuple[Values, datetime, int] | None,
) -> None:
    key, at = (MARKETS[answer.market], *place), answer.received_at
    if before is None:
        found.new.append((*key, *told, at, at, None, 0))
        return
    old, seen, revisions = before
    change, now = merged(old, told)
    if change is Change.NONE:
        found.seen.append(place)
        return
    if change is Change.CORRECTED:
        revisions += 1
        found.replaced.append((*key, revisions, *old, *now, at, None))
        was, is_now = (_price(name, answer.market, place[1], values) for values in (old, now))
        found.corrections.append(Correction(was, is_now, at))
    row = {f"v_{column}": value for column, value in zip(_VALUES, now, strict=True)}
    found.changed.append({**_where(key), **row, "v_last_seen": max(seen, at), "v_revisions": revisions})


def _write_seen(db: Connection, found: _Found, window: Sequence[Any], answer: PriceAnswer) -> None:
    """Note that prices were seen again: in one statement where the answer holds all that is stored in its window."""
    later = price.c.last_seen < answer.received_at
    if found.whole and found.seen:
        db.execute(update(price).where(*window, later).values(last_seen=answer.received_at))
    elif found.seen:
        rows = [_where((MARKETS[answer.market], *place)) for place in found.seen]
        db.execute(update(price).where(*_BY_KEY, later).values(last_seen=answer.received_at), rows)


def _write(db: Connection, answer: PriceAnswer, found: _Found) -> None:
    if not found.new and not found.changed:
        return  # a request that brought nothing new is not kept
    request = price_names.request_number(db, answer.request)
    insert_rows(db, price, [(*row[:-2], request, row[-1]) for row in found.new])
    if found.changed:
        db.execute(_CHANGED, [{**row, "v_request": request} for row in found.changed])
    insert_rows(db, price_correction, [(*row[:-1], request) for row in found.replaced])


def _where(key: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(("k_market", "k_node", "k_start_time"), key, strict=True))


def prices(
    db: Connection, market: Market, nodes: Sequence[str], start: datetime, end: datetime
) -> Sequence[StoredPrice]:
    """Return the newest version of each interval that begins in that time, by node and start."""
    columns = (price_node.c.name, price.c.start_time, *(price.c[name] for name in _VALUES))
    life = (price.c.first_seen, price.c.last_seen, price_request.c.request, price.c.revisions)
    source = price.join(price_node).join(price_request)
    found: list[StoredPrice] = []
    for part in price_names.chunks(sorted(set(nodes))):
        asked = (
            select(*columns, *life)
            .select_from(source)
            .where(price.c.market == MARKETS[market], price_node.c.name.in_(part), *_begins(price, start, end))
            .order_by(price_node.c.name, price.c.start_time)
        )
        found += [
            StoredPrice(_price(node, market, begin, values), first, last, request, revisions)
            for node, begin, *values, first, last, request, revisions in db.execute(asked)
        ]
    return found


def corrections(db: Connection, market: Market, start: datetime, end: datetime) -> Sequence[Correction]:
    """Return the changes of intervals that begin in that time, oldest change first."""
    of = price_correction
    asked = (
        select(price_node.c.name, of.c.start_time, of.c.seen_at, *_OLD, *_NEW)
        .select_from(of.join(price_node, price_node.c.id == of.c.node))
        .where(of.c.market == MARKETS[market], *_begins(of, start, end))
        .order_by(of.c.seen_at, price_node.c.name, of.c.start_time, of.c.revision)
    )
    return [
        Correction(
            _price(node, market, begin, values[: len(_VALUES)]), _price(node, market, begin, values[len(_VALUES) :]), at
        )
        for node, begin, at, *values in db.execute(asked)
    ]


def _begins(table: Any, start: datetime, end: datetime) -> Iterable[Any]:
    return table.c.start_time >= start, table.c.start_time < end


def _price(node: str, market: Market, start: datetime, values: Sequence[Any]) -> Price:
    length_s, *parts = values
    return Price(node, market, start, start + timedelta(seconds=length_s), *parts)
