"""Read-only looks at the database for the command line, beside a running gateway or without one.

Rule: it can neither write nor checkpoint, holds no read transaction longer than one query, and needs no SQLAlchemy, so
that ``caiso-ads status`` starts at once. It asks the views, as an engineer would.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from caiso_ads.core.override import Override
from caiso_ads.core.quality import Directive
from caiso_ads.errors import StoreError
from caiso_ads.store.chain import AuditRow
from caiso_ads.store.evidence import intact, original
from caiso_ads.store.looking import ReadOnly, moment_of

_STREAMS = {1: "dispatch", 2: "trajectory", 3: "list"}
_COUNTS = """
    SELECT (SELECT count(*) FROM payload) AS payload, (SELECT count(*) FROM bad_item) AS bad_item,
        (SELECT count(*) FROM batch) AS batch, (SELECT count(*) FROM instruction) AS instruction,
        (SELECT count(*) FROM trajectory) AS trajectory, (SELECT count(*) FROM dop) AS dop,
        (SELECT count(*) FROM compliance) AS compliance, (SELECT count(*) FROM resource) AS resource,
        (SELECT count(*) FROM outbox) AS outbox, (SELECT count(*) FROM outbox WHERE NOT done) AS outbox_open"""


@dataclass(frozen=True, slots=True)
class Original:
    """A payload as it was received. ``intact`` is False when the stored copy is damaged."""

    row: int
    stream: str
    received_at: datetime
    text: bytes
    error: str | None
    intact: bool


class Reader(ReadOnly):
    """What the commands of every day ask."""

    def counts(self) -> dict[str, int]:
        """Return the number of rows of each table; ``outbox_open`` counts the intents without a final result."""
        return {name: int(number) for name, number in self._ask(_COUNTS)[0].items()}

    def schema(self) -> str:
        """Return the version of the schema."""
        return str(self._ask("SELECT version_num AS version FROM alembic_version")[0]["version"])

    def cursors(self) -> dict[str, str]:
        """Return the UID each stream stands at; a stream that has not begun is missing."""
        return {_STREAMS[row["stream"]]: str(row["uid"]) for row in self._ask("SELECT stream, uid FROM cursor")}

    def latest_batches(self, limit: int = 10) -> list[dict[str, Any]]:
        """Return the batches stored last, newest first, with the columns of ``v_batch``."""
        return self._ask("SELECT * FROM v_batch ORDER BY payload DESC LIMIT ?", (limit,))

    def payloads(self, uid: str) -> list[Original]:
        """Return every stored payload of a UID, oldest first, as received."""
        rows = self._ask("SELECT * FROM payload WHERE stream IN (1, 2, 3) AND uid = ? ORDER BY id", (uid,))
        return [_original(row) for row in rows]

    def overrides(self) -> list[Override]:
        """Return every override that was not ended early, oldest first; ``core.override.active`` says which stand."""
        return [
            _override(row) for row in self._ask("SELECT * FROM operator_override WHERE ended_by IS NULL ORDER BY id")
        ]

    def audit(self) -> list[AuditRow]:
        """Return the whole audit table, oldest first; ``chain.first_broken`` verifies it."""
        columns = "id, at, kind, who, resource, text, detail, previous_hash, hash"
        return [AuditRow(*row.values()) for row in self._ask(f"SELECT {columns} FROM audit ORDER BY id")]  # noqa: S608 - constants

    def _ask(self, query: str, values: Sequence[object] = ()) -> list[dict[str, Any]]:
        try:
            answer = self._db.execute(query, values)
            names = [column[0] for column in answer.description]
            return [dict(zip(names, row, strict=True)) for row in answer]
        except sqlite3.Error as problem:
            raise StoreError(f"{self.path}: cannot be read: {problem}") from problem


def _original(row: dict[str, Any]) -> Original:
    text = original(row["form"], row["body"])
    at = moment_of(row["received_at"])
    return Original(row["id"], _STREAMS[row["stream"]], at, text, row["error"], intact(text, row["sha256"]))


def _override(row: dict[str, Any]) -> Override:
    word = None if row["directive"] is None else Directive(row["directive"])
    since, until = moment_of(row["since"]), moment_of(row["until"])
    return Override(row["resource_id"], row["setpoint_mw"], word, row["reason"], row["who"], since, until)
