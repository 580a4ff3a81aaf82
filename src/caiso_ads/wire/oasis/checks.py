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

from caiso_ads.core.price import FailedCheck, Market, Price
from caiso_ads.wire.oasis.reports import HISTORY
from caiso_ads.wire.oasis.row import LmpRow

SUM_TOLERANCE_USD_PER_MWH = 1e-4
"""Five decimals of five rounded numbers; 1e-5 was seen on 40,712 real ones."""
_MAX_NAMED = 50
_MAX_NODES = 200
_MAX_SPOILED = 100_000
_KNOWN = ("LMP", "MCE", "MCC", "MCL", "MGHG")
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

Key = tuple[str, datetime, datetime]


@dataclass(frozen=True, slots=True)
class Prices:
    """What one answer says. ``posted`` False: it holds no rows. ``failed_checks`` is what was left out."""

    prices: tuple[Price, ...]
    posted: bool
    failed_checks: tuple[FailedCheck, ...]


@dataclass(slots=True)
class Failures:
    """Reasons, bounded: the first ones, and at least one and the newest of each node, in words; the others counted."""

    named: dict[FailedCheck, None] = field(default_factory=dict)
    newest: dict[str, FailedCheck] = field(default_factory=dict)
    spoiled: set[tuple[str, datetime]] = field(default_factory=set)
    more: int = 0

    def note(self, check: FailedCheck) -> None:
        """Keep a reason once."""
        if check.start is not None and len(self.spoiled) < _MAX_SPOILED:
            self.spoiled.add((check.node, check.start))
        if check in self.named:
            return
        if len(self.named) < _MAX_NAMED:
            self.named[check] = None
            return
        self.more += 1
        before = self.newest.get(check.node)
        if before is None and len(self.newest) >= _MAX_NODES:
            return
        if before is None or check.start is None or (before.start is not None and check.start >= before.start):
            self.newest[check.node] = check

    def told(self) -> tuple[FailedCheck, ...]:
        """Return all of it."""
        kept = dict.fromkeys((*self.named, *self.newest.values()))
        left = self.more - (len(kept) - len(self.named))
        return (*kept, *([FailedCheck("", f"and {left} more")] if left > 0 else []))


def assemble(rows: Iterable[LmpRow], market: Market, nodes: Collection[str] | None, failures: Failures) -> Prices:
    """Put rows together into the prices of a market and of those nodes (None: all), by node and start."""
    asked = None if nodes is None else frozenset(nodes)
    found: dict[Key, dict[str, float]] = {}
    posted = False
    for row in rows:
        posted = True
        if asked is not None and row.node not in asked:
            failures.note(FailedCheck(row.node, f"{row.node}: was not asked for"))
            continue
        key = row[:3]
        values = found.get(key)
        if values is None:
            values = found[key] = {}
        values[row.kind] = row.usd_per_mwh
    length = timedelta(seconds=HISTORY[market].interval_s)
    prices = []
    unread = frozenset(failures.spoiled)  # a price with a part that cannot be read cannot be checked
    for key in sorted(found):
        if key[:2] in unread:
            continue
        reason = _wrong(key, found[key], length)
        if reason:
            failures.note(FailedCheck(key[0], f"{key[0]} {key[1]:%Y-%m-%dT%H:%M:%SZ}: {reason}", key[1]))
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
