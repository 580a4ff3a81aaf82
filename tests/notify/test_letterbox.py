"""What waits is bounded and goes as one message; the limit, the quiet hours and the room never cost a critical alarm."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.core.instant import Instant
from caiso_ads.notify.letterbox import BURST, CRITICAL_WAIT_S, Letterbox
from tests.fakes import START
from tests.notify.rig import LINK, REFUSED, items, rules

NOW = Instant(START, 1000.0)


def put(box: Letterbox, count: int, now: Instant = NOW) -> None:
    for one in items(count):
        box.put(one, now)


def empty_the_limit(box: Letterbox, now: Instant = NOW) -> None:
    for _ in range(BURST):
        put(box, 1, now)
        box.sent(box.due(now), 0, now)


def test_all_that_waits_is_one_message() -> None:
    box = Letterbox(rules())
    put(box, 7)
    due = box.due(NOW)
    assert len(due) == 7
    box.sent(due, 0, NOW)
    assert (len(box), box.due(NOW)) == (0, ())


def test_what_comes_faster_than_the_limit_waits_and_is_gathered() -> None:
    box = Letterbox(rules(most_per_hour=60))
    empty_the_limit(box)
    put(box, 3)
    assert box.due(NOW) == ()
    assert box.due(NOW.plus(59)) == ()
    put(box, 4)
    assert len(box.due(NOW.plus(60))) == 7


def test_a_calm_day_does_not_save_up_more_than_a_burst() -> None:
    box = Letterbox(rules(most_per_hour=600))
    empty_the_limit(box, NOW.plus(86_400))
    put(box, 1)
    assert box.due(NOW.plus(86_401)) == ()


def test_a_critical_alarm_waits_for_the_limit_a_minute_at_most() -> None:
    box = Letterbox(rules(most_per_hour=1))
    put(box, 1)
    box.sent(box.due(NOW), 0, NOW)
    box.put(items(1, LINK)[0], NOW)
    assert box.due(NOW.plus(CRITICAL_WAIT_S - 1)) == ()
    assert len(box.due(NOW.plus(CRITICAL_WAIT_S))) == 1


def test_in_quiet_hours_only_the_critical_goes_and_the_rest_at_their_end() -> None:
    box = Letterbox(rules(quiet_from="22:00", quiet_until="06:00"))
    night = Instant(datetime(2026, 7, 1, 6, 0, tzinfo=UTC), 1.0)  # 23:00 PDT
    put(box, 2, night)
    assert box.due(night) == ()
    box.put(items(1, LINK)[0], night)
    due = box.due(night)
    assert [one.item.alarm for one in due] == ["link"]
    box.sent(due, 0, night)
    assert box.due(night.plus(7 * 3600 - 1)) == ()
    assert [one.item.alarm for one in box.due(night.plus(7 * 3600))] == [REFUSED.text] * 2


def test_without_room_the_oldest_that_is_not_critical_is_left_out_and_counted() -> None:
    box = Letterbox(rules(), most=3)
    box.put(items(1, LINK)[0], NOW)
    put(box, 4)
    told = [one.item for one in box.due(NOW)]
    assert told == [items(1, LINK)[0], *items(4)[2:]]
    assert box.left_out == 2
    box.sent(box.due(NOW), 2, NOW)
    assert box.left_out == 0


def test_only_what_has_waited_too_long_is_given_up() -> None:
    box = Letterbox(rules(give_up_min=10))
    put(box, 2)
    put(box, 1, NOW.plus(300))
    assert box.expired(NOW.plus(599)) == ()
    assert len(box.expired(NOW.plus(600))) == 2
    assert len(box) == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 300), st.booleans()), max_size=30), st.integers(1, 100))
def test_nothing_is_lost_silently_and_no_hour_has_more_messages_than_allowed(
    steps: list[tuple[int, int, bool]], most_per_hour: int
) -> None:
    box, now, came, told, out, sent = (
        Letterbox(rules(most_per_hour=most_per_hour), most=20),
        NOW,
        0,
        0,
        0,
        list[float](),
    )
    for count, pause, tries in steps:
        put(box, count, now)
        came += count
        if tries and (due := box.due(now)):
            left_out = box.left_out
            box.sent(due, left_out, now)
            told, out = told + len(due), out + left_out
            sent.append(now.mono)
        now = now.plus(pause)
        assert len(box) <= 20
    assert told + out + len(box) + box.left_out == came
    for begin in sent:
        assert sum(begin <= one < begin + 3600 for one in sent) <= most_per_hour + BURST
