"""Prices as a table for people, CSV, JSON or Parquet. Rule: a component that is not known stays empty; times say their zone."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from caiso_ads.cli._errors import one_line
from caiso_ads.cli._lmp_plot import chart
from caiso_ads.core.price import Market, Price
from caiso_ads.errors import LocalError
from caiso_ads.sinks.words import safe_text, utc_text
from caiso_ads.wire.oasis.trade_day import pacific

_MONEY = ("lmp", "energy", "congestion", "loss", "ghg")
COLUMNS = ("node", "market", "start_utc", "end_utc", "start_pacific", *(f"{name}_usd_per_mwh" for name in _MONEY))
"""The columns of CSV and Parquet and the keys of the JSON."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown: prices by node and start, when they were asked for, and the stretch; None for the present."""

    market: Market
    prices: Sequence[Price]
    nodes: Sequence[str]
    at: datetime
    span: tuple[datetime, datetime] | None = None
    missing: Sequence[str] = ()


def as_lines(shown: Shown) -> Iterator[str]:
    """Yield lines for people."""
    yield f"{shown.market.value.upper()} prices in USD/MWh, {_pacific(shown.at)} ({utc_text(shown.at)})"
    for node, prices in groupby(shown.prices, lambda price: price.node):
        yield ""
        yield one_line(node)
        yield f"  {'Pacific':<20} {'UTC':<17} {'LMP':>10} {'energy':>10} {'congestion':>10} {'loss':>10} {'GHG':>10}"
        for price in prices:
            money = " ".join(f"{_text(value):>10}" for value in _values(price))
            now = f"  {_applies(price, shown.at)}" if shown.span is None else ""
            yield f"  {_pacific(price.start):<20} {price.start:%Y-%m-%d %H:%M}Z {money}{now}"


def _values(price: Price) -> list[float | None]:
    return [getattr(price, f"{name}_usd_per_mwh") for name in _MONEY]


def _text(value: float | None) -> str:
    return "-" if value is None else f"{round(value, 2) + 0.0:.2f}"  # no minus zero


def _applies(price: Price, now: datetime) -> str:
    """Say whether a price applies now: the newest one published need not."""
    if price.start <= now < price.end:
        return "applies now"
    if now < price.start:
        return f"applies in {_minutes(price.start - now)}"
    return f"ended {_minutes(now - price.end)} ago"


def _minutes(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"


def _pacific(at: datetime) -> str:
    """Return a time with its zone's name, without which an hour in autumn would stand there twice."""
    return f"{at.astimezone(pacific()):%Y-%m-%d %H:%M %Z}"


def as_csv(shown: Shown) -> Iterator[str]:
    """Yield CSV, line by line."""
    yield ",".join(COLUMNS)
    for price in shown.prices:
        text = io.StringIO(newline="")
        cells = [safe_text(value) if isinstance(value, str) else _cell(value) for value in _row(price).values()]
        csv.writer(text, lineterminator="").writerow(cells)
        yield text.getvalue()


def _cell(value: float | None) -> str:
    return "" if value is None else repr(value)


def _row(price: Price) -> dict[str, Any]:
    start_pacific = price.start.astimezone(pacific()).isoformat(timespec="minutes")
    times = (utc_text(price.start), utc_text(price.end), start_pacific)
    return dict(zip(COLUMNS, (price.node, price.market.value, *times, *_values(price)), strict=True))


def as_json(shown: Shown) -> Iterator[str]:
    """Yield one JSON object; strict: no NaN."""
    made = {
        "market": shown.market.value,
        "at_utc": utc_text(shown.at),
        "start_utc": shown.span and utc_text(shown.span[0]),
        "end_utc": shown.span and utc_text(shown.span[1]),
        "missing": list(shown.missing),
        "prices": [_row(price) for price in shown.prices],
    }
    yield json.dumps(made, indent=1, allow_nan=False)


FORMATS = {"lines": as_lines, "csv": as_csv, "json": as_json}


def plot(shown: Shown) -> Iterator[str]:
    """Yield a chart of each node."""
    assert shown.span is not None
    start, end = shown.span
    for node, prices in groupby(shown.prices, lambda price: price.node):
        yield ""
        yield one_line(node)
        yield from chart(list(prices), start, end, (_pacific(start), _pacific(end)))


def write_parquet(shown: Shown, file: Path) -> None:
    """Write a Parquet file whole or not at all; raises LocalError without pyarrow, or when it cannot be written."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        missing = LocalError("Parquet files need pyarrow, which is not installed")
        missing.cure = "pip install caiso-ads[parquet]"
        raise missing from error
    table = pa.table(
        {
            "node": [price.node for price in shown.prices],
            "market": [price.market.value for price in shown.prices],
            "start_utc": pa.array([price.start for price in shown.prices], pa.timestamp("s", tz="UTC")),
            "end_utc": pa.array([price.end for price in shown.prices], pa.timestamp("s", tz="UTC")),
            **{
                f"{name}_usd_per_mwh": pa.array([_values(price)[n] for price in shown.prices], pa.float64())
                for n, name in enumerate(_MONEY)
            },
        }
    )
    part = file.with_name(file.name + ".part")
    try:
        parquet.write_table(table, part)
        part.replace(file)
    except OSError as error:
        raise LocalError(f"{file}: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
