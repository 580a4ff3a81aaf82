"""An alarm comes back from what is saved of it as it was, through the whole of JSON."""

from __future__ import annotations

import json
from datetime import timedelta

from caiso_ads.core.alarm_kinds import Ident
from caiso_ads.core.alarm_standing import Standing, saved
from caiso_ads.core.alarms import Book
from caiso_ads.core.instant import Instant
from tests.alarming import LOST, R1_REFUSED, REFUSED, Run, shot


def again(run: Run, later: timedelta = timedelta()) -> Run:
    """A run that goes on in another life: another monotonic clock, and only what the last rows tell."""
    rows = {event.alarm.ident: saved(event.alarm) for event in run.told}
    new = Run()
    new.now = Instant(run.now.wall + later, 5.0)
    new.book.restore([json.loads(json.dumps(row)) for row in rows.values()], new.now)
    return new


def test_what_waits_to_be_seen_still_waits() -> None:
    run = Run()
    run.last(5, shot(reasons=REFUSED))
    run.last(20, shot())
    new = again(run)
    assert new.states() == {"value_refused:R1": "returned_unack"}
    assert new.book.alarms()[0].text == run.book.alarms()[0].text
    new.last(100, shot())
    assert new.states() == {"value_refused:R1": "returned_unack"}


def test_what_was_acknowledged_is_not_announced_again() -> None:
    run = Run()
    run.last(5, shot(reasons=REFUSED))
    run.told += run.book.acknowledge(R1_REFUSED, "ann", "", run.now)
    new = again(run)
    assert new.states() == {"value_refused:R1": "active_ack"}
    blind = shot(reasons=8192)
    assert new.last(20, blind) == []  # nothing is known before the first poll
    assert new.last(20, shot(reasons=REFUSED)) == []
    assert new.last(20, shot()) == ["returned value_refused:R1"]
    assert new.states() == {}


def test_what_is_shelved_stays_so_until_its_end() -> None:
    run = Run()
    run.last(5, shot(reasons=REFUSED))
    run.told += run.book.shelve(R1_REFUSED, "ann", "test", timedelta(minutes=10), run.now)
    new = again(run, timedelta(minutes=8))
    assert new.states() == {"value_refused:R1": "shelved"}
    assert new.last(118, shot(reasons=REFUSED)) == []
    assert new.last(3, shot(reasons=REFUSED)) == ["unshelved value_refused:R1", "raised value_refused:R1"]
    late = again(run, timedelta(hours=3))
    assert late.last(1, shot(reasons=REFUSED))[0] == "unshelved value_refused:R1"


def test_what_followed_from_a_cause_still_does() -> None:
    run = Run()
    run.last(100, shot(reasons=LOST))
    new = again(run)
    assert new.states() == {"link": "active_unack", "schedule_over:R1": "suppressed"}
    assert new.last(50, shot(reasons=LOST)) == []
    new.last(50, shot())
    assert new.states() == {"link": "returned_unack"}


def test_what_is_normal_and_what_is_no_alarm_of_ours_is_left_out() -> None:
    run = Run()
    run.last(5, shot(reasons=REFUSED))
    run.told += run.book.acknowledge(R1_REFUSED, "ann", "", run.now)
    run.last(20, shot())
    assert again(run).states() == {}
    book = Book()
    book.restore([{"alarm": "nothing:X", "holds": True}, {}, {"alarm": "test", "what": "asked for"}], run.now)
    assert book.alarms() == []
    assert Standing.restored({"alarm": "link", "count": None, "holds": True}, run.now) is not None
    assert Ident("link").text == "link"
