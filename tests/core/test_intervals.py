from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.core.intervals import (
    CACHE,
    INTERVAL,
    NOT_RECORDED,
    Delivery,
    Fate,
    Outage,
    Polls,
    Span,
    absent,
    day_span,
    due_number,
    interval_of,
    ledger,
    missing,
    newest_number,
    starts_between,
)
from caiso_ads.core.setpoint import Target

PACIFIC = ZoneInfo("America/Los_Angeles")
DAY = datetime(2026, 7, 1, 7, 0, tzinfo=UTC)
NOON = DAY + timedelta(hours=12)
BEFORE = DAY - timedelta(hours=48)
EVER = DAY + timedelta(days=30)
ALL = tuple(starts_between(DAY, DAY + timedelta(days=1)))


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def dot(start: datetime, *, came: timedelta = timedelta(seconds=-227), mw: float = 10.0, uid: str = "D") -> Delivery:
    return Delivery("A", start + timedelta(seconds=150), start + came, mw, uid)


def polling(*outages: tuple[datetime, datetime], since: datetime = BEFORE, reason: str = "link") -> Polls:
    return Polls(since, EVER, tuple(Outage(start, end, reason) for start, end in outages))


def fate(polls: Polls, now: datetime = EVER, unreadable: tuple[Span, ...] = ()) -> Fate:
    return absent(NOON, polls, now, unreadable)


# --- days ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "number"),
    [
        (date(2026, 7, 1), 288),
        (date(2026, 3, 8), 276),
        (date(2026, 11, 1), 300),
        (date(2026, 12, 31), 288),
        (date(2024, 2, 29), 288),
    ],
)
def test_a_trade_day_has_the_intervals_of_its_23_24_or_25_hours(day: date, number: int) -> None:
    span = day_span(day, PACIFIC)
    starts = starts_between(span.start, span.end)
    assert len(starts) == len(set(starts)) == number
    assert {after - before for before, after in pairwise(starts)} == {INTERVAL}
    assert starts[0].astimezone(PACIFIC).strftime("%Y-%m-%d %H:%M") == f"{day} 00:00"
    assert starts[-1].astimezone(PACIFIC).strftime("%Y-%m-%d %H:%M") == f"{day} 23:55"


def test_the_days_of_a_year_follow_each_other_without_gap_or_overlap() -> None:
    spans = [day_span(date(2026, 1, 1) + timedelta(days=n), PACIFIC) for n in range(365)]
    assert all(before.end == after.start for before, after in pairwise(spans))


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis takes bounds without a zone
def test_an_instant_lies_in_the_interval_named_for_it(at: datetime) -> None:
    start = interval_of(at)
    assert start <= at < start + INTERVAL
    assert starts_between(start, start + INTERVAL) == [start]
    assert interval_of(at.astimezone(timezone(hours(-7)))) == start


# --- what came -----------------------------------------------------------------------------------------------------


def test_a_dot_in_time_is_received_and_says_when_from_which_batch_and_how_often_revised() -> None:
    versions = [
        dot(NOON, came=timedelta(seconds=-100), mw=12.0, uid="D2"),
        dot(NOON, mw=10.0, uid="D1"),
        dot(NOON, came=timedelta(seconds=30), mw=13.0, uid="D3"),
    ]
    (entry,) = ledger(["A"], [NOON], versions, polling(), EVER)
    assert (entry.fate, entry.received_at, entry.delay_s) == (Fate.RECEIVED, NOON - timedelta(seconds=227), None)
    assert (entry.dot_mw, entry.batch_uid, entry.revisions, entry.last_mw) == (10.0, "D1", 2, 13.0)


def test_one_that_came_after_the_begin_is_late_when_we_were_polling_and_back_filled_when_not() -> None:
    late = dot(NOON, came=timedelta(seconds=40))
    (entry,) = ledger(["A"], [NOON], [late], polling(), EVER)
    assert (entry.fate, entry.delay_s) == (Fate.LATE, 40.0)
    away = polling((NOON - hours(1), NOON + timedelta(seconds=41)))
    (entry,) = ledger(["A"], [NOON], [late], away, EVER)
    assert (entry.fate, entry.delay_s) == (Fate.BACK_FILLED, 40.0)


def test_what_the_first_poll_ever_found_in_the_cache_is_back_filled() -> None:
    (entry,) = ledger(["A"], [NOON], [dot(NOON, came=hours(3))], polling(since=NOON + hours(3)), EVER)
    assert (entry.fate, entry.delay_s) == (Fate.BACK_FILLED, 3 * 3600.0)


