"""How often alarms come: a flood of many, and one that comes and goes. Rule: counted on the monotonic clock.

Spec: ISA-18.2, more than 10 alarms in 10 minutes are a flood, over at 5 or fewer; a chattering alarm is raised again and
again within a short time.
"""

from __future__ import annotations

from collections import deque

from caiso_ads.core.alarm_kinds import Ident

WINDOW_S = 600.0
FLOOD_ABOVE, CALM_BELOW = 10, 6
CHATTERS_AT = 4
CHATTER_OFF_S = 600.0
"""How long the condition of an alarm that comes and goes must be over before the alarm is (s)."""


class Rates:
    """Counts what was raised in the last ten minutes."""

    def __init__(self) -> None:
        self._all: deque[float] = deque()
        self._each: dict[Ident, deque[float]] = {}

    def rise(self, ident: Ident, mono: float) -> int:
        """Count one, and return how many there were within the window."""
        self._prune(mono)
        self._all.append(mono)
        self._each.setdefault(ident, deque(maxlen=CHATTERS_AT)).append(mono)
        return len(self._all)

    def recent(self, mono: float) -> int:
        """Return how many there were within the window."""
        self._prune(mono)
        return len(self._all)

    def calm_at(self) -> float:
        """Return from when on (monotonic s) fewer than ``CALM_BELOW`` are within the window, if none is added."""
        return self._all[-CALM_BELOW] + WINDOW_S if len(self._all) >= CALM_BELOW else float("-inf")

    def chatters(self, ident: Ident) -> bool:
        """Whether an alarm was raised so often within the window that it must be calm for long to be over."""
        times = self._each.get(ident)
        return times is not None and len(times) == CHATTERS_AT and times[-1] - times[0] < WINDOW_S

    def _prune(self, mono: float) -> None:
        while self._all and mono - self._all[0] >= WINDOW_S:
            self._all.popleft()
        if len(self._each) > 2 * FLOOD_ABOVE:
            self._each = {
                key: times for key, times in self._each.items() if mono - times[-1] < WINDOW_S + CHATTER_OFF_S
            }
