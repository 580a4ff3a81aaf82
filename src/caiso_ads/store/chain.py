"""The hash chain of the audit table. Rule: each row's hash covers every field of it and the hash of the row before.

So a changed, added, or removed row in the middle shows, whoever wrote it. What a chain cannot show is that its newest
rows are missing, or that all of it was computed anew: keep a copy of a hash elsewhere to rule that out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

FIRST_HASH = bytes(32)
"""Stands for the row before the first."""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One act. ``at_us`` is microseconds since 1970 UTC; ``detail`` is canonical JSON; ``resource`` None: the gateway."""

    row: int
    at_us: int
    kind: str
    who: str
    resource: str | None
    text: str
    detail: str
    previous_hash: bytes
    hash: bytes

    @property
    def at(self) -> datetime:
        """The time, aware UTC. Raises TypeError or OverflowError where it was altered to something that is no time."""
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.at_us)


def canonical(detail: Mapping[str, object]) -> str:
    """Return JSON that is the same for the same content. Raises ValueError for NaN and infinity."""
    return json.dumps(detail, sort_keys=True, separators=(",", ":"), allow_nan=False)


def hash_of(row: AuditRow) -> bytes:
    """Return the hash the row must have."""
    said = {
        "id": row.row, "at_us": row.at_us, "kind": row.kind, "who": row.who,
        "resource": row.resource, "text": row.text, "detail": row.detail,
    }  # fmt: skip
    return sha256(canonical(said).encode() + row.previous_hash).digest()


def matches(row: AuditRow) -> bool:
    """Whether the row has the hash it must have; a field changed to another kind of value is an altered one too."""
    try:
        return row.hash == hash_of(row)
    except (TypeError, ValueError):
        return False


def first_broken(rows: Iterable[AuditRow], previous: bytes = FIRST_HASH) -> int | None:
    """Return the number of the first row that is not what was written, or does not follow the one before."""
    for row in rows:
        if row.previous_hash != previous or not matches(row):
            return row.row
        previous = row.hash
    return None
