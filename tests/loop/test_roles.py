"""The role alarm: one when the ISO says "not authorised", one line when that is over."""

from __future__ import annotations

import logging

import pytest

from caiso_ads.core.codes import ResponseResult
from caiso_ads.loop.roles import RoleAlarm
from caiso_ads.ports.answers import Fact
from tests.fakes import FakeClock
from tests.response_fakes import given, hourly


def test_it_is_raised_once_and_cleared_by_a_success_only(caplog: pytest.LogCaptureFixture) -> None:
    facts: list[Fact] = []
    alarm = RoleAlarm(FakeClock(), facts.append)
    answer = given(hourly())
    with caplog.at_level(logging.WARNING):
        for code in (0, 5, 5, 2, 5, 0, 0, 5):
            alarm.heard(answer, ResponseResult(code))
    assert alarm.refused is True
    assert [fact.kind for fact in facts] == ["role alarm", "role alarm over", "role alarm"]
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING", "ERROR"]
    assert (facts[0].resource, facts[0].uid, facts[0].instruction) == ("R1", "H", "H-I0")
    assert alarm.raised
