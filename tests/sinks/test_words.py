"""Points in words: what a person or a spreadsheet reads is harmless, exact, and empty where nothing is known."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.points import GATEWAY_POINTS, RESOURCE_POINTS, Kind, Point, PointValue
from caiso_ads.core.quality import Directive, Quality, Reason
from caiso_ads.sinks.words import cell, column, csv_bytes, safe_text, shut_down, utc_text, watermark, word
from tests.fakes import START
from tests.sinks.modbus.snapshots import IDS, snapshot

POINTS = {point.key: point for point in RESOURCE_POINTS} | {point.key: point for point in GATEWAY_POINTS}


def known(key: str, value: float | None) -> str | None:
    return word(POINTS[key], PointValue(value, Quality.GOOD))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("directive", int(Directive.FOLLOW), "FOLLOW"),
        ("quality", int(Quality.BAD_COMM), "BAD_COMM"),
        ("reasons", int(Reason.ADS_UNREACHABLE | Reason.CLOCK_OFF), "ADS_UNREACHABLE CLOCK_OFF"),
        ("reasons", 0, "NONE"),
        ("notices", 0, "NONE"),
        ("follow_dot_flag", 2, "YES"),
        ("follow_dot_flag", 9, None),
        ("store_ok", 0, "NO"),
        ("setpoint_mw", 5.0, None),
        ("directive", None, None),
    ],
)
def test_codes_and_bits_have_words(key: str, value: float | None, said: str | None) -> None:
    assert known(key, value) == said


def test_a_time_is_utc_and_its_column_says_so() -> None:
    assert utc_text(START) == "2026-07-01T12:00:00Z"
    assert utc_text(START + timedelta(milliseconds=5)) == "2026-07-01T12:00:00.005Z"
    assert column(POINTS["dot_target_time"]) == "dot_target_time_utc"
    assert column(POINTS["setpoint_mw"]) == "setpoint_mw"


@given(st.floats(-1e6, 1e6) | st.sampled_from((float("nan"), float("inf"), None)))
def test_a_cell_is_a_number_or_empty_and_never_minus_zero(value: float | None) -> None:
    text = cell(Point("x_mw", Kind.NUMBER, "MW", ""), PointValue(value, Quality.GOOD))
    assert text not in ("nan", "inf", "-inf", "-0.0")
    assert text == "" or float(text) == pytest.approx(value, abs=1e-6)


@given(st.text())
def test_no_text_is_a_formula_or_ends_its_line(text: str) -> None:
    safe = safe_text(text)
    assert not safe.startswith(("=", "+", "-", "@"))
    assert safe.isprintable()
    assert csv_bytes([[safe]]).count(b"\n") == 1


def test_after_the_end_nothing_is_good_and_nothing_to_follow() -> None:
    last = shut_down(snapshot())
    assert last.value(IDS[0], "quality").value == Quality.SHUTDOWN
    assert last.value(IDS[0], "directive").value == Directive.HOLD
    assert last.value(IDS[0], "setpoint_mw").value == snapshot().value(IDS[0], "setpoint_mw").value
    assert {item.quality for row in last.resources.values() for item in row} == {Quality.SHUTDOWN}


def test_only_production_has_no_watermark() -> None:
    assert watermark("production") == ""
    assert "NOT FOR OPERATION" in watermark("simulator")
