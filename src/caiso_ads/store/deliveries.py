"""What the interval ledger needs of the database: five-minute DOTs, when they came, and when we were polling.

Rule: as ``reader``: read-only, beside a running gateway, no SQLAlchemy. An instruction without a DOT is no delivery.
"""

from __future__ import annotations

from datetime import datetime

from caiso_ads.core.codes import BatchType
from caiso_ads.core.intervals import Delivery, Outage, Polls, Span
from caiso_ads.store.looking import ReadOnly, microseconds, moment_of

_NOTED = "SELECT name, value FROM meta WHERE name IN ('first poll', 'last poll')"
# One that could be read only later did not reach the plant before that.
_LATER = "coalesce((SELECT l.decoded_at FROM decoded_later l WHERE l.payload = p.id AND l.n = -1), p.received_at)"
_DELIVERED = """
    SELECT i.start_time, {received}, i.dot_mw, b.batch_uid
    FROM instruction i JOIN batch b ON b.id = i.batch JOIN payload p ON p.id = i.batch
    WHERE i.resource = (SELECT id FROM resource WHERE resource_id = ?) AND i.start_time >= ? AND i.start_time < ?
        AND b.batch_type = ? AND i.dot_mw IS NOT NULL
    ORDER BY p.received_at, p.id, i.n"""
# A list with an item that cannot be read, or a batch of which no version can.
_UNREADABLE = """
    SELECT received_at, last_seen FROM payload p
    WHERE last_seen >= ? AND (
        (stream = 1 AND error IS NOT NULL AND NOT EXISTS (SELECT 1 FROM batch b WHERE b.batch_uid = p.uid))
        OR (stream = 3 AND EXISTS (SELECT 1 FROM bad_item i WHERE i.payload = p.id)))
    ORDER BY received_at"""


class Deliveries(ReadOnly):
    """What came for each interval."""

    def resources(self) -> list[str]:
        """Return every resource the database knows, by name."""
        return [str(row[0]) for row in self._ask("SELECT resource_id FROM resource ORDER BY resource_id")]

    def of(self, resource_id: str, start: datetime, end: datetime) -> list[Delivery]:
        """Return every version of every five-minute DOT with its target from ``start`` until before ``end``."""
        asked = (resource_id, microseconds(start), microseconds(end), int(BatchType.FIVE_MINUTE))
        return [
            Delivery(resource_id, moment_of(target), moment_of(received), mw, uid)
            for target, received, mw, uid in self._ask(_DELIVERED.format(received=self._received()), asked)
        ]

    def unreadable(self, since: datetime) -> list[Span]:
        """Return when something was received from then on in which a batch may be that cannot be read."""
        return [
            Span(moment_of(first), moment_of(last)) for first, last in self._ask(_UNREADABLE, (microseconds(since),))
        ]

    def polls(self) -> Polls:
        """Return when we were polling, as far as the database knows; one of before schema 0002 does not."""
        if not self._has("outage"):
            return Polls()
        noted = {name: datetime.fromisoformat(value) for name, value in self._ask(_NOTED)}
        found = self._ask("SELECT start_at, end_at, reason FROM outage ORDER BY start_at")
        outages = tuple(Outage(moment_of(start), moment_of(end), reason) for start, end, reason in found)
        return Polls(noted.get("first poll"), noted.get("last poll"), outages)

    def _received(self) -> str:
        return _LATER if self._has("decoded_later") else "p.received_at"
