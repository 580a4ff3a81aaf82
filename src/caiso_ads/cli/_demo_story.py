"""What goes wrong in the demo, told in the terminal as it happens. Rule: each sentence once, with its time."""

from __future__ import annotations

from datetime import datetime

from caiso_ads.ports import Clock
from caiso_ads.simulator.scenario import Scenario
from caiso_ads.simulator.telling import told


class Watching:
    """Follows one story since its start."""

    def __init__(self, story: Scenario, started: datetime, clock: Clock) -> None:
        self._story, self._started, self._clock = story, started, clock
        self._heard = datetime.min.replace(tzinfo=started.tzinfo)

    def news(self) -> list[str]:
        """Return a line for each sentence since the last call."""
        now = self._clock.now().wall
        since = max(self._heard, self._started)
        known = told(self._story, self._started, since, now)
        if self._heard < self._started:  # the first look: what is told at the very start too
            known = [
                *told(self._story, self._started, self._started.replace(year=self._started.year - 1), since),
                *known,
            ]
        self._heard = now
        return [f"{one.at:%H:%M:%S} UTC  HAPPENS NOW: {one.text}" for one in known]
