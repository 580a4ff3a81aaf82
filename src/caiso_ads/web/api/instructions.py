"""What the ISO asks: hourly instructions that take answers, and real-time ones.

Rule: as it was stored last; ``may`` says what can be answered now, and the answer itself is checked again where it is
executed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from typing import Annotated, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from caiso_ads.core.answering import REASONS, reason_word
from caiso_ads.core.answers import Answer
from caiso_ads.core.codes import InstructionType
from caiso_ads.store.asked_view import as_json as all_of
from caiso_ads.store.asked_view import is_open
from caiso_ads.store.hourly import NEWEST as NEWEST_HOURLY
from caiso_ads.store.hourly import Asked, HourlyReader, Place
from caiso_ads.store.realtime import NEWEST, RealTime, RealTimeReader
from caiso_ads.web.answers import as_json
from caiso_ads.web.api.paging import Moment, Page, Paged, page, place_of, utc
from caiso_ads.web.routes import ANY_ROLE, Route
from caiso_ads.web.site import Site

_RECENT = timedelta(days=31)
"""How far back hourly ones go where nobody says ``since``: farther, every look would read a year."""
_OPEN_FOR = timedelta(days=2)
"""What was received before that can be answered no more."""
MOST_LOOKED_AT = 5000


class InstructionsQuery(Paged, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``since``: received (hourly; by default 31 days ago) or with a target (real time) from then on.

    ``open``: only what takes answers now.
    """

    tab: Literal["realtime", "hourly"] = "hourly"
    resource: Annotated[str, Meta(max_length=200)] = ""
    since: Moment | None = None
    open: bool = False


class CodeItem(msgspec.Struct, frozen=True):
    """A code of the ISO: its number and its name."""

    code: int
    name: str


class IsoAnswer(msgspec.Struct, frozen=True):
    """What the ISO has of an answer; MW."""

    accept_status: str | None
    accept_dot_mw: float | None
    responder: str | None
    reason_code: CodeItem | None


class AnswerItem(msgspec.Struct, frozen=True):
    """One answer of ours, and what became of it."""

    id: int
    kind: str
    state: str
    who: str
    seconded_by: str
    mw: float | None
    reason: str | None
    text: str
    given_at: datetime
    revision: int


class HourlyItem(msgspec.Struct, frozen=True):
    """An instruction that takes answers. MW; ``seconds_left`` until the window closes; ``may``: the answers possible now."""

    instruction_uid: str
    batch_uid: str
    resource_id: str
    revision: int
    start_time: datetime
    end_time: datetime | None
    dot_mw: float | None
    schedule_mw: float | None
    min_accept_mw: float | None
    batch_status: CodeItem
    closes_at: datetime | None
    seconds_left: float | None
    open: bool
    iso: IsoAnswer
    answers: list[AnswerItem]
    stored_at: datetime
    may: list[str]


class SegmentItem(msgspec.Struct, frozen=True):
    """A segment of a DOT (MW)."""

    service: str | None
    mw: float | None


class RealTimeItem(msgspec.Struct, frozen=True):
    """A real-time instruction. MW; ``valid`` false: cancelled or deferred; ``disputed``: sent twice with two contents."""

    batch_uid: str
    instruction_uid: str
    revision: int
    batch_type: int
    type_label: str
    received_at: datetime
    start_time: datetime
    target_time: datetime
    resource_id: str
    dot_mw: float | None
    previous_dot_mw: float | None
    dot_delta_mw: float | None
    supplemental_mw: float | None
    follow_dot_flag: str | None
    exceptional: bool
    contingency: bool
    valid: bool
    disputed: bool
    details: list[SegmentItem]


class ReasonItem(msgspec.Struct, frozen=True):
    """A reason that may be given."""

    code: int
    label: str


class Reasons(msgspec.Struct, frozen=True):
    """All of them."""

    items: list[ReasonItem]
    next: None = None


async def instructions(site: Site, _request: web.Request, query: InstructionsQuery) -> web.StreamResponse:
    """Return a page of instructions, newest first."""
    since = None if query.since is None else utc(query.since, "since")
    return as_json(await (_realtime if query.tab == "realtime" else _hourly)(site, query, since))


