"""One moment on two clocks. Rule: ages and deadlines use ``mono``, labels and schedules use ``wall``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Instant:
    """``wall`` is aware UTC; ``mono`` is seconds that never jump."""

    wall: datetime
    mono: float

    def plus(self, seconds: float) -> Instant:
        """Return the instant so many seconds later."""
        return Instant(self.wall + timedelta(seconds=seconds), self.mono + seconds)

    def at_wall(self, wall: datetime) -> Instant:
        """Return the instant with that label, its ``mono`` reckoned from this one."""
        return Instant(wall, self.mono + (wall - self.wall).total_seconds())
