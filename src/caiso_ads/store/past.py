"""What was received in a stretch of time, read beside a running gateway: for replays and for looking back.

Rule: as ``reader``: read-only, no read transaction longer than one page, no SQLAlchemy. A payload is decoded anew only
after its SHA-256 was checked; a damaged one, or one that cannot be read now, comes with the reason instead of content.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from caiso_ads.core.model import DispatchBatch, TrajectoryBatch
from caiso_ads.errors import WireError
from caiso_ads.store.evidence import WHOLE, intact, original
from caiso_ads.store.looking import ReadOnly, microseconds, moment_of
from caiso_ads.wire.operations import OPERATIONS, ResultKind
from caiso_ads.wire.payload import BadItem, read_result

_PAGE = 200
_COLUMNS = """id, uid, operation, argument, received_at, sha256, form, body, error, error_where, corrupt,
    (SELECT group_concat(n) FROM bad_item WHERE bad_item.payload = payload.id) AS bad"""
_LATER = """(SELECT json_group_array(json_array(n, error, error_where, decoded_at)) FROM decoded_later
    WHERE decoded_later.payload = payload.id)"""
_NO_LATER = "NULL"
"""In a database of before schema 0004 nobody noted it."""
_BETWEEN = f"""
    SELECT {_COLUMNS}, {{later}} FROM payload
    WHERE (received_at, id) > (?, ?) AND received_at < ? AND stream IN (1, 2)
    ORDER BY received_at, id LIMIT ?"""  # noqa: S608 - constants of this module
_REFUSED = f"""
    SELECT {_COLUMNS}, {{later}} FROM payload
    WHERE id > ? AND stream IN (1, 2) AND (error IS NOT NULL OR id IN (SELECT payload FROM bad_item))
    ORDER BY id LIMIT ?"""  # noqa: S608 - constants of this module
_SPAN = "SELECT min(received_at), max(received_at) FROM payload WHERE stream IN (1, 2)"

Content = DispatchBatch | TrajectoryBatch


@dataclass(frozen=True, slots=True)
class Stored:
    """One stored answer of the ISO.

    ``items`` is what can be read of it today, each item in its place, a WireError where it cannot; none for a list of
    headers or a header, which change nothing the plant sees. ``error_then`` is why the whole could not be read when it
    was received, ``bad_then`` the places of items that could not. ``seen_later`` is what was decoded after an upgrade, and when.
    """

    row: int
    uid: str
    operation: str
    received_at: datetime
    items: tuple[Content | WireError, ...]
    error_then: WireError | None
    bad_then: frozenset[int]
    seen_later: tuple[tuple[datetime, Content], ...] = ()

    @property
    def readable_now(self) -> bool:
        """Whether today's program reads all of it."""
        return not any(isinstance(item, WireError) for item in self.items)

    @property
    def as_seen(self) -> tuple[Content | WireError, ...]:
        """What the gateway made of it when it was received; what it could read then, it is taken to have read so."""
        if self.error_then is not None:
            return (self.error_then,)
        unread = WireError("could not be read when it was received")
        return tuple(unread if n in self.bad_then else item for n, item in enumerate(self.items))


class Past(ReadOnly):
    """What was received, by time; closed by ``contextlib.closing`` or a ``with`` block."""

    def span(self) -> tuple[datetime, datetime] | None:
        """Return when the first and the last answer of the two streams was received; None when there is none."""
        first, last = self._page(_SPAN, ())[0]
        return None if first is None else (moment_of(first), moment_of(last))

    def between(self, start: datetime, end: datetime) -> Iterator[Stored]:
        """Yield what was received from ``start`` until before ``end``, in the order it was received."""
        last, row, until = microseconds(start) - 1, 2**62, microseconds(end)
        while page := self._page(_BETWEEN, (last, row, until, _PAGE)):
            yield from map(_stored, page)
            row, last = page[-1][0], page[-1][4]

    def refused(self) -> Iterator[Stored]:
        """Yield every stored answer that could not be read, or not wholly, when it was received; oldest row first.

        Lists of headers are left out: nothing of them goes into the tables.
        """
        row = 0
        while page := self._page(_REFUSED, (row, _PAGE)):
            yield from map(_stored, page)
            row = page[-1][0]

    def _page(self, query: str, values: Sequence[object]) -> list[Any]:
        later = _LATER if self._has("decoded_later") else _NO_LATER
        return self._ask(query.replace("{later}", later), values)


def _stored(row: Sequence[Any]) -> Stored:
    number, uid, operation, argument, received_at, digest, form, body, error, where, corrupt, bad, later = row
    payload = original(form, body)
    damaged = bool(corrupt) or not intact(payload, digest)
    items = (WireError("the stored copy is damaged"),) if damaged else _read(operation, argument, payload)
    then = None if error is None else WireError(error, where=where or "")
    places = frozenset(map(int, bad.split(","))) if bad else frozenset()
    seen: list[tuple[datetime, Content]] = []
    for n, problem, at_where, decoded_at in json.loads(later or "[]"):
        if n == WHOLE:
            then = WireError(problem, where=at_where)
        else:
            places |= {n}
        now = items if n == WHOLE else items[n : n + 1]
        seen += [(moment_of(decoded_at), item) for item in now if not isinstance(item, WireError)]
    return Stored(number, uid, operation, moment_of(received_at), items, then, places, tuple(seen))


def _read(operation: str, argument: str, payload: bytes) -> tuple[Content | WireError, ...]:
    try:
        found = read_result(operation, payload.decode("utf-8"), argument)
    except UnicodeDecodeError as problem:
        return (WireError(f"not UTF-8: {problem.reason}"),)
    except WireError as problem:
        return (problem,)
    items = found if isinstance(found, tuple) else (found,)
    if OPERATIONS[operation].result in {ResultKind.BATCH, ResultKind.TRAJECTORY}:
        return tuple(item.error if isinstance(item, BadItem) else item for item in items)
    return tuple(item.error for item in items if isinstance(item, BadItem))
