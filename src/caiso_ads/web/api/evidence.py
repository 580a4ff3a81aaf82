"""The evidence chain in pages, the life of one instruction, and whether anything was altered. Rule: it is only read.

``detail`` of a row is the very text that was hashed, so that whoever has the rows can verify them without us.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from caiso_ads.core.intervals import Span
from caiso_ads.store.chain import AuditRow
from caiso_ads.store.evidence_reader import Checked, EvidenceReader, Found
from caiso_ads.store.life import steps
from caiso_ads.web.answers import ProblemError, as_json
from caiso_ads.web.api.paging import Moment, Page, Paged, page, place_of, trade_day, utc
from caiso_ads.web.routes import ANY_ROLE, Route
from caiso_ads.web.site import Role, Site

AUDITORS = frozenset({Role.AUDITOR, Role.ADMIN})
VERIFY_WITHIN_S = 30.0
"""How long verifying the whole chain may take (s); a longer one is for the command line."""


class EvidenceQuery(Paged, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a Pacific day, or since a time; ``kind`` as it stands in the rows."""

    day: date | None = None
    since: Moment | None = None
    kind: Annotated[str, Meta(max_length=200)] = ""


class EvidenceItem(msgspec.Struct, frozen=True):
    """One row; ``at`` null: it was altered to no time. Hashes are hexadecimal."""

    row: int
    at: datetime | None
    kind: str
    who: str
    resource_id: str | None
    text: str
    detail: str
    previous_hash: str
    hash: str


class StepItem(msgspec.Struct, frozen=True):
    """One thing that happened to an instruction. ``after_receipt_s`` since its first receipt; ``intact`` false: altered."""

    at: datetime
    step: str
    who: str
    text: str
    detail: dict[str, Any]
    source: str
    after_receipt_s: float | None
    intact: bool


class Life(msgspec.Struct, frozen=True):
    """All steps, in order of time."""

    instruction_uid: str
    batch_uid: str
    items: list[StepItem]
    next: None = None


class Verdict(msgspec.Struct, frozen=True):
    """``first_altered``: the number of the first row that is not what was written; ``first_hidden``: not found by its UID."""

    good: bool
    good_rows: int
    newest_hash: str | None
    first_altered: int | None
    first_hidden: int | None


async def evidence(site: Site, _request: web.Request, query: EvidenceQuery) -> web.StreamResponse:
    """Return a page of the chain, oldest first."""
    span, (after,) = _span(query), place_of(query.cursor, (0,))
    rows = await site.reads.of(
        EvidenceReader, lambda reader: reader.page(span, after, query.limit + 1, kind=query.kind or None)
    )
    shown, following = page(rows, query.limit, lambda row: (row.row,))
    return as_json(Page([_item(row) for row in shown], following))


def _span(query: EvidenceQuery) -> Span | None:
    if query.day is not None and query.since is not None:
        raise ProblemError(400, "give day or since, not both", field="since")
    if query.day is not None:
        return trade_day(query.day)
    return None if query.since is None else Span(utc(query.since, "since"), datetime(2101, 1, 1, tzinfo=UTC))


def _item(row: AuditRow) -> EvidenceItem:
    resource = None if row.resource is None else str(row.resource)
    return EvidenceItem(
        row.row, _when(row), str(row.kind), str(row.who), resource, str(row.text), str(row.detail),
        row.previous_hash.hex(), row.hash.hex(),
    )  # fmt: skip


def _when(row: AuditRow) -> datetime | None:
    try:
        return row.at
    except (TypeError, OverflowError):
        return None  # altered; verify tells


async def life(site: Site, request: web.Request, _query: None) -> web.StreamResponse:
    """Return the life of one instruction."""
    uid = request.match_info["uid"]
    found: Found | None = await site.reads.of(EvidenceReader, lambda reader: reader.instruction(uid))
    if found is None:
        raise ProblemError(404, "no stored batch holds that instruction", field="uid")
    items = [
        StepItem(step.at, step.what, step.who, step.text, step.detail, step.source, step.after_s, step.intact)
        for step in steps(found)
    ]
    return as_json(Life(found.instruction_uid, found.batch_uid, items))


async def verify(site: Site, _request: web.Request, _query: None) -> web.StreamResponse:
    """Verify the whole chain."""
    found: Checked = await site.reads.of(EvidenceReader, lambda reader: reader.check(), within_s=VERIFY_WITHIN_S)
    return as_json(
        Verdict(
            good=found.broken is None and found.hidden is None,
            good_rows=found.rows,
            newest_hash=None if found.newest is None else found.newest.hash.hex(),
            first_altered=None if found.broken is None else found.broken.row,
            first_hidden=found.hidden,
        )
    )


_ONE = "/api/v1/evidence/instruction/{uid}"
ROUTES = (
    Route("GET", "/api/v1/evidence", evidence, AUDITORS, "the evidence chain", EvidenceQuery, Page[EvidenceItem]),
    Route("GET", _ONE, life, ANY_ROLE, "the life of one instruction", gives=Life),
    Route("GET", "/api/v1/evidence/verify", verify, AUDITORS, "verify the chain", gives=Verdict),
)