async def _hourly(site: Site, query: InstructionsQuery, since: datetime | None) -> Page[HourlyItem]:
    after, now = place_of(query.cursor, NEWEST_HOURLY), site.clock.now().wall
    oldest = since or now - _RECENT
    oldest = max(oldest, now - _OPEN_FOR) if query.open else oldest

    def wanted(row: Asked) -> bool:
        return (not query.resource or row.instruction.resource_id == query.resource) and (
            not query.open or is_open(row, now)
        )

    def look(reader: HourlyReader) -> list[tuple[Place, Asked]]:
        found = islice(reader.newest(after, oldest), MOST_LOOKED_AT)
        return list(islice((each for each in found if wanted(each[1])), query.limit + 1))

    rows, following = page(await site.reads.of(HourlyReader, look), query.limit, lambda row: row[0])
    answering = not site.config.responses.read_only
    return Page([hourly_item(row, now, answering=answering) for _, row in rows], following)


def hourly_item(row: Asked, now: datetime, *, answering: bool) -> HourlyItem:
    """Return one instruction that takes answers; ``answering``: whether this gateway sends any."""
    told = all_of(row, now)
    kinds = ["accept", "partial", "decline"] if row.instruction.dot_mw is not None else ["accept", "decline"]
    may = kinds if answering and told["open"] else []
    return HourlyItem(**{**told, "answers": [_answer(each) for each in row.answers], "may": may})


def _answer(given: Answer) -> AnswerItem:
    reason = None if given.reason_code is None else f"{int(given.reason_code)} {reason_word(given.reason_code)}"
    return AnswerItem(
        given.answer_id, given.kind.value, given.state.value, given.who, given.seconded_by, given.mw, reason,
        given.text, given.given_at, given.revision_no,
    )  # fmt: skip


async def _realtime(site: Site, query: InstructionsQuery, since: datetime | None) -> Page[RealTimeItem]:
    after = place_of(query.cursor, NEWEST)
    found = await site.reads.of(
        RealTimeReader, lambda reader: reader.page(query.resource or None, since, after, query.limit + 1)
    )
    rows, following = page(found, query.limit, lambda row: row.place)
    return Page([realtime_item(row) for row in rows], following)


def realtime_item(row: RealTime) -> RealTimeItem:
    """Return one real-time instruction."""
    known = row.dot_mw is not None and row.previous_dot_mw is not None
    what = "" if row.instruction_type is InstructionType.DOT else f", {row.instruction_type.label}"
    return RealTimeItem(
        batch_uid=row.batch_uid,
        instruction_uid=row.instruction_uid,
        revision=row.revision,
        batch_type=int(row.batch_type),
        type_label=f"{row.batch_type.label}{what}",
        received_at=row.received_at,
        start_time=row.start_time,
        target_time=row.target_time,
        resource_id=row.resource_id,
        dot_mw=row.dot_mw,
        previous_dot_mw=row.previous_dot_mw,
        dot_delta_mw=round((row.dot_mw or 0.0) - (row.previous_dot_mw or 0.0), 6) if known else None,
        supplemental_mw=row.supplemental_mw,
        follow_dot_flag=row.follow_dot_flag,
        exceptional=row.exceptional,
        contingency=row.contingency,
        valid=not row.withdrawn,
        disputed=row.disputed,
        details=[SegmentItem(service, mw) for service, mw in row.segments],
    )


async def reasons(_site: Site, _request: web.Request, _query: None) -> web.StreamResponse:
    """Return the reasons that may be given."""
    return as_json(Reasons([ReasonItem(int(code), code.label) for code in REASONS]))


ROUTES = (
    Route(
        "GET", "/api/v1/instructions", instructions, ANY_ROLE, "instructions, newest first",
        InstructionsQuery, (Page[HourlyItem], Page[RealTimeItem]),
    ),
    Route("GET", "/api/v1/reasons", reasons, ANY_ROLE, "the reasons a decline may have", gives=Reasons),
)  # fmt: skip
