"""What the gateway notes of itself after the plant has seen it: overrides at their end, trouble with clock and store.

Rule: the plant never waits for it. What happens is remembered at once and written when the store takes it, in order
and once. An end by time is written only while the clock is known to be the ISO's, because no later correction could
take the row back.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from caiso_ads.core.happenings import ClockSampled, ClockStepped, Event
from caiso_ads.core.instant import Instant
from caiso_ads.core.override import Override
from caiso_ads.core.state import State
from caiso_ads.errors import StoreError
from caiso_ads.ports import Clock, Store

log = logging.getLogger("caiso_ads.journal")

WRITE_EVERY_S = 1.0
LOOK_EVERY_S = 60.0
"""How often the store is asked for ended overrides of which this process knows nothing (s)."""
MOST = 1000
"""How many notes wait for a store that takes no writes; of more, the oldest are lost."""

Note = Callable[[], Awaitable[None]]


class Journal:
    """Remembers what ``folded`` shows it, and writes it with ``write``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._notes: deque[Note] = deque(maxlen=MOST)
        self._trusted: bool | None = None  # not known what the last life of the gateway left behind
        self._failed: Instant | None = None
        self._noted: frozenset[Override] = frozenset()
        self._looked_mono: float | None = None
        self._told = False

    def folded(self, event: Event, state: State, now: Instant) -> None:
        """Look at the state after an event; no I/O."""
        self._look_at_clock(event, state, now)
        self._look_at_store(state, now)

    async def run(self, state: Callable[[], State], clock: Clock) -> None:
        """Write once a second, apart from the beat, until cancelled."""
        while True:
            await clock.sleep(WRITE_EVERY_S)
            await self.write(state(), clock.now())

    async def write(self, state: State, now: Instant) -> None:
        """Write what waits; while the store takes no writes it goes on waiting, and no error is raised."""
        try:
            while self._notes:
                note = self._notes[0]
                await note()
                if self._notes[0] is note:  # else one more came meanwhile, and took the place of this one
                    self._notes.popleft()
            await self._end_overrides(state, now)
        except StoreError as problem:
            if not self._told:
                log.warning("the journal waits for the store: %s", problem)
            self._told = True
        else:
            self._told = False

    def _look_at_clock(self, event: Event, state: State, now: Instant) -> None:
        trusted = state.clock.ok
        frozen = state.clock.frozen_at
        if frozen is not None and self._trusted is not False:
            start, offset_s = datetime.fromtimestamp(frozen, UTC), _offset(event, frozen)
            self._notes.append(lambda: self._store.record_distrust(start, now.wall, offset_s))
            self._trusted = False
        elif trusted and not self._trusted and _is_confirmed(state):
            at, end_offset_s = now.wall, state.clock.offset_s
            self._notes.append(lambda: self._store.record_trust(at, end_offset_s))
            self._trusted = True

    def _look_at_store(self, state: State, now: Instant) -> None:
        if not state.store_ok:
            self._failed = self._failed or now
        elif self._failed is not None:
            # Counted back from its end: a clock that was set in between must not make it longer or negative.
            start, end = now.plus(self._failed.mono - now.mono).wall, now.wall
            self._failed = None
            if end > start:
                self._notes.append(lambda: self._store.record_store_failure(start, end))

    async def _end_overrides(self, state: State, now: Instant) -> None:
        if not state.clock.ok or not _is_confirmed(state):
            return
        over = frozenset(item for item in state.overrides if item.until <= now.wall)
        last = self._looked_mono
        if over <= self._noted and last is not None and now.mono - last < LOOK_EVERY_S:
            return
        for item in await self._store.record_ended(now.wall):
            log.info("%s: the override by %s ended at %s", item.resource_id, item.who, item.until.isoformat())
        self._noted, self._looked_mono = over, now.mono


def _is_confirmed(state: State) -> bool:
    """Whether the ISO has answered in this life, so that a wrong clock would have been noticed."""
    return state.completed is not None or state.clock.trusted is not None


def _offset(event: Event, frozen_at: float) -> float | None:
    """Return the ISO's clock minus ours (s) as the event showed it; after a jump, the last trusted time minus ours."""
    if isinstance(event, ClockSampled):
        return event.offset_s
    return frozen_at - event.at.wall.timestamp() if isinstance(event, ClockStepped) else None
