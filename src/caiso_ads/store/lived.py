"""What the gateway lived through in a stretch of time, read beside a running one: for replays.

Rule: as ``reader``: read-only, one short query each, no SQLAlchemy. A database of an older schema has fewer records;
what was not recorded is not made up.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from caiso_ads.core.intervals import Outage, Span
from caiso_ads.core.lived import Distrust, Forced, Lived
from caiso_ads.core.override import Override
from caiso_ads.core.quality import Directive
from caiso_ads.store.looking import ReadOnly, microseconds, moment_of

_OUTAGES = "SELECT start_at, end_at, reason FROM outage WHERE start_at < ? AND end_at > ? ORDER BY start_at"
# An end by time needs no event; its row would be there or not, depending on when the gateway came to write it.
_FORCED = """
    SELECT f.resource_id, f.setpoint_mw, f.directive, f.reason, f.who, f.since, f.until, min(a.at, f.until)
    FROM operator_override f LEFT JOIN audit a ON a.id = f.ended_by AND a.kind <> 'override ended by time'
    WHERE f.since < ? AND f.until > ? ORDER BY f.id"""
_DISTURBED = """
    SELECT start_at, end_at, offset_s, end_offset_s FROM disturbance
    WHERE kind = ? AND min(start_at, coalesce(end_at, start_at)) < ?
        AND (end_at IS NULL OR max(start_at, end_at) > ?)
    ORDER BY start_at"""


class LivedReader(ReadOnly):
    """The records of the gateway's own life."""

    def between(self, start: datetime, end: datetime) -> Lived:
        """Return all that touches the time from ``start`` until before ``end``. Raises StoreError."""
        window = microseconds(end), microseconds(start)
        clock, store = (self._ask_of("disturbance", _DISTURBED, (kind, *window)) for kind in ("clock", "store"))
        return Lived(
            tuple(Outage(moment_of(a), moment_of(b), why) for a, b, why in self._ask_of("outage", _OUTAGES, window)),
            tuple(_forced(row) for row in self._ask_of("operator_override", _FORCED, window)),
            tuple(
                Distrust(moment_of(a), None if b is None else moment_of(b), off, after) for a, b, off, after in clock
            ),
            tuple(Span(moment_of(a), moment_of(b)) for a, b, *_ in store),
        )


def _forced(row: Sequence[Any]) -> Forced:
    resource_id, mw, directive, reason, who, since, until, ended = row
    word = None if directive is None else Directive(directive)
    override = Override(resource_id, mw, word, reason, who, moment_of(since), moment_of(until))
    return Forced(override, None if ended is None else moment_of(ended))
