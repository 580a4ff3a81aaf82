"""Batches as they were stored, newest receipt first, in pages; and each one whole, as the ISO sent it.

Rule: as ``reader``: read-only, short queries, no SQLAlchemy. What could not be read is listed with its problem; a
payload is given only after its SHA-256 was checked. A UID from outside is looked up, it never becomes a file name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from caiso_ads.core.codes import BatchStatus, BatchType
from caiso_ads.core.intervals import Span
from caiso_ads.core.model import DispatchBatch
from caiso_ads.errors import WireError
from caiso_ads.store.evidence import intact, original
from caiso_ads.store.looking import ReadOnly, microseconds, moment_of
from caiso_ads.wire.packing import unpack
from caiso_ads.wire.payload import read_result

_HOUR_US = 3_600_000_000
# How far from its batch's start an instruction may begin; a bound, so that the key of the table finds it.
_OF_RESOURCE = f"""(b.id IS NULL OR EXISTS (
    SELECT 1 FROM instruction i JOIN resource r ON r.id = i.resource WHERE r.resource_id = ? AND i.batch = b.id
    AND i.start_time BETWEEN b.start_time - CASE b.batch_type WHEN 0 THEN 2 ELSE 48 END * {_HOUR_US}
        AND b.start_time + CASE b.batch_type WHEN 0 THEN 2 ELSE 336 END * {_HOUR_US}))"""  # noqa: S608 - constants
_COUNTED = """(SELECT json_extract(a.detail, '$.instructions') FROM audit_subject s JOIN audit a ON a.id = s.audit
    WHERE s.uid = p.uid AND a.kind = 'batch stored' AND json_extract(a.detail, '$.sha256') = lower(hex(p.sha256))
    LIMIT 1)"""
_PAGE = """
    SELECT p.received_at, p.id, p.uid, p.error, p.corrupt, b.batch_type, b.batch_status, b.revision_no, b.start_time,
        b.header_only, b.conflict, {counted}
    FROM payload p INDEXED BY ix_payload_received_at LEFT JOIN batch b ON b.id = p.id
    WHERE p.stream = 1 AND (p.received_at, p.id) < (?, ?) AND p.received_at >= ? AND p.received_at < ? {chosen}
    ORDER BY p.received_at DESC, p.id DESC LIMIT ?"""
_WHOLE = """
    SELECT p.id, p.operation, p.argument, p.received_at, p.sha256, p.form, p.body, p.corrupt
    FROM payload p LEFT JOIN batch b ON b.id = p.id
    WHERE p.stream = 1 AND p.uid = ? ORDER BY coalesce(b.header_only, 0), p.id DESC LIMIT 1"""
_FAR = 1 << 62
NEWEST = (_FAR, _FAR)
"""The place before the newest batch."""

Place = tuple[int, int]
"""Where a batch stands among all: receipt (us), number of the row."""


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """One stored answer with a batch. What stands only in a readable one is None in an unreadable one.

    ``instructions`` counts those visible to us, None where that was not recorded. ``problem`` is why it cannot be read.
    """

    place: Place
    batch_uid: str
    received_at: datetime
    batch_type: BatchType | None
    status: BatchStatus | None
    revision: int | None
    start_time: datetime | None
    header_only: bool
    conflict: bool
    instructions: int | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class WholeBatch:
    """A batch as it was received. ``text`` is its XML, or what came in its place; ``batch`` None: it cannot be read."""

    row: int
    received_at: datetime
    sha256: str
    intact: bool
    is_xml: bool
    text: bytes
    batch: DispatchBatch | None
    problem: str | None


class BatchReader(ReadOnly):
    """What the history asks."""

    def page(
        self, span: Span, after: Place, limit: int, *, resource_id: str | None = None, kind: int | None = None
    ) -> list[StoredBatch]:
        """Return up to ``limit`` batches received in that time, behind a place; unreadable ones may concern any resource."""
        chosen: list[str] = []
        values: list[object] = []
        if resource_id is not None:
            chosen.append(f"AND {_OF_RESOURCE}")
            values.append(resource_id)
        if kind is not None:
            chosen.append("AND b.batch_type = ?")
            values.append(kind)
        query = _PAGE.format(chosen=" ".join(chosen), counted=_COUNTED if self._has("audit_subject") else "NULL")
        start, end = microseconds(span.start), microseconds(span.end)
        return [_stored(row) for row in self._ask(query, (*after, start, end, *values, limit))]

    def whole(self, batch_uid: str) -> WholeBatch | None:
        """Return the newest stored version of a batch, a whole one before a header; None when there is none."""
        found = self._ask(_WHOLE, (batch_uid,))
        return _whole(found[0]) if found else None


def _stored(row: Sequence[Any]) -> StoredBatch:
    received, number, uid, error, corrupt, kind, status, revision, start, header_only, conflict, counted = row
    return StoredBatch(
        place=(received, number),
        batch_uid=uid,
        received_at=moment_of(received),
        batch_type=None if kind is None else BatchType(kind),
        status=None if status is None else BatchStatus(status),
        revision=revision,
        start_time=None if start is None else moment_of(start),
        header_only=bool(header_only),
        conflict=bool(conflict),
        instructions=None if header_only else counted,
        problem="the stored copy is damaged" if corrupt else error,
    )


def _whole(row: Sequence[Any]) -> WholeBatch:
    number, operation, argument, received, digest, form, body, corrupt = row
    payload = original(form, body)
    good = not corrupt and intact(payload, digest)
    text, is_xml, batch, problem = payload, False, None, None
    try:
        text, is_xml = unpack(payload.decode("utf-8")), True
        found = read_result(operation, payload.decode("utf-8"), argument)
        batch = found if isinstance(found, DispatchBatch) else None
    except UnicodeDecodeError:
        problem = "it is not UTF-8"
    except WireError as error:
        problem = str(error)
    if not good:
        batch, problem = None, "the stored copy is damaged"
    return WholeBatch(number, moment_of(received), digest.hex(), good, is_xml, text, batch, problem)
