from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.oasis.pace import (
    BLOCK,
    LONGEST_BACKOFF_S,
    SLOW_FOR_S,
    SLOWEST_S,
    YIELD_S,
    Pace,
    answered,
    ask,
    decode,
    encode,
    interval_s,
    refused,
)

NOW = 1_800_000_000.0


def test_the_first_request_starts_at_once_and_the_next_after_the_interval() -> None:
    pace, wait = ask(Pace(), NOW, 6.0, live=False)
    assert (wait, pace.last_start) == (0.0, NOW)
    pace, wait = ask(pace, NOW + 2, 6.0, live=False)
    assert (wait, pace.last_start) == (4.0, NOW)
    pace, wait = ask(pace, NOW + 6, 6.0, live=False)
    assert (wait, pace.last_start) == (0.0, NOW + 6)


def test_live_goes_before_history_that_waits_too() -> None:
    pace = Pace(last_start=NOW)
    pace, wait = ask(pace, NOW + 1, 6.0, live=True)
    assert wait == 5.0
    pace, wait = ask(pace, NOW + 6, 6.0, live=False)
    assert wait > 0, "history is due, but a live request waits"
    pace, wait = ask(pace, NOW + 6.1, 6.0, live=True)
    assert wait == 0.0
    assert ask(pace, NOW + 12.1, 6.0, live=False)[1] == 0.0


def test_a_live_request_that_died_holds_history_for_a_moment_only() -> None:
    pace, _ = ask(Pace(last_start=NOW), NOW + 1, 6.0, live=True)
    assert ask(pace, NOW + 6 + YIELD_S, 6.0, live=False)[1] == 0.0


def test_refusals_double_the_wait_up_to_minutes_and_slow_the_rate_for_a_while() -> None:
    pace, waits = Pace(last_start=NOW), []
    for _ in range(9):
        pace = refused(replace(pace, blocked_until=0.0), NOW, 6.0, jitter=0.0)
        waits.append(pace.blocked_until - NOW)
    assert waits == [5, 10, 20, 40, 80, 160, LONGEST_BACKOFF_S, LONGEST_BACKOFF_S, LONGEST_BACKOFF_S]
    assert interval_s(pace, NOW, 6.0) == SLOWEST_S
    assert interval_s(answered(pace), NOW, 6.0) == SLOWEST_S, "one answer does not end a quota"
    assert interval_s(pace, NOW + SLOW_FOR_S, 6.0) == 6.0
    assert answered(pace).strikes == 0


def test_a_refusal_holds_live_requests_too() -> None:
    assert ask(refused(Pace(), NOW, 6.0, jitter=0.0), NOW, 6.0, live=True)[1] == 5.0


def test_jitter_makes_a_wait_longer_never_shorter() -> None:
    assert refused(Pace(), NOW, 6.0, jitter=1.0).blocked_until == NOW + 7.5


def test_a_clock_set_back_by_a_day_costs_one_interval_and_no_more() -> None:
    pace, wait = ask(Pace(last_start=NOW + 86400, slow_until=NOW + 90000, slow_s=30.0), NOW, 6.0, live=False)
    assert wait == 30.0
    assert ask(pace, NOW + wait, 6.0, live=False)[1] == 0.0


def test_a_clock_set_ahead_does_not_shorten_the_wait_we_know_of() -> None:
    assert ask(Pace(last_start=NOW), NOW + 3600, 6.0, live=True, own_wait_s=4.0)[1] == 4.0


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"last_start": "x"}', b"\xff\x00", encode(Pace())[:40], b"null"])
def test_an_unreadable_file_counts_as_a_start_just_now(content: bytes) -> None:
    assert decode(content, NOW) == Pace(last_start=NOW)


def test_not_a_number_is_unreadable() -> None:
    assert decode(encode(Pace(last_start=float("nan"))), NOW) == Pace(last_start=NOW)


@given(st.binary(max_size=600))
def test_any_file_gives_a_pace_that_lets_a_request_start_some_time(content: bytes) -> None:
    pace, wait = ask(decode(content, NOW), NOW, 6.0, live=True)
    assert wait <= LONGEST_BACKOFF_S * 1.5 + SLOWEST_S
    assert len(encode(pace)) == BLOCK


@given(st.builds(
    Pace, st.floats(0, 4e9), st.floats(0, 4e9), st.integers(0, 30), st.floats(0, 60), st.floats(0, 4e9),
    st.floats(0, 4e9),
))  # fmt: skip
def test_the_file_keeps_every_field(pace: Pace) -> None:
    assert decode(encode(pace), NOW) == pace
    assert len(encode(pace)) == BLOCK


@given(st.lists(st.tuples(st.floats(0, 20), st.booleans()), max_size=40))
def test_starts_are_never_closer_than_the_interval(steps: list[tuple[float, bool]]) -> None:
    pace, now, starts = Pace(), NOW, []
    for pause, live in steps:
        now += pause
        pace, wait = ask(pace, now, 6.0, live=live)
        if wait <= 0:
            starts.append(now)
    assert all(later - earlier >= 6.0 - 1e-6 for earlier, later in pairwise(starts))
