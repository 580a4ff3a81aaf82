"""Lists in pages, and the times that may be asked for.

Rule: a cursor is opaque to whoever gets it, names a place and not a number of rows, and is checked like any other input;
so a page does not move because something new came.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, tzinfo
from functools import cache
from typing import Annotated, Generic, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta

from caiso_ads.core.intervals import Span, day_span
from caiso_ads.web.answers import ProblemError

_FIRST_YEAR, _LAST_YEAR = 2000, 2100
_FAR = 1 << 62

T = TypeVar("T")
P = TypeVar("P", bound="tuple[int, ...]")

Moment = Annotated[datetime, Meta(tz=True, description="ISO 8601 with a zone")]
Limit = Annotated[int, Meta(ge=1, le=500, description="most items of a page")]
Cursor = Annotated[str, Meta(max_length=200, description="next of the page before")]


class Paged(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every list takes."""

    limit: Limit = 100
    cursor: Cursor = ""


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A page of a list; ``next`` is the cursor of the following one, null on the last."""

    items: list[T]
    next: str | None


def page(rows: Sequence[T], limit: int, place: Callable[[T], tuple[int, ...]]) -> tuple[Sequence[T], str | None]:
    """Return the rows of a page and its ``next``; ``rows`` holds one more than the limit where there are more."""
    shown = rows[:limit]
    return shown, cursor_of(place(shown[-1])) if len(rows) > limit else None


def cursor_of(place: tuple[int, ...]) -> str:
    """Return a place as a cursor."""
    return urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def place_of(cursor: str, first: P) -> P:
    """Return the place of a cursor, ``first`` for an empty one. Raises ProblemError 400."""
    if not cursor:
        return first
    try:
        said = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        found = msgspec.json.decode(said, type=list[int])
    except (ValueError, binascii.Error, msgspec.MsgspecError) as problem:
        raise ProblemError(400, "this is no cursor of this list", field="cursor") from problem
    if len(found) != len(first) or any(abs(number) > _FAR for number in found):
        raise ProblemError(400, "this is no cursor of this list", field="cursor")
    return type(first)(found)


def utc(moment: datetime, field: str) -> datetime:
    """Return a time of a request as UTC; ProblemError 400 for one outside this century."""
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ProblemError(400, f"a time from {_FIRST_YEAR} to {_LAST_YEAR} is needed", field=field)
    return moment.astimezone(UTC)


def span_of(start: datetime, end: datetime, longest_h: float) -> Span:
    """Return a stretch of time. Raises ProblemError 400 where it is none or longer than so many hours."""
    span = Span(utc(start, "start"), utc(end, "end"))
    if not 0.0 < (span.end - span.start).total_seconds() <= longest_h * 3600.0:
        raise ProblemError(400, f"end must be after start, by {longest_h:g} hours at most", field="end")
    return span


def trade_day(day: date) -> Span:
    """Return a Pacific day in UTC; ProblemError 400 for one outside this century."""
    if not _FIRST_YEAR <= day.year < _LAST_YEAR:
        raise ProblemError(400, f"a day from {_FIRST_YEAR} to {_LAST_YEAR - 1} is needed", field="day")
    return day_span(day, pacific())


@cache
def pacific() -> tzinfo:
    """Return Pacific time, UTC on a machine that has no zones."""
    try:
        return ZoneInfo("America/Los_Angeles")
    except ZoneInfoNotFoundError:
        return UTC
