"""What alarms are read from beside the points."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from caiso_ads.core.codes import BatchStatus, BatchType
from caiso_ads.core.instant import Instant
from caiso_ads.loop.alarm_sources import TEST_S, Sources
from caiso_ads.loop.supervisor import SinkHealth, SupervisedSink
from tests.fakes import START, batch

NOW = Instant(START, 100.0)


class NoSink:
    """Does nothing."""

    async def run(self, feed: object, started: object) -> None:
        """End."""


def supervised(name: str, health: SinkHealth, *, required: bool) -> SupervisedSink:
    return SupervisedSink(name, NoSink(), required, health)


def test_sinks_are_told_with_whether_they_serve() -> None:
    sinks = (
        supervised("a", SinkHealth.SERVING, required=True),
        supervised("b", SinkHealth.FAILED, required=False),
        supervised("c", SinkHealth.STARTING, required=True),
    )
    assert Sources(lambda: sinks)(NOW).sinks == {"a": (True, True), "b": (False, False), "c": (True, None)}


@pytest.mark.parametrize(
    ("left", "days"), [(timedelta(days=7), 7), (timedelta(days=6, hours=23), 6), (-timedelta(1), -1)]
)
def test_days_of_a_certificate_are_rounded_down(left: timedelta, days: int) -> None:
    assert Sources(expiries={"c": START + left})(NOW).certificates == {"c": days}


def test_the_test_alarm_holds_for_a_while() -> None:
    sources = Sources()
    assert not sources(NOW).testing
    sources.test(NOW)
    assert sources(NOW.plus(TEST_S - 0.1)).testing
    assert not sources(NOW.plus(TEST_S)).testing


def test_what_others_tell_is_passed_on() -> None:
    told = Sources(role_refused=lambda: True, guessing=lambda: True)(NOW)
    assert told.role_refused
    assert told.guessing


def hourly(left: timedelta, said: str = "") -> Sources:
    made = batch(
        "H", dots={"R1": 5.0, "OTHER": 1.0}, batch_type=BatchType.HOURLY_PRE_DISPATCH, status=BatchStatus.ACTIVE
    )
    rows = tuple(replace(one, accept_status=said) for one in made.instructions)
    made = replace(made, batch_expires=START + left, instructions=rows)
    return Sources(batches=lambda: [made], configured=frozenset({"R1"}))


@pytest.mark.parametrize(
    ("left", "closes"),
    [(timedelta(minutes=5, seconds=1), False), (timedelta(minutes=5), True), (timedelta(seconds=1), True),
     (timedelta(), False)],
)  # fmt: skip
def test_an_unanswered_instruction_of_ours_is_told_in_its_last_minutes(left: timedelta, *, closes: bool) -> None:
    assert hourly(left)(NOW).closing == ({"H-I0"} if closes else frozenset())


def test_one_that_is_answered_is_not_told() -> None:
    assert hourly(timedelta(minutes=2), "ACCEPT")(NOW).closing == frozenset()
    ours = hourly(timedelta(minutes=2))
    ours.answered = lambda uid: uid == "H-I0"
    assert ours(NOW).closing == frozenset()
