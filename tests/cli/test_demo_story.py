from __future__ import annotations

from datetime import timedelta

from caiso_ads.cli._demo_story import Watching
from caiso_ads.simulator.scenario import Cancel, Scenario
from tests.fakes import FakeClock


async def test_each_incident_is_told_once_with_its_time_also_the_one_at_the_start() -> None:
    clock = FakeClock()
    started = clock.now().wall
    story = Scenario(events=(Cancel(at_s=0.0, say="at once"), Cancel(at_s=60.0, say="a cancel")))
    watching = Watching(story, started, clock)
    assert watching.news() == [f"{started:%H:%M:%S} UTC  HAPPENS NOW: at once"]
    assert watching.news() == []
    await clock.advance(61.0)
    (line,) = watching.news()
    assert line == f"{started + timedelta(seconds=60):%H:%M:%S} UTC  HAPPENS NOW: a cancel"
    assert watching.news() == []
