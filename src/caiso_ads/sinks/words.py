"""Points in words and safe cells: what a person, a spreadsheet or a script reads.

Rule: text from outside is data only. A cell that a spreadsheet would run as a formula is quoted, control characters
are written out, numbers stay numbers, and what is not known stays empty.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from caiso_ads.core.directive import Environment
from caiso_ads.core.events import Notice
from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS, Kind, Point, PointValue, Snapshot
from caiso_ads.core.quality import Directive, Quality, Reason

_FORMULA = ("=", "+", "-", "@")
_FLAG = ("NOT_GIVEN", "NO", "YES")
_NO_YES = ("NO", "YES")
ENVIRONMENTS = tuple(environment.value for environment in Environment)


def word(point: Point, known: PointValue) -> str | None:
    """Return the word for a code or the words for bits; None for a point that is no code, or not known."""
    if not isinstance(known.value, int):
        return None
    if point.key == "directive":
        return Directive(known.value).name
    if point.key in {"quality", "published_quality"}:
        return Quality(known.value).name
    if point.key == "reasons":
        return " ".join(reason.name or "" for reason in Reason(known.value)) or "NONE"
    if point.key == "notices":
        return " ".join(notice.name or "" for notice in Notice(known.value)) or "NONE"
    listed = {
        "environment": ENVIRONMENTS,
        "follow_dot_flag": _FLAG,
        "store_ok": _NO_YES,
        "clock_ok": _NO_YES,
        "curtailed": _NO_YES,
    }.get(point.key, ())
    return listed[known.value] if 0 <= known.value < len(listed) else None


def utc_text(moment: datetime) -> str:
    """Return an instant as 2026-11-23T22:17:00Z, with milliseconds only when there are any."""
    moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds").replace("+00:00", "Z")


def column(point: Point) -> str:
    """Return the heading of a point: its key, which says UTC where it is a time."""
    return f"{point.key}_utc" if point.kind is Kind.TIME and "utc" not in point.key else point.key


def cell(point: Point, known: PointValue) -> str:
    """Return one point as text: a word for a code, a plain number, UTC for a time, empty when not known."""
    if known.value is None:
        return ""
    if isinstance(known.value, datetime):
        return utc_text(known.value)
    if point.kind is Kind.NUMBER:
        # Adding 0.0 turns a minus zero, which rounding can make, into a zero.
        return repr(round(known.value, 6) + 0.0) if math.isfinite(known.value) else ""
    return word(point, known) or str(known.value)


def safe_text(text: str) -> str:
    """Return outside text as a cell no spreadsheet runs: a leading ``= + - @`` or blank sign gets an apostrophe."""
    plain = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text)
    return f"'{plain}" if plain.startswith(_FORMULA) else plain


def csv_bytes(rows: Iterable[Sequence[str]]) -> bytes:
    """Return rows as CSV (RFC 4180, UTF-8)."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def watermark(environment: str) -> str:
    """Return what marks data that must not drive a plant; empty in production."""
    return "" if environment == Environment.PRODUCTION else f"TEST DATA - {environment} - NOT FOR OPERATION"


def shut_down(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot as a reader shall find it after we stopped: held values, quality SHUTDOWN, no FOLLOW."""

    def changed(point: Point, known: PointValue) -> PointValue:
        value = known.value
        if point.key in {"quality", "published_quality"}:
            value = int(Quality.SHUTDOWN)
        elif point.key.startswith("active_"):
            value = None  # nobody looks any more whether its interval has ended
        elif point.key == "directive" and value != Directive.NO_DATA:
            value = int(Directive.HOLD)
        elif point.key == "reasons" and isinstance(value, int):
            value = int(value | Reason.SHUTTING_DOWN)
        return PointValue(value, Quality.SHUTDOWN, known.source_time)

    def row(points: Sequence[Point], values: Sequence[PointValue]) -> tuple[PointValue, ...]:
        return tuple(changed(point, known) for point, known in zip(points, values, strict=True))

    return replace(
        snapshot,
        gateway=row(GATEWAY_POINTS, snapshot.gateway),
        resources={key: row(RESOURCE_POINTS, values) for key, values in snapshot.resources.items()},
        nodes={key: row(NODE_POINTS, values) for key, values in snapshot.nodes.items()},
        dot_prices={key: one._replace(quality=Quality.SHUTDOWN) for key, one in snapshot.dot_prices.items()},
    )
