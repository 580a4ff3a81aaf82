"""The alarms: those that stand, what was, and what people do about them.

Rule: the gateway's own book is shown, in its order; acting goes through the desk like a command of the command line.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from caiso_ads.core.alarm_catalogue import CATALOGUE
from caiso_ads.core.alarm_view import alarm_values, kind_values
from caiso_ads.store.alarm_reader import LAST, AlarmReader
from caiso_ads.store.chain import AuditRow
from caiso_ads.web.answers import as_json
from caiso_ads.web.api.acting import OPERATORS, Done, Nothing, ask
from caiso_ads.web.api.paging import Moment, Page, Paged, page, place_of, utc
from caiso_ads.web.routes import ANY_ROLE, Route
from caiso_ads.web.site import Site

_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
Note = Annotated[str, Meta(max_length=200)]


class JournalQuery(Paged, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Since a time, newest first."""

    since: Moment | None = None


class AlarmItem(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm. ``root``: what it follows from; ``children``: what follows from it; ``count``: how often it came."""

    id: str
    key: str
    scope: str
    subject: str | None
    resource_id: str | None
    priority: str
    state: str
    active: bool
    raised_at: str
    changed_at: str
    text: str
    cause: str
    consequence: str
    action: str
    shelved_until: str | None
    by: str | None
    note: str | None
    count: int
    root: str | None
    children: list[str]


class KindItem(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the catalogue; delays in seconds."""

    key: str
    scope: str
    priority: str
    text: str
    over: str
    cause: str
    consequence: str
    action: str
    on_delay_s: float
    off_delay_s: float
    roots: list[str]


class Kinds(msgspec.Struct, frozen=True):
    """The whole catalogue."""

    items: list[KindItem]
    next: None = None


class JournalItem(msgspec.Struct, frozen=True):
    """One change. ``at`` null: the row was altered to no time."""

    at: datetime | None
    id: str
    what: str
    priority: str
    resource_id: str | None
    text: str
    who: str
    note: str


class Acknowledge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A note for the evidence, where there is one."""

    note: Note = ""


class Shelve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For so many minutes, at most a day, and why."""

    minutes: Annotated[int, Meta(ge=1, le=1440)]
    reason: Annotated[str, Meta(min_length=1, max_length=200)]


async def alarms(site: Site, _request: web.Request, query: Paged) -> web.StreamResponse:
    """Return the alarms that are not normal, in the order of the catalogue."""
    (place,) = place_of(query.cursor, (0,))
    found = list(enumerate(site.alarms.alarms(), start=1))[max(0, place) :]
    shown, following = page(found[: query.limit + 1], query.limit, lambda one: (one[0],))
    return as_json(Page([msgspec.convert(alarm_values(alarm), AlarmItem) for _, alarm in shown], following))


async def catalogue(_site: Site, _request: web.Request, _query: None) -> web.StreamResponse:
    """Return every alarm there can be."""
    return as_json(Kinds([msgspec.convert(kind_values(kind), KindItem) for kind in CATALOGUE]))


async def journal(site: Site, _request: web.Request, query: JournalQuery) -> web.StreamResponse:
    """Return what happened, newest first."""
    since = _FIRST if query.since is None else utc(query.since, "since")
    (place,) = place_of(query.cursor, (LAST,))
    rows = await site.reads.of(AlarmReader, lambda reader: reader.journal(since, query.limit + 1, place))
    shown, following = page(rows, query.limit, lambda row: (row.row,))
    return as_json(Page([_journal_item(row) for row in shown], following))


def _journal_item(row: AuditRow) -> JournalItem:
    said = json.loads(row.detail)
    try:
        at = row.at
    except (TypeError, OverflowError):
        at = None
    what, text = str(said.get("what", "")), str(row.text)
    return JournalItem(
        at, str(said.get("alarm", "")), what, str(said.get("priority", "low")), row.resource,
        text.removeprefix(f"{what}: "), str(row.who), str(said.get("said", "")),
    )  # fmt: skip


async def acknowledge(site: Site, request: web.Request, body: Acknowledge) -> web.StreamResponse:
    """Say that an alarm was seen."""
    return await ask(site, request, {"kind": "alarm-ack", "alarm": request.match_info["id"], "note": body.note})


async def acknowledge_all(site: Site, request: web.Request, body: Acknowledge) -> web.StreamResponse:
    """Say that all were seen."""
    return await ask(site, request, {"kind": "alarm-ack-all", "note": body.note})


async def shelve(site: Site, request: web.Request, body: Shelve) -> web.StreamResponse:
    """Set an alarm aside for a time."""
    said = {"alarm": request.match_info["id"], "minutes": body.minutes, "reason": body.reason}
    return await ask(site, request, {"kind": "alarm-shelve", **said})


async def unshelve(site: Site, request: web.Request, _body: Nothing) -> web.StreamResponse:
    """Take an alarm back."""
    return await ask(site, request, {"kind": "alarm-unshelve", "alarm": request.match_info["id"]})


async def test(site: Site, request: web.Request, _body: Nothing) -> web.StreamResponse:
    """Raise the test alarm."""
    return await ask(site, request, {"kind": "alarm-test"})


_ONE = "/api/v1/alarms/{id}"
ROUTES = (
    Route("GET", "/api/v1/alarms", alarms, ANY_ROLE, "alarms that are not normal", Paged, Page[AlarmItem]),
    Route("GET", "/api/v1/alarms/catalogue", catalogue, ANY_ROLE, "every alarm there can be", gives=Kinds),
    Route("GET", "/api/v1/alarms/journal", journal, ANY_ROLE, "what happened", JournalQuery, Page[JournalItem]),
    Route("POST", "/api/v1/alarms/test", test, OPERATORS, "raise the test alarm", Nothing, Done),
    Route("POST", "/api/v1/alarms/acknowledge-all", acknowledge_all, OPERATORS, "all were seen", Acknowledge, Done),
    Route("POST", f"{_ONE}/acknowledge", acknowledge, OPERATORS, "an alarm was seen", Acknowledge, Done),
    Route("POST", f"{_ONE}/shelve", shelve, OPERATORS, "set an alarm aside for a time", Shelve, Done),
    Route("POST", f"{_ONE}/unshelve", unshelve, OPERATORS, "take an alarm back", Nothing, Done),
)
