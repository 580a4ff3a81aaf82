"""The ISO's lists of nodes, kept for a day. Rule: an old list is better than none, and whoever gets one is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from caiso_ads.core.price import NodeInfo
from caiso_ads.errors import RemoteError
from caiso_ads.ports.prices import PriceSource, PriceStore

KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Catalogues:
    """Lists by kind. ``old`` names the kinds whose list could not be fetched anew, with the reason."""

    rows: Mapping[str, Sequence[NodeInfo]]
    old: Mapping[str, RemoteError]


def silent(_: str) -> None:
    """Show nothing."""


async def load(
    source: PriceSource, store: PriceStore, kinds: Iterable[str], now: datetime,
    fetching: Callable[[str], None] = silent,
) -> Catalogues:  # fmt: skip
    """Return the lists of these kinds, fetched when the stored one is older than a day.

    ``fetching`` is told each kind that is about to be fetched, which takes a turn of the pace.
    Raises RemoteError when one cannot be fetched and none is stored, StoreError.
    """
    rows: dict[str, Sequence[NodeInfo]] = {}
    old: dict[str, RemoteError] = {}
    for kind in kinds:
        stored, fetched = await store.catalogue(kind)
        if fetched is not None and timedelta(0) <= now - fetched < KEPT:
            rows[kind] = stored
            continue
        fetching(kind)
        try:
            rows[kind] = await source.catalogue(kind)
        except RemoteError as error:
            if fetched is None:
                raise
            rows[kind], old[kind] = stored, error
            continue
        if rows[kind]:  # an empty list is an outage of the service, not an empty grid
            await store.record_catalogue(kind, rows[kind], now)
        else:
            rows[kind] = stored
    return Catalogues(rows, old)
