from datetime import UTC, datetime

import pytest

from caiso_ads.wire.oasis import row
from tests.wire.oasis.samples import START


def test_a_time_is_utc_whatever_its_offset() -> None:
    assert row.instant("2026-07-20T00:00:00-07:00") == row.instant("2026-07-20T07:00:00-00:00") == START
    assert row.instant("2026-07-20T00:00:00-07:00").tzinfo is UTC


@pytest.mark.parametrize("text", ["2026-07-20T07:00:00", "", "soon", "0001-01-01T00:00:00+10:00"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"time|isoformat"):
        row.instant(text)


@pytest.mark.parametrize("text", ["nan", "inf", "1e999", "1_0", " 1", "", "0x1", "\u0661"])
def test_what_is_no_finite_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"number|float"):
        row.number(text)


def test_a_negative_price_is_a_price() -> None:
    assert row.number("-150.00001") == -150.00001


@pytest.mark.parametrize("text", ["", "x" * 81, "a\nb", "é"])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        row.name(text)


def test_blocks_and_rows_are_the_same() -> None:
    rows = [
        row.LmpRow("A", START, datetime.max.replace(tzinfo=UTC), "LMP", 1.0),
        row.LmpRow("B", START, START, "X", 2.0),
    ]
    assert list(row.Block.of(rows).rows()) == rows
    assert list(row.Block.of([]).rows()) == []


def test_wanted_asks_for_both() -> None:
    wanted = row.Wanted(nodes=frozenset({"A"}), kinds=frozenset({"LMP"}))
    of = [row.LmpRow(node, START, START, kind, 0.0) for node in "AB" for kind in ("LMP", "MCC")]
    assert [wanted.holds(one) for one in of] == [True, False, False, False]
    assert all(row.EVERYTHING.holds(one) for one in of)
