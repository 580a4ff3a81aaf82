"""The memory of polling: when a cycle was complete, when there was none, and which intervals stayed without a target.

Rule: a poll is known by when it began. Without this record nobody could tell "the ISO sent none" from "we did not ask".
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime

from caiso_ads.core.intervals import consecutive_missing, interval_of
from caiso_ads.core.state import State
from caiso_ads.ports import Store

log = logging.getLogger("caiso_ads.polls")

NOTE_EVERY_S = 60.0
MISSING_BEFORE_ALARM = 2
LOOK_BACK = 24
"""How many intervals the state's horizon of two hours holds."""


class PollLog:
    """Writes complete polls (one a minute) and the gaps between them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._polled: datetime | None = None
        self._noted: datetime | None = None
        self._gap = "restart"

    async def restore(self) -> None:
        """Learn when the last life of the gateway polled."""
        self._polled = self._noted = await self._store.last_poll()

    def failed(self, reason: str) -> None:
        """Remember why a gap began; the first reason counts."""
        self._gap = self._gap or reason

    async def completed(self, began: datetime) -> None:
        """Record a complete cycle, and the gap before it if there was one. Raises StoreError."""
        if self._gap and self._polled is not None:
            await self._store.record_outage(self._polled, began, self._gap)
            self._noted = began
        elif self._noted is None or abs((began - self._noted).total_seconds()) >= NOTE_EVERY_S:
            await self._store.record_poll(began)
            self._noted = began
        self._polled, self._gap = began, ""


class IntervalWatch:
    """Raises an alarm, once, for a resource that misses several intervals in a row, and says when it is over."""

    def __init__(self) -> None:
        self._since: datetime | None = None
        self._missing: Mapping[str, int] = {}

    def look(self, state: State, now: datetime) -> Mapping[str, int]:
        """Return how many intervals in a row each resource misses, those with at least two only."""
        self._since = self._since or now
        received = {
            resource_id: {interval_of(datetime.fromtimestamp(target.target, UTC)) for target in known.targets}
            for resource_id, known in state.resources.items()
        }
        missing = consecutive_missing(received, now, since=self._since, k=MISSING_BEFORE_ALARM, most=LOOK_BACK)
        for resource_id in sorted(missing.keys() - self._missing.keys()):
            log.error("%s: no target for %d intervals in a row", resource_id, missing[resource_id])
        for resource_id in sorted(self._missing.keys() - missing.keys()):
            log.warning("%s: targets arrive again", resource_id)
        self._missing = missing
        return missing
