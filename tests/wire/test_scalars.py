"""Numbers, flags and instants: what XML Schema allows is read exactly, everything else is refused."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.errors import WireError
from caiso_ads.wire.scalars import (
    TimeFormat,
    read_bool,
    read_double,
    read_identifier,
    read_int,
    read_text,
    read_time,
    write_bool,
    write_double,
    write_time,
)
from tests.wire.strategies import TIMES

REFUSED_NUMBERS = [
    "",
    "  ",
    "1u5",
    "1_000",
    "NaN",
    "nan",
    "INF",
    "-INF",
    "inf",
    "Infinity",
    "1e400",
    "-1e400",
    "١٢",
    "12,5",
]
REFUSED_NUMBERS += [
    "1 2",
    "0x10",
    "1e",
    "e5",
    ".",
    "+",
    "--1",
    "1.2.3",
    "1d",
    "\u00a05",
    "5\x0b",
    "²",
    "12.5MW",
    "1e5_0",
]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("+5", 5.0),
        (" 5 ", 5.0),
        ("5.", 5.0),
        (".5", 0.5),
        ("03", 3.0),
        ("1e3", 1000.0),
        ("1E-3", 0.001),
        ("\t-1.0\r\n", -1.0),
        ("0.1", 0.1),
        ("1e-12", 1e-12),
        ("1e-400", 0.0),
        ("-22.0", -22.0),
    ],
)
def test_a_legal_double_is_read(text: str, value: float) -> None:
    assert read_double(text) == value


@pytest.mark.parametrize("text", REFUSED_NUMBERS)
def test_anything_else_is_no_double(text: str) -> None:
    with pytest.raises(WireError):
        read_double(text)


def test_minus_zero_keeps_its_sign() -> None:
    assert str(read_double("-0.0")) == "-0.0"


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), (" +7 ", 7), ("-1", -1), ("007", 7), ("2147483647", 2**31 - 1), ("-2147483648", -(2**31))],
)
def test_a_legal_int_is_read(text: str, value: int) -> None:
    assert read_int(text) == value


@pytest.mark.parametrize("text", [*REFUSED_NUMBERS, "4.0", "2147483648", "-2147483649", "9" * 5000, "0" * 200])
def test_anything_else_is_no_int(text: str) -> None:
    with pytest.raises(WireError):
        read_int(text)


def test_four_spellings_are_booleans_and_nothing_else() -> None:
    assert [read_bool(text) for text in ("true", " 1 ", "false", "0")] == [True, True, False, False]
    for text in ("", "True", "yes", "Y", "2"):
        with pytest.raises(WireError):
            read_bool(text)
    assert [write_bool(True), write_bool(False)] == ["true", "false"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2020-07-21T23:16:04Z", datetime(2020, 7, 21, 23, 16, 4, tzinfo=UTC)),
        (" 2020-07-21T23:16:04Z\n", datetime(2020, 7, 21, 23, 16, 4, tzinfo=UTC)),
        ("2006-10-13T10:55:36.0000000-04:00", datetime(2006, 10, 13, 14, 55, 36, tzinfo=UTC)),
        ("2020-01-01T00:00:00.1Z", datetime(2020, 1, 1, 0, 0, 0, 100_000, tzinfo=UTC)),
        ("2020-01-01T00:00:00.123456789Z", datetime(2020, 1, 1, 0, 0, 0, 123_456, tzinfo=UTC)),
        ("2020-01-01T00:00:00.0000009Z", datetime(2020, 1, 1, tzinfo=UTC)),
        ("2020-01-01T00:00:00+14:00", datetime(2019, 12, 31, 10, tzinfo=UTC)),
        ("2020-12-31T24:00:00Z", datetime(2021, 1, 1, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2016-12-31T15:59:60-08:00", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2020-02-29T12:00:00-00:00", datetime(2020, 2, 29, 12, tzinfo=UTC)),
    ],
)
def test_a_time_with_a_zone_becomes_utc(text: str, value: datetime) -> None:
    assert read_time(text) == value
    assert read_time(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2020-07-21",
        "2020-07-21T23:16:04",
        "2020-07-21 23:16:04Z",
        "2020-07-21T23:16Z",
        "2020-07-21T23:16:04z",
        "2020-02-30T00:00:00Z",
        "2019-02-29T00:00:00Z",
        "2020-13-01T00:00:00Z",
        "2020-01-01T25:00:00Z",
        "0000-01-01T00:00:00Z",
        "2020-01-01T24:00:01Z",
        "2020-01-01T00:00:60Z",
        "2020-01-01T00:00:00+15:00",
        "2020-01-01T00:00:00+01:60",
        "2020-01-01T00:00:00.Z",
        "2020-01-01T00:00:00,5Z",
        "9999-12-31T24:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "٢٠٢٠-01-01T00:00:00Z",
        "1595373364",
        "2020-01-01T00:00:00 Z",
    ],
)
def test_any_other_time_is_refused(text: str) -> None:
    with pytest.raises(WireError):
        read_time(text)


def test_a_time_without_a_zone_is_refused_by_that_name() -> None:
    with pytest.raises(WireError, match="no time zone"):
        read_time("2020-07-21T23:16:04")


@given(TIMES, st.sampled_from(["Z", "offset7"]))
def test_a_time_survives_writing_and_reading(value: datetime, form: TimeFormat) -> None:
    assert read_time(write_time(value, form)) == value


def test_the_two_forms_of_a_time_are_those_seen_on_the_wire() -> None:
    value = datetime(2020, 7, 21, 23, 16, 4, tzinfo=UTC)
    assert write_time(value) == "2020-07-21T23:16:04Z"
    assert write_time(value, "offset7") == "2020-07-21T16:16:04.0000000-07:00"


@pytest.mark.parametrize(
    "value",
    [datetime(2020, 1, 1), datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))],  # noqa: DTZ001 - the case itself
)
def test_a_time_that_cannot_be_written_is_refused(value: datetime) -> None:
    with pytest.raises(WireError):
        write_time(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_survives_writing_and_reading(value: float) -> None:
    assert read_double(write_double(value)) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_is_not_written(value: float) -> None:
    with pytest.raises(WireError):
        write_double(value)


def test_an_identifier_must_have_content() -> None:
    assert read_identifier(" DISP-1 ") == "DISP-1"
    with pytest.raises(WireError):
        read_identifier(" \n")


@given(st.text())
def test_any_text_is_a_value_or_a_wire_error(text: str) -> None:
    for read in (read_text, read_identifier, read_double, read_int, read_bool, read_time):
        with suppress(WireError):
            read(text)
