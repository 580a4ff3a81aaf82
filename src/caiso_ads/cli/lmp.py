"""``caiso-ads lmp``: the price of a node now, or of a stretch of time. Rule: history is kept, and never asked for twice.

Exit code 0; 1 when a node has no price, or the service gave no answer; 2 for wrong usage and what is ours to mend.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caiso_ads.cli._errors import EXIT_REMOTE, one_line, report_errors
from caiso_ads.cli._lmp_times import Day, Moment, span
from caiso_ads.cli._oasis import Access, access, asking, keeping, service_options, tell_fetching

if TYPE_CHECKING:
    from caiso_ads.cli._lmp_output import Shown
    from caiso_ads.core.price import Market, Price
    from caiso_ads.oasis.client import OasisClient
    from caiso_ads.oasis.download import Progress
    from caiso_ads.ports.prices import FailedCheck, PriceStore

_MARKETS = ("rtd", "fmm", "hasp", "dam")


@click.command("lmp")
@click.argument("nodes", nargs=-1, metavar="[NODE]...")
@click.option(
    "--market",
    type=click.Choice(_MARKETS),
    default="rtd",
    show_default=True,
    help="Market run: 5 min, 15 min, hour ahead, day ahead.",
)
@click.option("--day", type=Day(), help="A trade day, Pacific time, for example 2026-03-08.")
@click.option("--from", "start", type=Moment(), help="Begin: 2026-03-08T10:00Z, or a day for its Pacific midnight.")
@click.option("--to", "end", type=Moment(), help="End, not included, written as --from. [default: now]")
@click.option("--csv", "form", flag_value="csv", help="Write CSV, a row for each node and interval.")
@click.option("--json", "form", flag_value="json", help="Write JSON.")
@click.option(
    "--parquet", type=click.Path(path_type=Path, dir_okay=False), help="Write a Parquet file; needs caiso-ads[parquet]."
)
@click.option("--plot", is_flag=True, help="Draw a chart for each node; needs --day or --from.")
@service_options
@report_errors()
def command(
    nodes: tuple[str, ...], market: str, day: date | None, start: datetime | None, end: datetime | None,
    form: str | None, parquet: Path | None, *, plot: bool, **options: Any,
) -> None:  # fmt: skip
    """Show the locational marginal price of nodes, from CAISO's public OASIS.

    Without times: the newest published 5-minute price. Without NODE: the nodes of --config.

    \b
    caiso-ads lmp TH_NP15_GEN-APND
    caiso-ads lmp TH_NP15_GEN-APND --day 2026-03-08 --plot
    caiso-ads lmp TH_NP15_GEN-APND --market dam --from 2026-03-01 --to 2026-04-01 --csv
    """
    from caiso_ads.core.price import Market

    way = access(**options)
    asked = span(day, start, end, way.clock.now().wall)
    chosen = _nodes(nodes or way.nodes)
    if (form is not None) + (parquet is not None) + plot > 1:
        raise click.UsageError("--csv, --json, --parquet and --plot exclude each other")
    if asked is None and (market != "rtd" or plot):
        raise click.UsageError("the present price is that of rtd, and one value: give --day or --from")
    work = _present(way, chosen) if asked is None else _past(way, Market(market), chosen, asked)
    shown = asyncio.run(work)
    _print(shown, form, parquet, plot=plot)
    if shown.missing:
        raise click.exceptions.Exit(EXIT_REMOTE)


def _nodes(named: Sequence[str]) -> tuple[str, ...]:
    from caiso_ads.oasis.plan import GROUPS
    from caiso_ads.oasis.query import checked_nodes

    if tuple(named) in GROUPS:
        raise click.UsageError("all nodes at once is for the library: caiso_ads.oasis.plan.ALL")
    return checked_nodes(named)


async def _present(way: Access, nodes: tuple[str, ...]) -> Shown:
    from caiso_ads.cli._lmp_output import Shown
    from caiso_ads.core.price import Market

    async with asking(way) as oasis:
        answer = await oasis.current(nodes)
        found = [*answer.prices, *await _begun(way, oasis, answer.prices)]
        now = way.clock.now().wall
        prices = _newest_and_active(found, now)
        missing = await _missing(way, oasis, nodes, prices)
    _tell_failed(answer.failed_checks)
    return Shown(Market.RTD, prices, nodes, now, missing=missing)


async def _begun(way: Access, oasis: OasisClient, prices: Sequence[Price]) -> Sequence[Price]:
    """Return the prices that apply now of the nodes whose newest price is of an interval that has yet to begin."""
    from caiso_ads.core.price import Market
    from caiso_ads.errors import RemoteError

    now = way.clock.now().wall
    begun = {price.node for price in prices if price.start <= now}
    early = sorted({price.node for price in prices} - begun)
    if not early:
        return ()
    try:
        answer = await oasis.history(Market.RTD, early, *_interval(now))
    except RemoteError as error:
        click.echo(f"note: the price that applies now cannot be read: {one_line(str(error))}", err=True)
        return ()
    return answer.prices


def _interval(now: datetime) -> tuple[datetime, datetime]:
    from caiso_ads.core.intervals import INTERVAL, interval_of

    return interval_of(now), interval_of(now) + INTERVAL


def _newest_and_active(prices: Sequence[Price], now: datetime) -> list[Price]:
    ordered = sorted(prices, key=lambda each: (each.node, each.start))
    newest = {price.node: price for price in ordered}
    return [price for price in ordered if price is newest[price.node] or price.start <= now < price.end]


async def _past(way: Access, market: Market, nodes: tuple[str, ...], asked: tuple[datetime, datetime]) -> Shown:
    from caiso_ads.cli._lmp_output import Shown
    from caiso_ads.oasis.download import fetch_history

    async with asking(way) as oasis, keeping(way) as store:
        with _progress() as progress:
            outcome = await fetch_history(oasis, store, market, nodes, *asked, progress)
        prices = [each.price for each in await store.prices(market, nodes, *asked)]
        missing = await _missing(way, oasis, nodes, prices, store, begins=asked[0])
    _tell_failed(outcome.failed_checks)
    for change in outcome.corrections:
        before = change.before.lmp_usd_per_mwh if change.before else None
        after = change.after
        click.echo(
            f"note: {one_line(after.node)} {after.start:%Y-%m-%d %H:%MZ} was {before}, is {after.lmp_usd_per_mwh}",
            err=True,
        )
    return Shown(market, prices, nodes, way.clock.now().wall, asked, missing)


async def _missing(
    way: Access, oasis: OasisClient, nodes: Sequence[str], prices: Sequence[Price], store: PriceStore | None = None,
    *, begins: datetime | None = None,
) -> list[str]:  # fmt: skip
    """Return the nodes without a price, after saying of each whether the ISO knows it, and what it may have meant."""
    from caiso_ads.errors import RemoteError
    from caiso_ads.oasis import search
    from caiso_ads.oasis.catalogues import load

    found = {price.node for price in prices}
    missing = [node for node in nodes if node not in found]
    if not missing:
        return []
    try:
        if store is None:
            async with keeping(way) as opened:
                lists = await load(oasis, opened, search.NODE_KINDS, way.clock.now().wall, tell_fetching)
        else:
            lists = await load(oasis, store, search.NODE_KINDS, way.clock.now().wall, tell_fetching)
    except RemoteError as error:
        click.echo(
            f"note: no price of {', '.join(missing)}; the ISO's list of nodes cannot be read: {one_line(str(error))}",
            err=True,
        )
        return missing
    known = search.names(lists.rows)
    for node in missing:
        ahead = begins is not None and begins > way.clock.now().wall
        click.echo(f"note: no price of {node}{_about(node, known, ahead=ahead)}", err=True)
    return missing


def _about(node: str, known: set[str], *, ahead: bool) -> str:
    from caiso_ads.oasis import search

    if node in known:
        return " yet: that time has not begun" if ahead else ", though the ISO lists it"
    near = search.suggest(node, known)
    return f": the ISO lists no such node{'; do you mean ' + ' or '.join(map(one_line, near)) + '?' if near else ''}"


def _tell_failed(failed: Sequence[FailedCheck]) -> None:
    for check in failed:
        click.echo(f"note: left out: {one_line(check.text)}", err=True)


@contextmanager
def _progress() -> Iterator[Progress]:
    """Show a bar on standard error while it is a terminal; a short download shows none."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("requests")

        def show(step: Any) -> None:
            bar.update(task, completed=step.done, total=step.planned, description=f"{step.prices} prices")

        yield show


def _print(shown: Shown, form: str | None, parquet: Path | None, *, plot: bool) -> None:
    from caiso_ads.cli import _lmp_output as output

    if parquet:
        output.write_parquet(shown, parquet)
        return
    for line in output.plot(shown) if plot else output.FORMATS[form or "lines"](shown):
        click.echo(line)
