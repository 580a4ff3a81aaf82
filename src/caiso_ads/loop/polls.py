"""The memory of polling: when a cycle was complete, and when there was none.

Rule: a poll is known by when it began. Without this record nobody could tell "the ISO sent none" from "we did not ask".
"""

from __future__ import annotations

from datetime import datetime

from caiso_ads.ports import Store

NOTE_EVERY_S = 60.0


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
