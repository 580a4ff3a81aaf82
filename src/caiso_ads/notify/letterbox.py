"""What waits to be sent by one notifier, and when the next message may go.

Rule: everything that waits goes in one message, so a flood is a digest; when there is no room the oldest that is not
critical is left out and counted. Time is passed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from caiso_ads.core.alarm_kinds import Priority
from caiso_ads.core.instant import Instant
from caiso_ads.notify.message import Item
from caiso_ads.notify.rules import RulesConfig

MOST = 200
"""How many changes wait."""
BURST = 5
"""How many messages may go at once after a calm time, where so many are allowed in an hour."""
CRITICAL_WAIT_S = 60.0
"""How long the limit of messages may hold back a critical alarm (s)."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A change, and since when it waits (monotonic s)."""

    item: Item
    since: float

    @property
    def is_critical(self) -> bool:
        """Whether it may not wait."""
        return self.item.priority is Priority.CRITICAL


class Letterbox:
    """The queue of one notifier. ``most`` bounds it."""

    def __init__(self, rules: RulesConfig, *, most: int = MOST) -> None:
        self._rules, self._most = rules, most
        self._waiting: deque[Waiting] = deque()
        self.left_out = 0
        self._burst = float(min(BURST, rules.most_per_hour))
        self._tokens, self._counted = self._burst, float("-inf")
        self._last = float("-inf")

    def __len__(self) -> int:
        """Return how many changes wait."""
        return len(self._waiting)

    def put(self, item: Item, now: Instant) -> None:
        """Let a change wait; without room the oldest that is not critical is left out."""
        self._waiting.append(Waiting(item, now.mono))
        if len(self._waiting) > self._most:
            victim = next((one for one in self._waiting if not one.is_critical), self._waiting[0])
            self._waiting.remove(victim)
            self.left_out += 1

    def due(self, now: Instant) -> tuple[Waiting, ...]:
        """Return what may be sent now as one message, the oldest first; nothing where it must wait."""
        ready = tuple(self._waiting)
        if self._rules.is_quiet(now.wall):
            ready = tuple(one for one in ready if one.is_critical)
        if not ready:
            return ()
        self._refill(now.mono)
        urgent = any(one.is_critical for one in ready) and now.mono - self._last >= CRITICAL_WAIT_S
        return ready if self._tokens >= 1.0 or urgent else ()

    def sent(self, sent: Sequence[Waiting], left_out: int, now: Instant) -> None:
        """Note that this went out, with the word of so many left out."""
        self._remove(sent)
        self.left_out -= left_out
        self._refill(now.mono)
        self._tokens, self._last = max(0.0, self._tokens - 1.0), now.mono

    def expired(self, now: Instant) -> tuple[Waiting, ...]:
        """Take out what has waited for too long while it could not be sent, and return it."""
        limit_s = self._rules.give_up_min * 60.0
        old = tuple(one for one in self._waiting if now.mono - one.since >= limit_s)
        self._remove(old)
        return old

    def _remove(self, gone: Sequence[Waiting]) -> None:
        out = {id(one) for one in gone}
        self._waiting = deque(one for one in self._waiting if id(one) not in out)

    def _refill(self, mono: float) -> None:
        gained = (mono - self._counted) * self._rules.most_per_hour / 3600.0
        self._tokens, self._counted = min(self._burst, self._tokens + gained), mono