def test_after_a_three_hour_outage_and_its_back_fill_the_ledger_is_complete_and_names_what_was_never_sent() -> None:
    out, back = DAY + hours(10), DAY + hours(13) + timedelta(seconds=5)
    never = {DAY + hours(2), DAY + hours(11)}
    deliveries = [
        dot(start, came=max(timedelta(seconds=-227), back - timedelta(seconds=2) - start))
        if out <= start - timedelta(seconds=227) < back
        else dot(start)
        for start in ALL
        if start not in never
    ]
    entries = ledger(["A"], ALL, deliveries, polling((out, back)), EVER)
    assert {entry.start: entry.fate for entry in entries if entry.fate.missing} == dict.fromkeys(never, Fate.NONE_SENT)
    filled = [entry for entry in entries if entry.fate is Fate.BACK_FILLED]
    assert len(filled) == 35  # 10:05 to 13:00: the one of 10:00 came before, the one of 11:00 never
    assert [entry.start for entry in entries] == list(ALL)
    assert (
        max(entry.delay_s or 0 for entry in filled) == (back - timedelta(seconds=2) - filled[0].start).total_seconds()
    )


# --- what did not --------------------------------------------------------------------------------------------------

DUE = NOON + timedelta(seconds=150)
FORGOTTEN = NOON - timedelta(minutes=5) + CACHE


@pytest.mark.parametrize(
    ("polls", "expected"),
    [
        (polling(), Fate.NONE_SENT),
        (polling((NOON - hours(1), NOON + hours(2))), Fate.NONE_SENT),
        (polling((NOON, FORGOTTEN)), Fate.NONE_SENT),
        (polling((NOON, FORGOTTEN + timedelta(seconds=1))), Fate.NOT_FETCHED),
        (polling((DUE, FORGOTTEN + hours(9))), Fate.NONE_SENT),  # complete at the very target time
        (polling((NOON - hours(1), NOON + hours(2)), (NOON + hours(2), NOON + hours(40))), Fate.NONE_SENT),
        (polling((NOON - hours(1), NOON + hours(20)), (NOON + hours(19), NOON + hours(40))), Fate.NOT_FETCHED),
        (polling((NOON + hours(19), NOON + hours(40)), (NOON - hours(1), NOON + hours(20))), Fate.NOT_FETCHED),
        (polling(since=NOON + hours(23)), Fate.NONE_SENT),
        (polling(since=NOON + hours(25)), Fate.NOT_FETCHED),
        (Polls(DAY, DUE - timedelta(seconds=1)), Fate.NOT_FETCHED),
        (Polls(), Fate.NOT_KNOWN),
        (polling((NOON - hours(40), NOON + hours(40)), reason=NOT_RECORDED), Fate.NOT_KNOWN),
        (polling((NOON - hours(40), NOON + hours(1)), reason=NOT_RECORDED), Fate.NONE_SENT),
    ],
)
def test_missing_says_why(polls: Polls, expected: Fate) -> None:
    assert fate(polls) is expected


def test_the_iso_is_not_blamed_when_something_unreadable_came_before_the_proof() -> None:
    polls = polling((NOON - hours(1), NOON + hours(2)))
    for at in (NOON - timedelta(minutes=5), NOON + hours(1), NOON + hours(2) + timedelta(minutes=2)):
        assert fate(polls, unreadable=(Span(at, at),)) is Fate.NOT_READABLE
    long_before = NOON - timedelta(minutes=6)
    assert fate(polls, unreadable=(Span(long_before, long_before),)) is Fate.NONE_SENT
    after = NOON + hours(3)
    assert fate(polls, unreadable=(Span(after, after),)) is Fate.NONE_SENT


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, Fate.WAITING), (149, Fate.WAITING), (269, Fate.WAITING), (271, Fate.NOT_FETCHED)]
)
def test_what_is_not_yet_due_is_waited_for_and_then_for_a_poll(seconds: int, expected: Fate) -> None:
    polls = Polls(DAY, NOON + timedelta(seconds=100))
    assert fate(polls, NOON + timedelta(seconds=seconds)) is expected


def test_as_soon_as_a_poll_is_complete_after_the_target_the_word_is_final() -> None:
    polls = Polls(DAY, NOON + timedelta(seconds=160))
    assert fate(polls, NOON + timedelta(seconds=165)) is Fate.NONE_SENT


