"""The alarms as their rows of evidence tell them, read beside a running gateway. Rule: as ``reader``.

Found by their subjects, ``alarm <identifier>``, which an index leads to; the kind of the row is looked at as well,
because a batch's UID is a subject too and could be called anything.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from caiso_ads.store.chain import AuditRow
from caiso_ads.store.looking import ReadOnly, microseconds

_ROW = "a.id, a.at, a.kind, a.who, a.resource, a.text, a.detail, a.previous_hash, a.hash"
_MINE = "FROM audit_subject WHERE uid >= 'alarm ' AND uid < 'alarm!'"
_STANDING = f"""
    SELECT detail FROM audit WHERE kind = 'alarm' AND id IN (SELECT max(audit) {_MINE} GROUP BY uid) ORDER BY id"""  # noqa: S608 - constants
_JOURNAL = f"""
    SELECT {_ROW} FROM audit a WHERE a.kind = 'alarm' AND a.at >= ?
    AND a.id IN (SELECT audit {_MINE} AND audit < ? ORDER BY audit DESC LIMIT ?) ORDER BY a.id DESC"""  # noqa: S608 - constants
LAST = 1 << 62
"""Larger than every row number."""


class AlarmReader(ReadOnly):
    """What ``caiso-ads alarms`` and the page ask."""

    def standing(self) -> list[dict[str, Any]]:
        """Return of each alarm the details of its newest row, oldest first; ``Book.restore`` takes them."""
        return [json.loads(row[0]) for row in self._ask_of("audit_subject", _STANDING)]

    def journal(self, since: datetime, limit: int, before: int = LAST) -> list[AuditRow]:
        """Return the newest rows that are not older, with smaller numbers than ``before``, newest first."""
        values = (microseconds(since), before, limit)
        return [AuditRow(*row) for row in self._ask_of("audit_subject", _JOURNAL, values)]
