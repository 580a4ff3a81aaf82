"""Points in words and safe cells: what is not known stays empty, and no cell is run by a spreadsheet."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from caiso_ads.core.points import RESOURCE_POINTS, Point, PointValue, index_of
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.sinks.words import cell, safe_text, shut_down, utc_text, watermark, word
from tests.sinks.modbus.snapshots import IDS, snapshot


def point(key: str) -> Point:
    return RESOURCE_POINTS[index_of(key)]


def test_a_code_has_its_word_and_an_unknown_one_none() -> None:
    assert word(point("directive"), PointValue(Directive.HOLD, Quality.GOOD)) == "HOLD"
    assert word(point("curtailed"), PointValue(1, Quality.GOOD)) == "YES"
    assert word(point("reasons"), PointValue(0, Quality.GOOD)) == "NONE"
    assert word(point("directive"), PointValue(None, Quality.INIT)) is None
    assert word(point("setpoint_mw"), PointValue(1.5, Quality.GOOD)) is None


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("setpoint_mw", None, ""),
        ("setpoint_mw", -0.0, "0.0"),
        ("setpoint_mw", float("nan"), ""),
        ("curtailed", 0, "NO"),
    ],
)
def test_a_cell_is_empty_where_nothing_is_known(key: str, value: float | None, text: str) -> None:
    assert cell(point(key), PointValue(value, Quality.GOOD)) == text


def test_times_are_utc_with_milliseconds_only_where_there_are_any() -> None:
    assert utc_text(datetime(2026, 7, 1, 12, tzinfo=UTC)) == "2026-07-01T12:00:00Z"
    assert utc_text(datetime(2026, 7, 1, 12, 0, 0, 5000, tzinfo=UTC)) == "2026-07-01T12:00:00.005Z"


@pytest.mark.parametrize(("text", "safe"), [("=1+1", "'=1+1"), ("@x", "'@x"), ("a\nb", "a\\nb"), ("UNIT_1", "UNIT_1")])
def test_text_from_outside_is_data_only(text: str, safe: str) -> None:
    assert safe_text(text) == safe


def test_what_is_no_production_is_marked() -> None:
    assert watermark("production") == ""
    assert "NOT FOR OPERATION" in watermark("simulator")


def test_after_the_end_nothing_is_followed_and_nothing_is_good() -> None:
    last = shut_down(snapshot())
    assert last.value(IDS[0], "directive").value == Directive.HOLD
    assert {known.quality for known in last.resources[IDS[0]]} == {Quality.SHUTDOWN}
