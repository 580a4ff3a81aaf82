"""The life of one instruction as steps with times and latencies, from what is stored of it.

Rule: each step names where it stands, a row of the chain or a table; a step that was not recorded is missing, never
supposed. Rows of a batch count for each of its instructions; rows of another instruction of the batch do not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from caiso_ads.store.chain import AuditRow, matches
from caiso_ads.store.evidence_reader import Found

_ACKNOWLEDGED = "acknowledged"
_RECEIVED = "batch stored"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened. ``source`` is where it stands; ``intact`` is False for a row that was altered.

    ``after_s`` is the time since the first receipt (s), None before one is known; negative where a clock was set.
    """

    at: datetime
    what: str
    who: str
    text: str
    source: str
    after_s: float | None
    intact: bool
    detail: dict[str, Any]


def steps(found: Found) -> list[Step]:
    """Return the steps in order of time; at one time, in the order in which they were written."""
    raw = [*_received(found), *_of_chain(found), *_validated(found)]
    raw.sort(key=lambda step: step[0])  # stable
    first = min((step[0] for step in raw if step[1] == "received"), default=None)
    return [
        Step(at, what, who, text, source, None if first is None else (at - first).total_seconds(), good, detail)
        for at, what, who, text, source, good, detail in raw
    ]


_Raw = tuple[datetime, str, str, str, str, bool, dict[str, Any]]


def _received(found: Found) -> Iterator[_Raw]:
    for version in found.versions:
        said = version.said
        text = "the stored payload is damaged" if said is None else f"{said.resource_id}, DOT {_mw(said.dot_mw)}"
        yield version.received_at, "received", "ISO", text, "payload", version.intact, {"sha256": version.sha256}


def _of_chain(found: Found) -> Iterator[_Raw]:
    for row in found.rows:
        good, detail = matches(row), _detail(row)
        other = detail.get("instruction", found.instruction_uid)
        if other != found.instruction_uid:
            continue
        at, what = _at(row, found), str(row.kind)
        if row.kind == _RECEIVED:
            at, what = _stored_at(detail, at), "stored"
        yield at, what, str(row.who), str(row.text), f"chain {row.row}", good, detail


def _validated(found: Found) -> Iterator[_Raw]:
    if any(row.kind == _ACKNOWLEDGED for row in found.rows):
        return
    for at, result, done in found.validated:
        yield at, _ACKNOWLEDGED if done else "validation tried", "caiso-ads", result, "outbox", True, {}


def _at(row: AuditRow, found: Found) -> datetime:
    """Return the row's time; one that was altered to no time at all stands at the first receipt."""
    try:
        return row.at
    except (TypeError, OverflowError):
        return found.versions[0].received_at


def _detail(row: AuditRow) -> dict[str, Any]:
    """Return the details; an altered row may hold anything."""
    try:
        detail = json.loads(row.detail)
    except (TypeError, ValueError):
        return {}
    return detail if isinstance(detail, dict) else {}


def _stored_at(detail: dict[str, Any], otherwise: datetime) -> datetime:
    try:
        at = datetime.fromisoformat(str(detail["stored_at"]))
    except (KeyError, ValueError):
        return otherwise
    return otherwise if at.tzinfo is None else at


def _mw(value: float | None) -> str:
    return "not given" if value is None else f"{value + 0.0:g} MW"
