"""Prices, corrections and the catalogue, read beside a running gateway: for the command line.

Rule: as ``reader``: read-only, one short query each, no SQLAlchemy. A database of an older schema has no prices.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from caiso_ads.core.price import Correction, Market, NodeInfo, Price
from caiso_ads.ports.prices import StoredPrice
from caiso_ads.store.looking import ReadOnly, microseconds, moment_of

_NUMBERS = {Market.RTD: 1, Market.FMM: 2, Market.HASP: 3, Market.DAM: 4}
_PARTS = ("length_s", "lmp_usd_per_mwh", "energy_usd_per_mwh", "congestion_usd_per_mwh", "loss_usd_per_mwh",
          "ghg_usd_per_mwh")  # fmt: skip
_PRICES = f"""
    SELECT p.start_time, {", ".join(f"p.{name}" for name in _PARTS)}, p.first_seen, p.last_seen, q.request, p.revisions
    FROM price p JOIN price_request q ON q.id = p.request
    WHERE p.market = ? AND p.node = (SELECT id FROM price_node WHERE name = ?) AND p.start_time >= ? AND p.start_time < ?
    ORDER BY p.start_time"""  # noqa: S608 - constants
_CORRECTIONS = f"""
    SELECT n.name, c.start_time, c.seen_at, {", ".join(f"c.{age}_{name}" for age in ("old", "new") for name in _PARTS)}
    FROM price_correction c JOIN price_node n ON n.id = c.node
    WHERE c.market = ? AND c.start_time >= ? AND c.start_time < ?
    ORDER BY c.seen_at, n.name, c.start_time, c.revision"""  # noqa: S608 - constants
_CATALOGUE = "SELECT kind, name, node, start_time, end_time FROM price_catalogue_row WHERE catalogue = ? ORDER BY n"


class PriceLooking(ReadOnly):
    """What ``ports.prices.PriceStore`` returns, without waiting for its owner. Every method raises StoreError."""

    def prices(self, market: Market, nodes: Sequence[str], start: datetime, end: datetime) -> list[StoredPrice]:
        """Return the newest version of each interval that begins in that time, by node and start."""
        found: list[StoredPrice] = []
        for node in sorted(set(nodes)):
            for begin, *values, first, last, request, revisions in self._ask_of(
                "price_correction", _PRICES, (_NUMBERS[market], node, microseconds(start), microseconds(end))
            ):
                price = _price(node, market, begin, values)
                found.append(StoredPrice(price, moment_of(first), moment_of(last), request, revisions))
        return found

    def corrections(self, market: Market, start: datetime, end: datetime) -> list[Correction]:
        """Return the changes of intervals that begin in that time, oldest change first."""
        return [
            Correction(
                _price(node, market, begin, values[: len(_PARTS)]),
                _price(node, market, begin, values[len(_PARTS) :]),
                moment_of(seen),
            )
            for node, begin, seen, *values in self._ask_of(
                "price_correction", _CORRECTIONS, (_NUMBERS[market], microseconds(start), microseconds(end))
            )
        ]

    def nodes(self) -> list[str]:
        """Return every node that has, or was asked for, a price; by name."""
        return [name for (name,) in self._ask_of("price_correction", "SELECT name FROM price_node ORDER BY name", ())]

    def catalogue(self, kind: str) -> tuple[list[NodeInfo], datetime | None]:
        """Return the catalogue of that kind and when it was fetched; empty and None when it never was."""
        at = [
            moment_of(moment)
            for (moment,) in self._ask_of(
                "price_correction", "SELECT fetched_at FROM price_catalogue WHERE kind = ?", (kind,)
            )
        ]
        rows = [
            NodeInfo(
                of, name, node, None if since is None else moment_of(since), None if until is None else moment_of(until)
            )
            for of, name, node, since, until in self._ask_of("price_correction", _CATALOGUE, (kind,))
        ]
        return rows, at[0] if at else None


def _price(node: str, market: Market, start: int, values: Sequence[Any]) -> Price:
    length_s, *parts = values
    begin = moment_of(start)
    return Price(node, market, begin, begin + timedelta(seconds=length_s), *parts)
