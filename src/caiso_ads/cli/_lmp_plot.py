"""Prices as a chart of plain characters. Pure.

Rule: each column spans the least and the most of its time, so that no spike is averaged away; what is missing is blank.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from caiso_ads.core.price import Price

WIDTH, HEIGHT = 72, 12
_MARK = "#"


def chart(prices: Sequence[Price], start: datetime, end: datetime, labels: tuple[str, str]) -> list[str]:
    """Return the lines of a chart of one node; ``labels`` stand below its ends."""
    columns = _columns(prices, start, end)
    known = [value for column in columns if column for value in column]
    if not known:
        return ["(no price in this time)"]
    low, high = min(known), max(known)
    scale = (HEIGHT - 1) / (high - low) if high > low else 0.0

    def row_of(value: float) -> int:
        return round((value - low) * scale)

    rows = []
    for row in reversed(range(HEIGHT)):
        marks = "".join(
            _MARK if column and row_of(min(column)) <= row <= row_of(max(column)) else " " for column in columns
        )
        level = {0: f"{low:.2f}", HEIGHT - 1: f"{high:.2f}"}.get(row, "")
        rows.append(f"{level:>10} |{marks}".rstrip())
    gap = max(1, WIDTH - sum(map(len, labels)))
    return [*rows, f"{'USD/MWh':>10} +{'-' * WIDTH}", f"{'':>12}{labels[0]}{' ' * gap}{labels[1]}"]


def _columns(prices: Sequence[Price], start: datetime, end: datetime) -> list[list[float]]:
    columns: list[list[float]] = [[] for _ in range(WIDTH)]
    whole = end - start
    for price in prices:
        first = _place(price.start - start, whole)
        last = max(first, _place(price.end - start - timedelta(microseconds=1), whole))
        for place in range(max(0, first), min(WIDTH - 1, last) + 1):
            columns[place].append(price.lmp_usd_per_mwh)
    return columns


def _place(offset: timedelta, whole: timedelta) -> int:
    return int(offset / whole * WIDTH // 1)
