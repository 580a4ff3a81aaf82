from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from caiso_ads.core.alarm_catalogue import CATALOGUE
from caiso_ads.core.alarm_kinds import AlarmKind, Ident, Priority, Scope
from caiso_ads.core.alarm_reading import Extra
from caiso_ads.core.instant import Instant
from caiso_ads.core.quality import Reason
from caiso_ads.errors import CommandError
from tests.alarming import LOST, R1_REFUSED, REFUSED, Run, lines, shot
from tests.fakes import START

OFF, APART = shot(), shot(reasons=int(Reason.MISMATCH), ramp_minus_dop_mw=7.0)
BAD = shot(reasons=REFUSED)


def test_a_disagreement_is_told_once_it_lasts_with_both_values() -> None:
    run = Run()
    assert run.last(31, APART) == ["raised mismatch:R1"]
    assert run.told[0].text == "our ramp 57.0 MW and the ISO's operating point 50.0 MW disagree"
    assert run.now.mono == 31
    assert run.last(500, APART) == []


def test_a_disagreement_that_comes_and_goes_within_the_delay_says_nothing_and_one_that_stands_is_not_over_by_a_dip() -> (
    None
):
    run = Run()
    for _ in range(50):
        assert run.last(20, APART) + run.last(20, OFF) == []
    run.last(31, APART)
    assert run.last(20, OFF) + run.last(20, APART) + run.last(20, OFF) == []
    assert run.last(11, OFF) == ["returned mismatch:R1"]


@pytest.mark.parametrize("key", ["ramp_minus_dop_mw", "missed_intervals"])
def test_what_is_not_known_neither_begins_nor_ends_an_alarm(key: str) -> None:
    bit: dict[str, Any] = {
        "ramp_minus_dop_mw": {"reasons": int(Reason.MISMATCH)},
        "missed_intervals": {"notices": 1 << 11},
    }[key]
    run = Run()
    unknown: dict[str, Any] = {key: None}
    assert run.last(100, shot(**{**bit, **unknown})) == []
    assert len(run.last(100, shot(**{**bit, key: 7}))) == 1
    assert run.last(900, shot(**unknown)) == []
    assert len(run.last(100, OFF)) == 1


@pytest.mark.parametrize(
    "kind", [kind for kind in CATALOGUE if kind.scope is Scope.RESOURCE], ids=lambda kind: str(kind.key)
)
def test_each_alarm_of_a_resource_begins_and_ends_once_and_its_texts_can_be_made(kind: AlarmKind) -> None:
    side = "reasons" if isinstance(kind.bit, Reason) else "notices"
    assert kind.bit is not None
    told: dict[str, Any] = {side: int(kind.bit)}
    on, off = shot(("R1", "R2"), **told), shot(("R1", "R2"))
    run = Run()
    assert run.last(50, on) == [f"raised {kind.key}:R1", f"raised {kind.key}:R2"]
    assert run.last(50, off) == [f"returned {kind.key}:R1", f"returned {kind.key}:R2"]
    assert not any("{" in event.text for event in run.told)


def test_an_alarm_stays_until_a_person_acknowledged_it_also_when_its_cause_is_gone() -> None:
    run = Run()
    run.last(5, BAD)
    assert run.states() == {"value_refused:R1": "active_unack"}
    run.last(20_000, OFF)
    assert run.states() == {"value_refused:R1": "returned_unack"}
    assert lines(run.book.acknowledge(R1_REFUSED, "ann", "", run.now)) == ["acknowledged value_refused:R1"]
    assert run.states() == {}


def test_one_that_was_acknowledged_goes_when_its_cause_does_and_waits_again_when_it_comes_again() -> None:
    run = Run()
    run.last(5, BAD)
    (event,) = run.book.acknowledge(R1_REFUSED, "ann", "seen", run.now)
    assert (event.who, event.note, event.alarm.by) == ("ann", "seen", "ann")
    assert run.states() == {"value_refused:R1": "active_ack"}
    assert run.book.counts() == (1, 0)
    with pytest.raises(CommandError, match="not waiting"):
        run.book.acknowledge(R1_REFUSED, "ann", "", run.now)
    assert run.last(20, OFF) == ["returned value_refused:R1"]
    assert run.states() == {}
    run.last(5, BAD)
    assert run.states() == {"value_refused:R1": "active_unack"}


def test_all_are_acknowledged_at_once_but_those_that_are_shelved_or_suppressed() -> None:
    run = Run()
    run.last(2, shot(("R1", "R2", "R3"), reasons=REFUSED))
    run.book.shelve(Ident("value_refused", "R3"), "ann", "test", timedelta(hours=1), run.now)
    events = run.book.acknowledge_all("bob", "", run.now)
    assert lines(events) == ["acknowledged value_refused:R1", "acknowledged value_refused:R2"]
    assert run.book.acknowledge_all("bob", "", run.now) == []


