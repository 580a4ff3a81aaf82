from datetime import UTC, date, datetime, timedelta

import pytest

from caiso_ads.wire.oasis import trade_day

SHORT, LONG, USUAL, WINTER = date(2026, 3, 8), date(2025, 11, 2), date(2026, 7, 20), date(2026, 1, 2)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]  # parts are year to minute only


@pytest.mark.parametrize(
    ("day", "start", "end", "hours"),
    [
        (USUAL, utc(2026, 7, 20, 7), utc(2026, 7, 21, 7), 24),
        (WINTER, utc(2026, 1, 2, 8), utc(2026, 1, 3, 8), 24),
        (SHORT, utc(2026, 3, 8, 8), utc(2026, 3, 9, 7), 23),
        (LONG, utc(2025, 11, 2, 7), utc(2025, 11, 3, 8), 25),
    ],
)
def test_a_trade_day_is_from_local_midnight_to_local_midnight(
    day: date, start: datetime, end: datetime, hours: int
) -> None:
    assert trade_day.bounds(day) == (start, end)
    assert trade_day.hours(day) == hours


def test_the_short_day_has_no_hour_ending_three() -> None:
    endings = [trade_day.hour_ending(utc(2026, 3, 8, 8) + timedelta(hours=h)) for h in range(23)]
    assert endings == [1, 2, *range(4, 25)]
    with pytest.raises(ValueError, match="no hour ending 3"):
        trade_day.hour_start(SHORT, 3)


def test_the_long_day_has_an_hour_ending_twenty_five() -> None:
    assert trade_day.hour_ending(utc(2025, 11, 3, 7)) == 25
    assert trade_day.hour_start(LONG, 25) == utc(2025, 11, 3, 7)
    with pytest.raises(ValueError, match="no hour ending 25"):
        trade_day.hour_start(USUAL, 25)


@pytest.mark.parametrize("day", [SHORT, LONG, USUAL, WINTER])
def test_hours_ending_go_both_ways(day: date) -> None:
    start, _ = trade_day.bounds(day)
    for hour in range(trade_day.hours(day)):
        instant = start + timedelta(hours=hour)
        assert trade_day.hour_start(trade_day.day_of(instant), trade_day.hour_ending(instant)) == instant
        assert trade_day.day_of(instant + timedelta(minutes=59)) == day


def test_hour_zero_does_not_exist() -> None:
    with pytest.raises(ValueError, match="no hour ending 0"):
        trade_day.hour_start(USUAL, 0)
