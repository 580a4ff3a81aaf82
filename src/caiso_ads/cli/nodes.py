"""``caiso-ads nodes``: find a pricing node by what is known of its name. Rule: the ISO's lists are asked for once a day."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from caiso_ads.cli._errors import EXIT_REMOTE, one_line, report_errors
from caiso_ads.cli._oasis import Access, access, asking, keeping, service_options, tell_fetching

if TYPE_CHECKING:
    from caiso_ads.core.price import NodeInfo

_KINDS = ("PNODE", "APNODE", "RESOURCE")


@click.group("nodes", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Find the pricing nodes of the ISO.

    \b
    caiso-ads nodes find NP15
    caiso-ads nodes resource PLANT_7_UNIT1
    """


@command.command("find")
@click.argument("text")
@click.option(
    "--kind", type=click.Choice(_KINDS, case_sensitive=False), help="Only nodes, aggregated nodes, or resources."
)
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Show so many at most.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@service_options
@report_errors()
def find(text: str, kind: str | None, limit: int, *, as_json: bool, **options: Any) -> None:
    """Show nodes and resources whose name contains TEXT, best match first."""
    from caiso_ads.oasis import search

    lists = _lists(access(**options), [kind] if kind else _KINDS)
    found = search.find(text, lists)
    if as_json:
        _json(found[:limit])
    else:
        for row in found[:limit]:
            click.echo(_line(row))
        if len(found) > limit:
            click.echo(f"note: {len(found) - limit} more; --limit shows them", err=True)
    if not found:
        known = {row.name for rows in lists.values() for row in rows}
        _nothing(f"no name contains {one_line(text)!r}", search.suggest(text, known))


@command.command("resource")
@click.argument("resource_id")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@service_options
@report_errors()
def resource(resource_id: str, *, as_json: bool, **options: Any) -> None:
    """Show the pricing node of a resource."""
    from caiso_ads.oasis import search

    rows = _lists(access(**options), ["RESOURCE"])["RESOURCE"]
    node = search.node_of(resource_id, rows)
    if node is None:
        near = search.suggest(resource_id, (row.name for row in rows))
        _nothing(f"the ISO lists no node for {one_line(resource_id)!r}", near)
    elif as_json:
        _json([row for row in rows if row.name.upper() == resource_id.strip().upper()])
    else:
        click.echo(one_line(node))


def _lists(way: Access, kinds: Sequence[str]) -> Mapping[str, Sequence[NodeInfo]]:
    return asyncio.run(_load(way, kinds))


async def _load(way: Access, kinds: Sequence[str]) -> Mapping[str, Sequence[NodeInfo]]:
    from caiso_ads.oasis.catalogues import load

    async with asking(way) as oasis, keeping(way) as store:
        loaded = await load(oasis, store, kinds, way.clock.now().wall, tell_fetching)
    for kind, error in loaded.old.items():
        click.echo(f"note: the list {kind} is older than a day: {one_line(str(error))}", err=True)
    return loaded.rows


def _line(row: NodeInfo) -> str:
    return f"{row.kind:<9} {one_line(row.name)}{f'  at {one_line(row.node)}' if row.node else ''}"


def _json(rows: Sequence[NodeInfo]) -> None:
    from caiso_ads.core.plain import to_json

    click.echo(to_json(rows))


def _nothing(problem: str, near: Sequence[str]) -> None:
    hint = f"; do you mean {' or '.join(map(one_line, near))}?" if near else ""
    click.echo(f"note: {problem}{hint}", err=True)
    raise click.exceptions.Exit(EXIT_REMOTE)
