"""Prices of a node over a stretch of time, as stored. Rule: a component that was not given is null, never 0."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from caiso_ads.core.price import Market
from caiso_ads.ports.prices import StoredPrice
from caiso_ads.store.price_looking import PriceLooking
from caiso_ads.web.answers import as_json
from caiso_ads.web.api.paging import Moment, Page, Paged, page, place_of, span_of
from caiso_ads.web.routes import ANY_ROLE, Route
from caiso_ads.web.site import Site

LONGEST_H = 32 * 24.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


class PricesQuery(Paged, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Intervals that begin in that time; at most 32 days."""

    node: Annotated[str, Meta(min_length=1, max_length=200)]
    market: Market = Market.RTD
    start: Moment
    end: Moment


class PriceItem(msgspec.Struct, frozen=True):
    """A price and its components (USD/MWh); ``revisions`` counts the ISO's corrections."""

    node: str
    market: str
    start: datetime
    end: datetime
    lmp_usd_per_mwh: float
    energy_usd_per_mwh: float | None
    congestion_usd_per_mwh: float | None
    loss_usd_per_mwh: float | None
    ghg_usd_per_mwh: float | None
    first_seen: datetime
    revisions: int


async def prices(site: Site, _request: web.Request, query: PricesQuery) -> web.StreamResponse:
    """Return a page of prices in order of time."""
    span, (after,) = span_of(query.start, query.end, LONGEST_H), place_of(query.cursor, (-1,))

    def look(reader: PriceLooking) -> list[StoredPrice]:
        return reader.prices(query.market, [query.node], span.start, span.end)

    found = [one for one in await site.reads.of(PriceLooking, look) if _place(one)[0] > after]
    rows, following = page(found[: query.limit + 1], query.limit, _place)
    return as_json(Page([_item(row) for row in rows], following))


def _place(row: StoredPrice) -> tuple[int, ...]:
    return ((row.price.start - _EPOCH) // _SECOND,)


def _item(row: StoredPrice) -> PriceItem:
    price = row.price
    return PriceItem(
        price.node, price.market.value, price.start, price.end, price.lmp_usd_per_mwh, price.energy_usd_per_mwh,
        price.congestion_usd_per_mwh, price.loss_usd_per_mwh, price.ghg_usd_per_mwh, row.first_seen, row.revisions,
    )  # fmt: skip


ROUTES = (Route("GET", "/api/v1/prices", prices, ANY_ROLE, "prices of a node", PricesQuery, Page[PriceItem]),)