def test_a_shelved_alarm_is_quiet_and_comes_back_at_its_end_by_either_clock() -> None:
    for jumped in (timedelta(), timedelta(hours=5)):
        run = Run()
        run.last(5, BAD)
        (event,) = run.book.shelve(R1_REFUSED, "ann", "on site", timedelta(minutes=10), run.now)
        assert event.alarm.shelved_until == run.now.wall + timedelta(minutes=10)
        assert run.book.counts() == (0, 0)
        assert run.last(590, BAD) == []
        if jumped:  # a wall clock set right ends it too
            run.now = Instant(run.now.wall + jumped, run.now.mono)
        assert run.last(11, BAD) == ["unshelved value_refused:R1", "raised value_refused:R1"]
        assert run.told[-1].announces
        assert run.states() == {"value_refused:R1": "active_unack"}


def test_a_wall_clock_set_back_does_not_lengthen_shelving() -> None:
    run = Run()
    run.last(5, BAD)
    run.book.shelve(R1_REFUSED, "ann", "", timedelta(minutes=10), run.now)
    run.now = Instant(run.now.wall - timedelta(days=3), run.now.mono)
    assert run.last(601, BAD)[0] == "unshelved value_refused:R1"


def test_what_comes_while_it_is_shelved_is_in_the_journal_and_waits_afterwards() -> None:
    run = Run()
    run.last(5, BAD)
    run.book.shelve(R1_REFUSED, "ann", "", timedelta(minutes=10), run.now)
    assert run.last(60, OFF) == ["returned value_refused:R1"]
    assert run.last(60, BAD) == ["raised value_refused:R1"]
    assert not run.told[-1].announces
    assert run.last(60, OFF) == ["returned value_refused:R1"]
    assert lines(run.book.unshelve(R1_REFUSED, "ann", "", run.now)) == ["unshelved value_refused:R1"]
    assert run.states() == {"value_refused:R1": "returned_unack"}


def test_what_was_seen_and_is_over_when_its_shelving_ends_is_gone() -> None:
    run = Run()
    run.last(5, BAD)
    run.book.shelve(R1_REFUSED, "ann", "", timedelta(minutes=1), run.now)
    assert run.last(100, OFF) == ["returned value_refused:R1", "unshelved value_refused:R1"]
    assert run.states() == {}


@pytest.mark.parametrize("span", [timedelta(), timedelta(minutes=-1), timedelta(hours=24, seconds=1)])
def test_shelving_has_an_end_within_a_day(span: timedelta) -> None:
    run = Run()
    run.last(5, BAD)
    with pytest.raises(CommandError, match="24 hours"):
        run.book.shelve(R1_REFUSED, "ann", "", span, run.now)


def test_what_does_not_stand_can_neither_be_acknowledged_nor_shelved() -> None:
    run = Run()
    with pytest.raises(CommandError, match="no alarm that stands"):
        run.book.acknowledge(R1_REFUSED, "ann", "", run.now)
    with pytest.raises(CommandError, match="no alarm that stands"):
        run.book.shelve(R1_REFUSED, "ann", "", timedelta(hours=1), run.now)
    run.last(5, BAD)
    with pytest.raises(CommandError, match="not shelved"):
        run.book.unshelve(R1_REFUSED, "ann", "", run.now)


FIFTY = tuple(f"R{number}" for number in range(50))


def test_row_192_fifty_resources_at_once_are_one_alarm_of_their_cause() -> None:
    run = Run()
    run.last(200, shot(FIFTY, reasons=LOST))
    announced = [event.alarm.ident.text for event in run.told if event.announces]
    assert announced == ["link"]
    (link,) = (alarm for alarm in run.book.alarms() if alarm.ident == Ident("link"))
    assert len(link.children) == 50
    assert run.book.counts() == (1, 1)
    run.book.acknowledge_all("ann", "", run.now)
    assert set(run.last(40, shot(FIFTY))) == {"returned link", *(f"returned schedule_over:{name}" for name in FIFTY)}
    assert run.states() == {}


def test_what_still_holds_when_its_cause_is_over_comes_out() -> None:
    run = Run()
    run.last(200, shot(("R1", "R2"), reasons=LOST))
    over = shot(("R1", "R2"), bad=("R2",), reasons=int(Reason.INTERVAL_NOT_COVERED))
    assert run.last(100, over) == ["returned link", "returned schedule_over:R1", "raised schedule_over:R2"]
    assert run.states()["schedule_over:R2"] == "active_unack"


def test_what_stood_before_its_cause_came_is_suppressed_and_still_waits_to_be_seen_afterwards() -> None:
    run = Run()
    over = shot(reasons=int(Reason.INTERVAL_NOT_COVERED))
    assert run.last(40, over) == ["raised schedule_over:R1"]
    assert run.last(40, shot(reasons=LOST)) == ["suppressed schedule_over:R1", "raised link"]
    run.last(100, OFF)
    assert run.states() == {"link": "returned_unack", "schedule_over:R1": "returned_unack"}


