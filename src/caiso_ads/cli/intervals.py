"""``caiso-ads intervals``: for each five-minute interval of a day, the DOT and when it came, or why there is none.

Rule: it only reads, also beside a running gateway. Exit code 0; with ``--strict`` 1 when something is missing.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from caiso_ads.cli._errors import one_line, report_errors

if TYPE_CHECKING:
    from caiso_ads.core.intervals import Entry, Polls, Span

EXIT_MISSING = 1
_FILE = click.Path(path_type=Path)


class _Day(click.ParamType[date]):
    """A day as 2026-07-01."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Return the day."""
        if isinstance(value, date):
            return value
        try:
            day = date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no day like 2026-07-01", param, ctx)
        if not 2000 <= day.year <= 2100:
            self.fail(f"{value!r}: no trade day of this market", param, ctx)
        return day


@click.command("intervals")
@click.option("--config", type=_FILE, help="Configuration: its resources, and its store.")
@click.option("--store", type=_FILE, help="Database of a gateway, running or not; it is only read.")
@click.option("--day", type=_Day(), required=True, help="Trade day, Pacific time, for example 2026-07-01.")
@click.option("--resource", "chosen", multiple=True, metavar="ID", help="Only this resource; may be repeated.")
@click.option("--utc", is_flag=True, help="The day and the times are UTC instead of Pacific.")
@click.option("--csv", "form", flag_value="csv", help="Write CSV, a row for each resource and interval.")
@click.option("--json", "form", flag_value="json", help="Write JSON.")
@click.option("--strict", is_flag=True, help="Exit with 1 when something is missing.")
@report_errors()
def command(
    config: Path | None, store: Path | None, day: date, chosen: tuple[str, ...], form: str | None,
    *, utc: bool, strict: bool,
) -> None:  # fmt: skip
    """Show for each five-minute interval the DOT and when it came, or why there is none.

    \b
    caiso-ads intervals --config gateway.toml --day 2026-07-01
    caiso-ads intervals --store ads.sqlite --day 2026-07-01 --csv
    """
    from caiso_ads.cli._intervals_output import FORMATS, Report
    from caiso_ads.core.intervals import day_span
    from caiso_ads.ports import SystemClock

    configured, path = _plant(config)
    source = store or path
    if source is None:
        raise click.UsageError("give --config FILE or --store FILE")
    zone = zone_of(utc=utc)
    span = day_span(day, zone)
    entries, polls = _read(source, configured, chosen, span, SystemClock().now().wall)
    outages = [each for each in polls.outages if each.start < span.end and each.end > span.start]
    for line in FORMATS[form or "lines"](Report(day, zone, span, tuple(entries), tuple(outages))):
        click.echo(line)
    if strict and any(entry.fate.missing for entry in entries):
        raise click.exceptions.Exit(EXIT_MISSING)


def _plant(config: Path | None) -> tuple[list[str], Path | None]:
    if config is None:
        return [], None
    from caiso_ads.config import load_config

    loaded = load_config(config)
    return [each.id for each in loaded.resources], loaded.store.path


def _read(
    path: Path, configured: list[str], chosen: tuple[str, ...], span: Span, now: datetime
) -> tuple[list[Entry], Polls]:
    """Return the ledger of the resources named, else of all that are configured, else of all in the database."""
    from caiso_ads.core.intervals import EARLIEST, ledger, starts_between
    from caiso_ads.store.deliveries import Deliveries

    with Deliveries(path) as found:
        # The polls first: what is stored until the DOTs are read can then not be taken for missing.
        polls, unreadable = found.polls(), found.unreadable(span.start - EARLIEST)
        known = configured or found.resources()
        missing = [name for name in chosen if name not in known]
        if missing:
            near = ", ".join(one_line(name) for name in known) or "none"
            raise click.UsageError(f"no such resource: {', '.join(map(one_line, missing))}; there are: {near}")
        names = [name for name in known if not chosen or name in chosen]
        deliveries = [each for name in names for each in found.of(name, span.start, span.end)]
    return ledger(names, starts_between(span.start, span.end), deliveries, polls, now, unreadable), polls


def zone_of(*, utc: bool) -> tzinfo:
    """Return UTC or Pacific time; where this machine has no zones it says so and gives UTC."""
    if utc:
        return UTC
    try:
        return ZoneInfo("America/Los_Angeles")
    except ZoneInfoNotFoundError:
        click.echo("note: this machine has no time zones, so the day is a UTC day; cure: pip install tzdata", err=True)
        return UTC
