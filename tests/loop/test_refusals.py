"""Refused attempts: the first of a kind at once, repeats once a minute with their true count, and never without bound."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.instant import Instant
from caiso_ads.loop.refusals import MOST_KINDS, REPEAT_S, Refusals
from caiso_ads.loop.sightings import Sightings
from caiso_ads.ports.answers import Fact
from tests.fakes import START, FakeClock

WRITE = "write (function 16)"


def at(seconds: float) -> Instant:
    return Instant(START + timedelta(seconds=seconds), seconds)


def times(facts: list[Fact]) -> int:
    return sum(int(str(fact.detail["times"])) for fact in facts)


def test_the_first_attempt_is_a_row_at_once_and_repeats_are_one_row_a_minute() -> None:
    facts: list[Fact] = []
    refusals = Refusals(facts.append)
    refusals.add("modbus", "10.0.0.9", WRITE, at(0))
    (fact,) = facts
    assert (fact.kind, fact.who, fact.at) == ("refused", "10.0.0.9", START)
    assert fact.text == "refused 10.0.0.9 over modbus: write (function 16)"
    for second in range(1, 60):
        refusals.add("modbus", "10.0.0.9", WRITE, at(second))
    assert len(facts) == 1
    refusals.flush(at(REPEAT_S))
    assert [fact.detail["times"] for fact in facts] == [1, 59]
    assert facts[1].text.endswith(", 59 times more")


def test_one_repeat_says_that_it_is_one() -> None:
    facts: list[Fact] = []
    refusals = Refusals(facts.append)
    refusals.add("modbus", "10.0.0.9", WRITE, at(0))
    refusals.add("modbus", "10.0.0.9", WRITE, at(61))
    assert facts[1].text.endswith(", 1 times more")


def test_what_comes_again_after_a_quiet_minute_is_a_row_at_once_again() -> None:
    facts: list[Fact] = []
    refusals = Refusals(facts.append)
    refusals.add("dnp3", "10.0.0.9", "control", at(0))
    refusals.flush(at(REPEAT_S))
    refusals.add("dnp3", "10.0.0.9", "control", at(REPEAT_S + 1))
    assert [fact.detail["times"] for fact in facts] == [1, 1]


@given(st.lists(st.tuples(st.integers(0, 600), st.floats(0, 30)), max_size=400))
def test_no_attempt_is_lost_and_the_rows_are_bounded(attempts: list[tuple[int, float]]) -> None:
    facts: list[Fact] = []
    refusals, now = Refusals(facts.append), 0.0
    for client, wait in attempts:
        now += wait
        refusals.add("modbus", f"client {client}", WRITE, at(now))
    refusals.flush(at(now + REPEAT_S + 1))
    assert times(facts) == len(attempts)


def test_many_clients_at_once_become_one_kind() -> None:
    facts: list[Fact] = []
    refusals = Refusals(facts.append)
    for client in range(10 * MOST_KINDS):
        refusals.add("modbus", f"client {client}", WRITE, at(client / 1000))
    assert len(facts) <= MOST_KINDS + 1
    refusals.flush(at(100))
    assert times(facts) == 10 * MOST_KINDS
    assert facts[-1].who == "further clients"


async def test_the_sightings_write_repeats_when_a_sink_shows_the_next_snapshot() -> None:
    facts: list[Fact] = []
    clock = FakeClock()
    sightings = Sightings(facts.append, clock)
    for _ in range(3):
        sightings.refused("modbus", "10.0.0.9", WRITE)
    await clock.advance(REPEAT_S)
    sightings.seen("modbus", 5)
    assert [fact.detail["times"] for fact in facts] == [1, 2]


def test_what_a_sink_did_to_the_plant_is_a_row_each() -> None:
    facts: list[Fact] = []
    sightings = Sightings(facts.append, FakeClock())
    sightings.acted("plant_writer", "R1", "wrote 25.0 MW", {"setpoint_mw": 25.0})
    (fact,) = facts
    assert (fact.kind, fact.who, fact.resource, fact.text) == ("plant", "plant_writer", "R1", "wrote 25.0 MW")
    assert fact.detail == {"sink": "plant_writer", "setpoint_mw": 25.0}
