"""What is served: the configured resources, and every point with its unit. Rule: as configured, nothing is looked up."""

from __future__ import annotations

import msgspec
from aiohttp import web

from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS, Point
from caiso_ads.web.answers import ProblemError, as_json
from caiso_ads.web.api.paging import Page, Paged, page, place_of
from caiso_ads.web.routes import ANY_ROLE, Route
from caiso_ads.web.site import Site


class ResourceItem(msgspec.Struct, frozen=True):
    """A resource; limits in MW."""

    id: str
    name: str
    pmin_mw: float
    pmax_mw: float
    technology: str
    node: str | None


class PointItem(msgspec.Struct, frozen=True):
    """A point: its key, kind (number, count, code, bits, time), unit and meaning."""

    key: str
    kind: str
    unit: str
    doc: str


class Points(msgspec.Struct, frozen=True):
    """The catalogue."""

    gateway: list[PointItem]
    resource: list[PointItem]
    node: list[PointItem]


async def resources(site: Site, _request: web.Request, query: Paged) -> web.StreamResponse:
    """Return the resources in configured order."""
    (begin,) = place_of(query.cursor, (0,))
    known = list(enumerate(site.config.resources, 1))
    rows = known[max(0, begin) :][: query.limit + 1]
    shown, following = page(rows, query.limit, lambda row: (row[0],))
    items = [
        ResourceItem(one.id, one.name, one.pmin_mw, one.pmax_mw, one.technology, one.node or None) for _, one in shown
    ]
    return as_json(Page(items, following))


async def points(_site: Site, _request: web.Request, _query: None) -> web.StreamResponse:
    """Return the catalogue of points."""
    return as_json(Points(_items(GATEWAY_POINTS), _items(RESOURCE_POINTS), _items(NODE_POINTS)))


def _items(known: tuple[Point, ...]) -> list[PointItem]:
    return [PointItem(each.key, each.kind.value, each.unit, each.doc) for each in known]


def served(site: Site, resource_id: str) -> str:
    """Return the id of a resource that is served. Raises ProblemError 404."""
    if resource_id not in site.context.resource_ids:
        raise ProblemError(404, "there is no such resource", field="resource")
    return resource_id


ROUTES = (
    Route("GET", "/api/v1/resources", resources, ANY_ROLE, "the resources served", Paged, Page[ResourceItem]),
    Route("GET", "/api/v1/points", points, ANY_ROLE, "every point with its unit and meaning", gives=Points),
)
