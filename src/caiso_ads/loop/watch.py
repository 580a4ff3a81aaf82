"""The alarms of the loop: one line when one begins, one when it is over. Rule: ``core.alarms`` decides, this logs."""

from __future__ import annotations

import logging

from caiso_ads.core.alarms import Phases, compare
from caiso_ads.core.points import Snapshot

log = logging.getLogger("caiso_ads.alarm")


class AlarmWatch:
    """Looks at what was published, each second and after each poll."""

    def __init__(self) -> None:
        self._phases: Phases = {}

    def look(self, shot: Snapshot, mono: float) -> None:
        """Log what changed with this snapshot, taken at that monotonic time (s)."""
        self._phases, changes = compare(self._phases, shot, mono)
        for change in changes:
            level = logging.ERROR if change.begins else logging.WARNING
            log.log(level, "%s%s", f"{change.resource_id}: " if change.resource_id else "", change.text)