def test_the_nearest_expiry_explains_the_others_of_the_same_certificate_only() -> None:
    run = Run()
    run.last(2, OFF, Extra(certificates={"reading": 5, "answering": 29}))
    announced = {event.alarm.ident.text for event in run.told if event.announces}
    assert announced == {"certificate_7d:reading", "certificate_30d:answering"}
    run.last(2, OFF, Extra(certificates={"reading": -3, "answering": 29}))
    assert run.states()["certificate_1d:reading"] == "active_unack"
    run.last(30, OFF, Extra(certificates={"reading": 400, "answering": 400}))
    run.book.acknowledge_all("ann", "", run.now)
    assert run.states() == {}


def test_row_192_a_flood_is_one_alarm_and_gathers_what_is_of_lower_priority() -> None:
    run = Run()
    run.last(40, shot(FIFTY, reasons=int(Reason.MISMATCH)))
    announced = [event.alarm.ident.key for event in run.told if event.announces]
    assert announced == ["mismatch"] * 10 + ["flood"]
    assert list(run.states().values()).count("suppressed") == 40
    mixed = shot((*FIFTY, "X"), reasons=int(Reason.MISMATCH))
    worse = {**mixed.resources, "X": shot(("X",), reasons=REFUSED).resources["X"]}
    run.last(5, type(mixed)(1, START, mixed.gateway, worse))
    assert run.told[-1].alarm.ident == Ident("value_refused", "X")
    assert run.told[-1].announces


def test_a_flood_is_over_when_it_is_calm_and_what_still_holds_comes_out() -> None:
    run = Run()
    run.last(40, shot(FIFTY, reasons=int(Reason.MISMATCH)))
    left = shot(FIFTY, bad=FIFTY[-3:], reasons=int(Reason.MISMATCH))
    run.last(700, left)
    assert "returned flood" in lines(run.told)
    assert [event.alarm.ident.subject for event in run.told if event.announces][-3:] == sorted(FIFTY[-3:])
    assert run.states()["mismatch:R49"] == "active_unack"


def test_a_standing_mass_stays_gathered() -> None:
    run = Run()
    run.last(1500, shot(FIFTY, reasons=int(Reason.MISMATCH)))
    assert sum(event.announces for event in run.told) == 11


def test_row_193_a_condition_that_toggles_each_second_is_one_alarm() -> None:
    run = Run()
    for _ in range(1800):
        run.last(1, BAD)
        run.last(1, OFF)
    assert lines(run.told) == ["raised value_refused:R1"]
    assert run.states() == {"value_refused:R1": "active_unack"}
    run.last(10, OFF)
    assert run.states() == {"value_refused:R1": "returned_unack"}


def test_row_193_one_that_toggles_slower_than_its_delay_is_held_after_the_fourth_time() -> None:
    run = Run()
    for _ in range(200):
        run.last(15, BAD)
        run.last(15, OFF)
        if run.book.counts()[1]:
            run.book.acknowledge_all("ann", "", run.now)
    assert lines(run.told).count("raised value_refused:R1") == 4
    run.last(700, OFF)
    assert run.states() == {}


def test_contingency_is_told_whatever_else_is_wrong() -> None:
    run = Run()
    run.last(200, shot(reasons=LOST, notices=1 << 1))
    assert {event.alarm.ident.key for event in run.told if event.announces} == {"link", "contingency"}


def test_nothing_is_looked_at_while_nothing_changes() -> None:
    run = Run()
    many = tuple(f"R{number}" for number in range(200))
    run.last(200, shot(many, reasons=LOST))
    standing = run.book._standing
    run.last(100, shot(many, reasons=LOST))
    assert run.book._standing is standing  # each real look makes it anew


def test_priorities_are_ordered() -> None:
    assert Priority.CRITICAL < Priority.HIGH < Priority.MEDIUM < Priority.LOW


def test_what_has_no_delay_of_its_own_waits_for_one_poll_after_its_cause() -> None:
    run = Run()
    both = int(Reason.LINK_AGING | Reason.CONFLICT)
    assert run.last(60, shot(reasons=both)) == ["suppressed conflict:R1", "raised link"]
    alone = shot(reasons=int(Reason.CONFLICT))
    assert run.last(19, alone) == ["returned link"]
    assert run.last(5, alone) == ["raised conflict:R1"]
    again = Run()
    again.last(60, shot(reasons=both))
    again.last(15, alone)
    assert again.last(30, shot()) == ["returned conflict:R1"]  # over before anybody was called


def test_a_cause_that_comes_back_before_what_follows_was_announced_keeps_it_suppressed() -> None:
    run = Run()
    run.last(60, shot(reasons=LOST))
    assert run.last(25, shot(reasons=int(Reason.INTERVAL_NOT_COVERED))) == ["returned link"]
    run.last(1, shot(reasons=LOST))
    assert run.states()["schedule_over:R1"] == "suppressed"
    assert run.last(60, shot(reasons=LOST)) == ["raised link"]
