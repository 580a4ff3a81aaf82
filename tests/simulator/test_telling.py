from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.simulator.scenario import Cancel, Scenario, load
from caiso_ads.simulator.telling import Told, told
from tests.simulator.bench import NOON

STORY = Scenario(events=(Cancel(at_s=90.0, say="second"), Cancel(at_s=10.0, say="first"), Cancel(at_s=20.0)))
AGAIN = Scenario(events=STORY.events, again_s=100.0)


def at(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def test_what_is_said_is_told_in_order_of_time_and_once() -> None:
    assert told(STORY, NOON, NOON, NOON + at(1000)) == [Told(NOON + at(10), "first"), Told(NOON + at(90), "second")]
    assert told(STORY, NOON, NOON + at(10), NOON + at(50)) == []


def test_a_story_that_is_told_again_begins_anew_each_round() -> None:
    texts = [(one.at - NOON, one.text) for one in told(AGAIN, NOON, NOON + at(50), NOON + at(215))]
    assert texts == [(at(90), "second"), (at(110), "first"), (at(190), "second"), (at(210), "first")]


@given(st.lists(st.floats(0, 5000), min_size=1, max_size=20))
def test_however_often_it_is_asked_each_sentence_is_told_once(looks: list[float]) -> None:
    ends = sorted(looks)
    parts = [told(AGAIN, NOON, NOON + at(a), NOON + at(b)) for a, b in zip([0.0, *ends], ends, strict=False)]
    assert [one for part in parts for one in part] == told(AGAIN, NOON, NOON, NOON + at(ends[-1]))


def test_on_the_bad_day_something_happens_every_few_minutes() -> None:
    story = load("bad-day")
    assert story.again_s is not None
    times = [one.at for one in told(story, NOON, NOON - at(1), NOON + at(2 * story.again_s))]
    assert max(b - a for a, b in pairwise(times)) <= timedelta(minutes=6)
