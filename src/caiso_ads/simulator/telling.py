"""What a story tells whoever watches, and when. Rule: pure; the same story and start give the same sentences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from caiso_ads.simulator.scenario import Scenario


@dataclass(frozen=True, slots=True, order=True)
class Told:
    """One sentence of a story."""

    at: datetime
    text: str


def told(scenario: Scenario, started: datetime, after: datetime, until: datetime) -> list[Told]:
    """Return what is told in (after, until] of a story that started then, in order of time."""
    again = timedelta(seconds=scenario.again_s) if scenario.again_s else None
    first = max(0, int((after - started) / again) - 1) if again else 0
    found: list[Told] = []
    began = started + first * again if again else started
    while began <= until:
        times = ((began + timedelta(seconds=event.at_s), event.say) for event in scenario.events if event.say)
        found += [Told(at, text) for at, text in times if after < at <= until]
        if again is None:
            break
        began += again
    return sorted(found)
