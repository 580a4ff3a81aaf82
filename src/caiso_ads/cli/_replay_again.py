"""``caiso-ads replay --check`` and ``--decode``: what could not be read when it was received, and can be now.

Rule: looking changes nothing and may be done beside a gateway; decoding writes, so no gateway may hold the database.
What the last 24 hours brought is left to the gateway's next start, because it alone may confirm receipt to the ISO.
"""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from caiso_ads.cli._errors import one_line

if TYPE_CHECKING:
    from caiso_ads.ports import Redecoded

GATEWAYS = timedelta(hours=24)
"""How far back a gateway that starts decodes again by itself."""


def check(store: Path | None) -> None:
    """List what an upgrade has made readable."""
    from caiso_ads.store.past import Past

    path = _given(store, "--check")
    readable = unreadable = 0
    with closing(Past(path)) as past:
        for stored in past.refused():
            if not stored.readable_now:
                unreadable += 1
                continue
            readable += 1
            then = stored.error_then or f"{len(stored.bad_then)} of its items"
            at = stored.received_at.isoformat()
            click.echo(f"{at}  {one_line(stored.uid or stored.operation)}: readable now; then: {one_line(str(then))}")
    click.echo(f"{readable} readable now, {unreadable} still not")
    if readable:
        click.echo(
            "Nothing was changed. What came in the last 24 h the gateway takes up when it starts, or fetches it again; "
            "what is older: caiso-ads replay --decode"
        )


def decode(store: Path | None) -> None:
    """Bring into the tables what is older than 24 hours and can be read now."""
    import asyncio

    from caiso_ads.errors import StoreError

    path = _given(store, "--decode")
    if not path.is_file():
        raise StoreError(f"{path}: there is no database")
    found = asyncio.run(_decoded(path))
    for name in found.readable:
        click.echo(f"{one_line(name)}: decoded")
    click.echo(f"{len(found.readable)} decoded, {found.unreadable} still unreadable")
    click.echo("Only what is older than 24 h was tried; the rest is the gateway's, when it starts.")


async def _decoded(path: Path) -> Redecoded:
    from caiso_ads.errors import StoreBusyError
    from caiso_ads.ports import SystemClock
    from caiso_ads.store.sqlite import SqlStore

    clock = SystemClock()
    try:
        store = await SqlStore.open(path, clock)
    except StoreBusyError as busy:
        busy.cure = "stop the gateway first; what came in the last 24 h it decodes by itself when it starts"
        raise
    try:
        return await store.redecode(None, acknowledge=False, until=clock.now().wall - GATEWAYS)
    finally:
        await store.close()


def _given(store: Path | None, option: str) -> Path:
    if store is None:
        raise click.UsageError(f"{option} looks into a database: give --store FILE or --config FILE")
    return store
