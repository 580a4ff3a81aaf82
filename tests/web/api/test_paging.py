"""A cursor leads back to its place and nothing else is one; times of a request are UTC and of this century."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.web.answers import ProblemError
from caiso_ads.web.api.paging import cursor_of, page, place_of, span_of, trade_day, utc

NUMBERS = st.integers(-(1 << 62), 1 << 62)


@given(st.tuples(NUMBERS, NUMBERS, NUMBERS))
def test_a_cursor_leads_back_to_its_place(place: tuple[int, int, int]) -> None:
    assert place_of(cursor_of(place), (0, 0, 0)) == place


@given(st.text(max_size=200))
def test_any_text_is_a_cursor_or_refused_by_name(text: str) -> None:
    found: tuple[int, int] | ProblemError
    try:
        found = place_of(text, (7, 8))
    except ProblemError as refused:
        found = refused
    if isinstance(found, ProblemError):
        assert (found.status, found.problem.field) == (400, "cursor")
    else:
        assert len(found) == 2
        assert text or found == (7, 8)


def test_a_cursor_of_another_list_is_refused() -> None:
    for cursor in (cursor_of((1, 2, 3)), cursor_of((1 << 63, 0))):
        with pytest.raises(ProblemError):
            place_of(cursor, (0, 0))


def test_a_page_names_the_place_of_its_last_row_where_there_is_more() -> None:
    rows, following = page([1, 2, 3], 2, lambda row: (row,))
    assert (rows, following) == ([1, 2], cursor_of((2,)))
    assert page([1, 2], 2, lambda row: (row,)) == ([1, 2], None)
    assert page([], 2, lambda row: (row,)) == ([], None)


def test_times_are_utc_and_of_this_century() -> None:
    pacific = timezone(timedelta(hours=-7))
    assert utc(datetime(2026, 7, 1, 5, tzinfo=pacific), "since") == datetime(2026, 7, 1, 12, tzinfo=UTC)
    for year in (1, 1999, 2101, 9999):
        with pytest.raises(ProblemError):
            utc(datetime(year, 1, 1, tzinfo=timezone(timedelta(hours=23))), "since")


def test_a_span_has_a_length_and_a_limit() -> None:
    start = datetime(2026, 7, 1, tzinfo=UTC)
    assert span_of(start, start + timedelta(hours=26), 26.0).end == start + timedelta(hours=26)
    for end in (start, start - timedelta(hours=1), start + timedelta(hours=26, seconds=1)):
        with pytest.raises(ProblemError):
            span_of(start, end, 26.0)


def test_a_day_is_a_pacific_one() -> None:
    day = trade_day(date(2026, 11, 1))
    assert (day.end - day.start) == timedelta(hours=25)
    with pytest.raises(ProblemError):
        trade_day(date(1999, 12, 31))
