"""What became of each five-minute interval of a day. Rule: the ledger of ``core.intervals``, word for word."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from caiso_ads.core.intervals import EARLIEST, TARGET, Entry, Fate, Polls, Span, ledger, starts_between
from caiso_ads.store.deliveries import Deliveries
from caiso_ads.web.answers import as_json
from caiso_ads.web.api.paging import Page, Paged, page, place_of, trade_day
from caiso_ads.web.api.plant import served
from caiso_ads.web.routes import ANY_ROLE, Route
from caiso_ads.web.site import Site


class IntervalsQuery(Paged, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Pacific day; of one resource, else of all."""

    day: date
    resource: Annotated[str, Meta(max_length=200)] = ""


class IntervalState(msgspec.Struct, frozen=True):
    """What became of an interval, and why where that is known."""

    start: datetime
    state: str
    cause: str | None


class IntervalItem(msgspec.Struct, frozen=True):
    """One line of the ledger; ``dot_mw`` is that of the first version, ``last_mw`` of the last (MW)."""

    resource_id: str
    start: datetime
    state: str
    cause: str | None
    dot_mw: float | None
    last_mw: float | None
    received_at: datetime | None
    revisions: int
    batch_uid: str | None


async def intervals(site: Site, _request: web.Request, query: IntervalsQuery) -> web.StreamResponse:
    """Return a page of the ledger of a day, by resource and time."""
    names = [served(site, query.resource)] if query.resource else list(site.context.resource_ids)
    span, (begin,), now = trade_day(query.day), place_of(query.cursor, (0,)), site.clock.now().wall
    entries, polls = await site.reads.of(Deliveries, lambda reader: entries_of(reader, names, span, now))
    rows = list(enumerate(entries, 1))[max(0, begin) :][: query.limit + 1]
    shown, following = page(rows, query.limit, lambda row: (row[0],))
    return as_json(Page([_item(entry, polls) for _, entry in shown], following))


def entries_of(reader: Deliveries, names: Sequence[str], span: Span, now: datetime) -> tuple[list[Entry], Polls]:
    """Return the ledger of these resources and when we were polling."""
    # The polls first: what is stored until the DOTs are read can then not be taken for missing.
    polls, unreadable = reader.polls(), reader.unreadable(span.start - EARLIEST)
    deliveries = [each for name in names for each in reader.of(name, span.start, span.end)]
    return ledger(names, starts_between(span.start, span.end), deliveries, polls, now, unreadable), polls


def state_of(entry: Entry, polls: Polls) -> IntervalState:
    """Return one interval's state and its cause."""
    return IntervalState(entry.start, entry.fate.name.lower(), _cause(entry, polls))


def _item(entry: Entry, polls: Polls) -> IntervalItem:
    return IntervalItem(
        entry.resource_id, entry.start, entry.fate.name.lower(), _cause(entry, polls), entry.dot_mw, entry.last_mw,
        entry.received_at, entry.revisions, entry.batch_uid,
    )  # fmt: skip


def _cause(entry: Entry, polls: Polls) -> str | None:
    if entry.delay_s is not None:
        late = f"received {entry.delay_s:.0f} s after its begin"
        return f"{late}; {reason}" if (reason := _outage(entry, polls)) else late
    return _outage(entry, polls) if entry.fate in {Fate.NOT_FETCHED, Fate.NOT_KNOWN} else None


def _outage(entry: Entry, polls: Polls) -> str | None:
    due = entry.start + TARGET
    return next((item.reason for item in polls.outages if item.start < due and item.end > entry.start), None)


ROUTES = (
    Route(
        "GET", "/api/v1/intervals", intervals, ANY_ROLE, "the ledger of 5-minute intervals of a day",
        IntervalsQuery, Page[IntervalItem],
    ),
)  # fmt: skip
