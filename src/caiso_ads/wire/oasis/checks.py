"""Rows -> prices: put together, checked, without duplicates, in order.

Rule: a price that fails a check is left out and named; what passes is exactly what the ISO sent. The last of several
rows for one value counts. A component not given stays None.
Interpretation: where GHG is not given (version 1), the sum of the other three is checked; a component unknown here may
be part of the sum.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from caiso_ads.core.price import Market, Price
from caiso_ads.wire.oasis.reports import HISTORY
from caiso_ads.wire.oasis.row import LmpRow

SUM_TOLERANCE_USD_PER_MWH = 1e-4
"""Five decimals of five rounded numbers; 1e-5 was seen on 40,712 real ones."""
_MAX_NAMED = 50
_KNOWN = ("LMP", "MCE", "MCC", "MCL", "MGHG")
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

Key = tuple[str, datetime, datetime]


@dataclass(frozen=True, slots=True)
class Prices:
    """What one answer says. ``posted`` False: it holds no rows. ``failed_checks`` names what was left out, in words."""

    prices: tuple[Price, ...]
    posted: bool
    failed_checks: tuple[str, ...]


@dataclass(slots=True)
class Failures:
    """Reasons, bounded: the first ones in words, the others counted."""

    named: list[str] = field(default_factory=list)
    more: int = 0

    def note(self, reason: str) -> None:
        """Keep a reason once."""
        if reason in self.named:
            return
        if len(self.named) < _MAX_NAMED:
            self.named.append(reason)
        else:
            self.more += 1

    def told(self) -> tuple[str, ...]:
        """Return all of it."""
        return (*self.named, *([f"and {self.more} more"] if self.more else []))


def assemble(rows: Iterable[LmpRow], market: Market, nodes: Collection[str] | None, failures: Failures) -> Prices:
    """Put rows together into the prices of a market and of those nodes (None: all), by node and start."""
    asked = None if nodes is None else frozenset(nodes)
    found: dict[Key, dict[str, float]] = {}
    posted = False
    for row in rows:
        posted = True
        if asked is not None and row.node not in asked:
            failures.note(f"{row.node}: was not asked for")
            continue
        key = row[:3]
        values = found.get(key)
        if values is None:
            values = found[key] = {}
        values[row.kind] = row.usd_per_mwh
    length = timedelta(seconds=HISTORY[market].interval_s)
    prices = []
    for key in sorted(found):
        reason = _wrong(key, found[key], length)
        if reason:
            failures.note(f"{key[0]} {key[1]:%Y-%m-%dT%H:%M:%SZ}: {reason}")
        else:
            prices.append(_price(key, market, found[key]))
    told = failures.told()
    return Prices(tuple(prices), posted or bool(told), told)


def _wrong(key: Key, values: dict[str, float], length: timedelta) -> str:
    _, start, end = key
    if end - start != length:
        return f"an interval of {(end - start).total_seconds():.0f} s, not {length.total_seconds():.0f}"
    if (start - _EPOCH) % length:
        return f"the interval does not begin on the grid of {length.total_seconds():.0f} s"
    if "LMP" not in values:
        return "components without the price itself"
    lmp, get = values["LMP"], values.get
    energy, congestion, loss = get("MCE"), get("MCC"), get("MCL")
    if energy is None or congestion is None or loss is None:
        return ""
    known = energy + congestion + loss + get("MGHG", 0.0)
    if abs(lmp - known) <= SUM_TOLERANCE_USD_PER_MWH:
        return ""
    unknown = sum(value for kind, value in values.items() if kind not in _KNOWN)
    if unknown and abs(lmp - known - unknown) <= SUM_TOLERANCE_USD_PER_MWH:
        return ""
    return f"price {lmp:.5f} is not the sum of its components, {known:.5f}"


def _price(key: Key, market: Market, values: dict[str, float]) -> Price:
    node, start, end = key
    get = values.get
    return Price(node, market, start, end, values["LMP"], get("MCE"), get("MCC"), get("MCL"), get("MGHG"))
