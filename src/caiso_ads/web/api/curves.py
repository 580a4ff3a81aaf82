"""What was, is and will be asked of one resource: targets, operating points, price and the ledger of intervals.

Rule: every number comes from the store by the core's own rules; where nothing is known there is a gap, never a 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from caiso_ads.core.price import Market
from caiso_ads.core.setpoint import Target
from caiso_ads.core.trajectory import JOINED, Curve
from caiso_ads.store.curves import NEWEST, CurveReader, StoredPoint
from caiso_ads.store.deliveries import Deliveries
from caiso_ads.store.price_looking import PriceLooking
from caiso_ads.web.answers import as_json
from caiso_ads.web.api.ledger import IntervalState, entries_of, state_of
from caiso_ads.web.api.paging import Moment, Page, Paged, page, place_of, span_of
from caiso_ads.web.api.plant import served
from caiso_ads.web.routes import ANY_ROLE, Route
from caiso_ads.web.site import Site

LONGEST_H = 26.0

Sample = tuple[datetime, float | None]
"""A time and a value; null where the line is broken."""


class TimelineQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most 26 hours."""

    resource: Annotated[str, Meta(max_length=200)]
    start: Moment
    end: Moment


class Limits(msgspec.Struct, frozen=True):
    """MW."""

    pmin_mw: float
    pmax_mw: float


class Timeline(msgspec.Struct, frozen=True):
    """MW and USD/MWh. ``dot`` and ``supplemental`` are steps at their target times, ``dop`` is linear between its points."""

    resource_id: str
    start: datetime
    end: datetime
    dot: list[Sample]
    dop: list[Sample]
    supplemental: list[Sample]
    price: list[Sample]
    intervals: list[IntervalState]
    limits: Limits


class PointsQuery(Paged, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one resource."""

    resource: Annotated[str, Meta(max_length=200)]


class TrajectoryItem(msgspec.Struct, frozen=True):
    """An operating point (MW) of one trajectory batch. ``binding`` null: not told. ``effective`` false: a newer copy counts."""

    resource_id: str
    target_time: datetime
    dop_mw: float
    sequence_number: int
    configuration_id: str | None
    batch_uid: str
    batch_received: datetime
    binding: bool | None
    effective: bool


async def timeline(site: Site, _request: web.Request, query: TimelineQuery) -> web.StreamResponse:
    """Return the curves of one resource."""
    resource_id, span = served(site, query.resource), span_of(query.start, query.end, LONGEST_H)
    configured = next(one for one in site.config.resources if one.id == resource_id)
    now = site.clock.now().wall

    def curves(reader: CurveReader) -> tuple[list[Target], Curve]:
        targets = reader.targets(resource_id, span.start, span.end)
        return targets, reader.curve(resource_id, span.start, span.end)

    def prices(reader: PriceLooking) -> list[Sample]:
        found = reader.prices(Market.RTD, [configured.node], span.start, span.end)
        return [(one.price.start, one.price.lmp_usd_per_mwh) for one in found]

    targets, curve = await site.reads.of(CurveReader, curves)
    entries, polls = await site.reads.of(Deliveries, lambda reader: entries_of(reader, [resource_id], span, now))
    return as_json(
        Timeline(
            resource_id=resource_id,
            start=span.start,
            end=span.end,
            dot=[(_at(one.target), one.dot_mw) for one in targets],
            dop=samples(curve, span.start, span.end),
            supplemental=[(_at(one.target), one.supplemental_mw) for one in targets if one.supplemental_mw is not None],
            price=await site.reads.of(PriceLooking, prices) if configured.node else [],
            intervals=[state_of(entry, polls) for entry in entries],
            limits=Limits(configured.pmin_mw, configured.pmax_mw),
        )
    )


def samples(curve: Curve, start: datetime, end: datetime) -> list[Sample]:
    """Return the points of a curve within a span; a null second after a point from which no line leads on."""
    first, last = start.timestamp(), end.timestamp()
    shown: list[Sample] = []
    before: float | None = None
    for at, mw, reached in zip(curve.times, curve.mw, curve.reached, strict=True):
        if before is not None and not reached & JOINED and at - before > 1.0 and first <= before <= last:
            shown.append((_at(before + 1.0), None))
        if first <= at <= last:
            shown.append((_at(at), mw))
        before = at
    return shown


async def trajectories(site: Site, _request: web.Request, query: PointsQuery) -> web.StreamResponse:
    """Return a page of operating points of every trajectory, newest target first."""
    resource_id, after = served(site, query.resource), place_of(query.cursor, NEWEST)
    found: Sequence[StoredPoint] = await site.reads.of(
        CurveReader, lambda reader: reader.points(resource_id, after, query.limit + 1)
    )
    rows, following = page(found, query.limit, lambda row: row.place)
    items = [
        TrajectoryItem(
            resource_id, row.target_time, row.dop_mw, row.sequence_number, row.configuration_id, row.batch_uid,
            row.batch_received, row.binding, row.effective,
        )
        for row in rows
    ]  # fmt: skip
    return as_json(Page(items, following))


def _at(unix: float) -> datetime:
    return datetime.fromtimestamp(unix, UTC)


ROUTES = (
    Route("GET", "/api/v1/timeline", timeline, ANY_ROLE, "the curves of one resource", TimelineQuery, Timeline),
    Route(
        "GET", "/api/v1/trajectories", trajectories, ANY_ROLE, "operating points, newest first",
        PointsQuery, Page[TrajectoryItem],
    ),
)  # fmt: skip