def test_a_poll_noted_in_the_future_by_a_clock_that_was_wrong_proves_nothing_yet() -> None:
    away = Polls(DAY, EVER, (Outage(NOON - hours(1), NOON + hours(5), "link"),))
    assert fate(away, NOON + hours(1)) is Fate.NOT_FETCHED


instants = st.integers(-3 * 86400, 4 * 86400).map(lambda seconds: DAY + timedelta(seconds=seconds))
outages = st.lists(
    st.tuples(instants, st.integers(1, 2 * 86400)).map(
        lambda pair: Outage(pair[0], pair[0] + timedelta(seconds=pair[1]), "link")
    ),
    max_size=6,
)
deliveries = st.lists(
    st.builds(Delivery, st.sampled_from(["A", "B", "C"]), instants, instants, st.just(1.0), st.just("D")), max_size=60
)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from([date(2026, 7, 1), date(2026, 3, 8), date(2026, 11, 1)]), deliveries, outages, instants, instants
)
def test_every_interval_of_the_day_appears_exactly_once_for_each_resource(
    day: date, came: list[Delivery], away: list[Outage], first: datetime, now: datetime
) -> None:
    span = day_span(day, PACIFIC)
    starts = starts_between(span.start, span.end)
    entries = ledger(["A", "B"], starts, came, Polls(first, EVER, tuple(away)), now)
    assert Counter((entry.resource_id, entry.start) for entry in entries) == {
        (resource, start): 1 for resource in "AB" for start in starts
    }
    has = {(each.resource_id, interval_of(each.target)) for each in came}
    for entry in entries:
        assert entry.fate.has_dot == ((entry.resource_id, entry.start) in has) == (entry.dot_mw is not None)
        assert entry.fate.has_dot + entry.fate.missing + (entry.fate is Fate.WAITING) == 1


@settings(max_examples=200, deadline=None)
@given(outages, instants, instants, instants)
def test_none_sent_is_said_exactly_when_some_minute_with_a_poll_proves_it(
    away: list[Outage], first: datetime, last: datetime, start: datetime
) -> None:
    """The oracle tries every instant at which the answer can change; the product walks through the outages once."""
    polls = Polls(first, last, tuple(away))
    due, forgotten = start + timedelta(seconds=150), start - timedelta(minutes=5) + hours(24)
    proofs = [
        at
        for at in [due, first, *(outage.end for outage in away)]
        if max(due, first) <= at <= min(forgotten, last) and not any(outage.start < at < outage.end for outage in away)
    ]
    assert (absent(start, polls, EVER + hours(100)) is Fate.NONE_SENT) == bool(proofs)


# --- the alarm -----------------------------------------------------------------------------------------------------

NOW = NOON + timedelta(seconds=160)


@pytest.mark.parametrize(("back", "expected"), [((0,), 0), ((1,), 1), ((5,), 5), ((0, 3), 0), ((5, 9), 5), ((), 13)])
def test_the_alarm_counts_what_is_missing_in_a_row_up_to_now(back: tuple[int, ...], expected: int) -> None:
    assert missed([150 - 300 * n for n in sorted(back, reverse=True)], 160, since=-3600) == expected


def test_an_interval_is_not_missing_before_its_target_and_a_later_one_does_not_stand_for_it() -> None:
    assert [missed([-150], second, since=-86_400) for second in (149, 150)] == [0, 1]
    assert missed([-150, 450], 160, since=-86_400) == 1


def test_a_start_is_no_alarm() -> None:
    assert missed([], 160, since=160) == 0
    assert [missed([-9000], 160, since=since) for since in (1, 0, -1, -300, -301)] == [0, 1, 1, 2, 2]


@given(st.sets(st.integers(-20, 5)), st.integers(0, 4000), st.integers(0, 4000))
def test_the_count_is_what_one_finds_by_walking_back(known: set[int], now: int, ago: int) -> None:
    since, start, walked = now - ago, (now - 150) // 300, 0
    while start * 300 >= since and start not in known:
        start, walked = start - 1, walked + 1
    assert missed([300 * one + 150 for one in sorted(known)], now, since=since) == walked


def missed(targets: list[int], now: float, *, since: float) -> int:
    """All in seconds from noon."""
    noon = NOON.timestamp()
    made = [Target(noon + one, 5.0, NOON, "A", None, None) for one in targets]
    due = due_number(noon + now)
    return missing(newest_number(made, due), due, since=noon + since)
