from __future__ import annotations

import pytest

from caiso_ads.loop.telling import MOST_TOLD, Teller
from caiso_ads.ports import Recorded
from tests.fakes import batch


def test_what_is_not_configured_is_told_once_in_the_life_of_the_process(caplog: pytest.LogCaptureFixture) -> None:
    teller = Teller()
    for _ in range(3):
        teller.news(batch("A"), frozenset({"OTHER"}))
    assert [record.getMessage() for record in caplog.records] == [
        "resource not configured, stored and not published: OTHER"
    ]


def test_a_flood_of_names_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    Teller().news(batch("A"), [f"R{number}" for number in range(MOST_TOLD + 100)])
    assert len(caplog.records) == MOST_TOLD


def test_a_conflict_is_told_each_time_and_nothing_is_told_without_one(caplog: pytest.LogCaptureFixture) -> None:
    teller = Teller()
    for conflict in (False, True, True):
        teller.conflict("A", Recorded(fresh=True, conflict=conflict))
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
