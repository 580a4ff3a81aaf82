"""Batches as they came: in a list, decoded, and as the ISO's own XML.

Rule: a UID is looked up in the store and never joined to a path; a damaged copy is said to be damaged and not decoded.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from caiso_ads.core.codes import BatchType
from caiso_ads.core.intervals import Span
from caiso_ads.core.plain import plain
from caiso_ads.store.batches import NEWEST, BatchReader, StoredBatch, WholeBatch
from caiso_ads.web.answers import ProblemError, as_json
from caiso_ads.web.api.paging import Moment, Page, Paged, page, place_of, trade_day, utc
from caiso_ads.web.routes import ANY_ROLE, Route
from caiso_ads.web.site import Site

_ALWAYS = Span(datetime(2000, 1, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC))
_LASTS = {BatchType.FIVE_MINUTE: timedelta(minutes=5), BatchType.HOURLY_PRE_DISPATCH: timedelta(hours=1)}


class BatchesQuery(Paged, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Received on a Pacific day, or since a time. ``type`` is the number of the batch type."""

    day: date | None = None
    since: Moment | None = None
    resource: Annotated[str, Meta(max_length=200)] = ""
    type: Annotated[int, Meta(ge=0, le=1000)] | None = None


class BatchItem(msgspec.Struct, frozen=True):
    """A stored batch; null where it could not be read, then ``problem`` says why. ``instructions`` visible to us."""

    batch_uid: str
    type: int | None
    type_label: str | None
    revision: int | None
    status: str | None
    received_at: datetime
    start_time: datetime | None
    end_time: datetime | None
    instructions: int | None
    header_only: bool
    disputed: bool
    problem: str | None


class WholeItem(msgspec.Struct, frozen=True):
    """A batch decoded; ``batch`` has the names of the model, null where it cannot be read."""

    batch_uid: str
    received_at: datetime
    sha256: str
    intact: bool
    problem: str | None
    batch: dict[str, Any] | None


async def batches(site: Site, _request: web.Request, query: BatchesQuery) -> web.StreamResponse:
    """Return a page of batches, newest receipt first."""
    span, after = _span(query), place_of(query.cursor, NEWEST)

    def look(reader: BatchReader) -> list[StoredBatch]:
        return reader.page(span, after, query.limit + 1, resource_id=query.resource or None, kind=query.type)

    rows, following = page(await site.reads.of(BatchReader, look), query.limit, lambda row: row.place)
    return as_json(Page([batch_item(row) for row in rows], following))


def _span(query: BatchesQuery) -> Span:
    if query.day is not None and query.since is not None:
        raise ProblemError(400, "give day or since, not both", field="since")
    if query.day is not None:
        return trade_day(query.day)
    return _ALWAYS if query.since is None else Span(utc(query.since, "since"), _ALWAYS.end)


def batch_item(row: StoredBatch) -> BatchItem:
    """Return a batch as it is listed."""
    lasts = None if row.batch_type is None else _LASTS.get(row.batch_type)
    return BatchItem(
        batch_uid=row.batch_uid,
        type=None if row.batch_type is None else int(row.batch_type),
        type_label=None if row.batch_type is None else row.batch_type.label,
        revision=row.revision,
        status=None if row.status is None else row.status.label,
        received_at=row.received_at,
        start_time=row.start_time,
        end_time=None if lasts is None or row.start_time is None else row.start_time + lasts,
        instructions=row.instructions,
        header_only=row.header_only,
        disputed=row.conflict,
        problem=row.problem,
    )


async def batch(site: Site, request: web.Request, _query: None) -> web.StreamResponse:
    """Return the newest version of a batch, decoded anew from what was received."""
    found = await _whole(site, request)
    content = None if found.batch is None else plain(found.batch)
    uid = request.match_info["uid"]
    return as_json(WholeItem(uid, found.received_at, found.sha256, found.intact, found.problem, content))


async def xml(site: Site, request: web.Request, _query: None) -> web.StreamResponse:
    """Return the document as the ISO sent it, unpacked; as it came where it cannot be unpacked."""
    found = await _whole(site, request)
    if not found.intact:
        raise ProblemError(409, "the stored copy is damaged: it is not what was received")
    name = f"batch-{found.row}.{'xml' if found.is_xml else 'txt'}"  # never a text from outside
    return web.Response(
        body=found.text,
        content_type="text/xml" if found.is_xml else "application/octet-stream",
        headers={"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _whole(site: Site, request: web.Request) -> WholeBatch:
    uid = request.match_info["uid"]
    found: WholeBatch | None = await site.reads.of(BatchReader, lambda reader: reader.whole(uid))
    if found is None:
        raise ProblemError(404, "no batch of that UID is stored", field="uid")
    return found


ROUTES = (
    Route("GET", "/api/v1/batches", batches, ANY_ROLE, "stored batches, newest first", BatchesQuery, Page[BatchItem]),
    Route("GET", "/api/v1/batches/{uid}", batch, ANY_ROLE, "one batch, decoded", gives=WholeItem),
    Route("GET", "/api/v1/batches/{uid}/xml", xml, ANY_ROLE, "one batch as the ISO sent it", kind="text/xml"),
)
