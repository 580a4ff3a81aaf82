"""Trouble is told once, waited for longer each time, and over when something went right."""

from __future__ import annotations

from caiso_ads.sinks.plant_writer.gather import Note
from caiso_ads.sinks.plant_writer.trouble import Trouble
from tests.sinks.plant_writer.wishes import rules


def test_the_wait_doubles_up_to_the_limit_and_is_forgotten_after_a_calm_minute() -> None:
    trouble = Trouble(rules(backoff_max_s=10.0), [])
    waits = []
    now = 0.0
    for _ in range(6):
        trouble.strike(now, "x")
        begun = now
        while trouble.backing_off(now):
            now += 0.5
        waits.append(now - begun)
    assert waits == [2.0, 4.0, 8.0, 10.0, 10.0, 10.0]
    trouble.well(now + 59.0)
    trouble.strike(now + 59.0, "x")
    assert trouble.backing_off(now + 59.0 + 9.5)
    trouble.well(now + 200.0)
    trouble.strike(now + 200.0, "x")
    assert not trouble.backing_off(now + 202.0)


def test_what_comes_back_is_counted_and_told_once_in_a_while() -> None:
    notes: list[Note] = []
    trouble = Trouble(rules(), notes)
    for second in range(0, 601, 60):
        trouble.strike(float(second), "cut")
        trouble.well(float(second))
    assert [note.text for note in notes] == ["cut", "the controller holds what was written"] * 2
    assert [note.detail.get("times_since_last_told") for note in notes if note.trouble] == [None, 9]


def test_lost_contact_is_told_when_it_begins_and_when_it_ends() -> None:
    notes: list[Note] = []
    trouble = Trouble(rules(), notes)
    for second in (0.0, 2.0, 6.0):
        trouble.no_contact(second, "no answer")
    assert trouble.silent_until == 14.0
    trouble.contact()
    trouble.contact()
    assert [note.text for note in notes] == ["no contact: no answer", "the controller answers again"]


def test_letting_go_waits_for_nothing() -> None:
    trouble = Trouble(rules(), [])
    trouble.strike(0.0, "x")
    trouble.no_contact(0.0, "y")
    trouble.pardon(0.5)
    assert not trouble.backing_off(0.5)
    assert trouble.silent_until <= 0.5
