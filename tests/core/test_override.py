"""An override is what its operator may say, no longer than said, and never FOLLOW."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.override import (
    DIRECTIVES,
    LONGEST,
    Cleared,
    Override,
    active,
    after,
    read_clear,
    read_directive,
    read_duration,
    read_override,
    read_time,
    usable,
)
from caiso_ads.core.quality import Directive
from caiso_ads.errors import CommandError

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Limits:
    """A resource, as far as an override looks at it."""

    pmin_mw: float = -10.0
    pmax_mw: float = 100.0


RESOURCES = {"A": Limits(), "B": Limits()}
SAID: dict[str, object] = {
    "resource": "A", "mw": 50, "directive": None, "reason": "relay test", "until": (NOW + HOUR).isoformat()
}  # fmt: skip
ONE = Override("A", 50.0, None, "relay test", "alice", NOW, NOW + HOUR)


def read(**changes: object) -> Override:
    """Read a good command with some fields changed."""
    return read_override({**SAID, **changes}, now=NOW, resources=RESOURCES, who="alice")


def test_a_value_or_a_directive_is_forced_until_its_end() -> None:
    assert read() == ONE
    assert read(mw=None, directive="release") == replace(ONE, setpoint_mw=None, directive=Directive.RELEASE)


def test_follow_can_never_be_forced() -> None:
    assert Directive.FOLLOW not in DIRECTIVES.values()
    assert Directive.TEST not in DIRECTIVES.values()
    for word in ("follow", "FOLLOW", "test", "", 1, None, ["hold"]):
        with pytest.raises(CommandError, match="directive"):
            read_directive(word)


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("resource", {"resource": "C"}),
        ("resource", {"resource": ["A"]}),
        ("mw", {"mw": None}),
        ("mw", {"directive": "hold"}),
        ("mw", {"mw": 100.1}),
        ("mw", {"mw": -10.1}),
        ("mw", {"mw": math.nan}),
        ("mw", {"mw": math.inf}),
        ("mw", {"mw": 10**400}),
        ("mw", {"mw": True}),
        ("mw", {"mw": "50"}),
        ("directive", {"mw": None, "directive": "follow"}),
        ("reason", {"reason": "  "}),
        ("reason", {"reason": "x" * 201}),
        ("reason", {"reason": "a\x1b[2Jb"}),
        ("reason", {"reason": None}),
        ("until", {"until": None}),
        ("until", {"until": "soon"}),
        ("until", {"until": "2026-07-01T13:00:00"}),
        ("until", {"until": NOW.isoformat()}),
        ("until", {"until": (NOW + LONGEST + timedelta(seconds=1)).isoformat()}),
    ],
)
def test_what_may_not_be_said_is_refused_naming_the_field(field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(CommandError) as refused:
        read(**changes)
    assert refused.value.field == field


def test_a_user_without_a_plain_name_is_refused() -> None:
    for who in ("", "a\nb", "x" * 200):
        with pytest.raises(CommandError, match="who"):
            read_override(SAID, now=NOW, resources=RESOURCES, who=who)


def test_the_limits_themselves_and_a_full_day_are_allowed() -> None:
    assert [read(mw=mw).setpoint_mw for mw in (-10, 100, 0)] == [-10.0, 100.0, 0.0]
    assert read(until=(NOW + LONGEST).isoformat()).until == NOW + LONGEST


def test_a_clear_needs_a_known_resource_and_a_reason() -> None:
    said = {"resource": "A", "reason": "done"}
    assert read_clear(said, now=NOW, resources=RESOURCES, who="bob") == Cleared("A", "done", "bob", NOW)
    with pytest.raises(CommandError, match="reason"):
        read_clear({"resource": "A"}, now=NOW, resources=RESOURCES, who="bob")


@given(st.floats(0, 30 * 3600))
def test_it_ends_by_itself_and_never_comes_back(seconds: float) -> None:
    when = NOW + timedelta(seconds=seconds)
    assert (active([ONE], when) == {"A": ONE}) == (when < ONE.until)


def test_it_stands_while_the_clock_is_set_back_a_little_and_not_when_its_end_is_absurd() -> None:
    assert active([ONE], NOW - timedelta(minutes=10)) == {"A": ONE}
    assert active([ONE], NOW - timedelta(days=30)) == {}


def test_the_one_set_last_stands() -> None:
    later = replace(ONE, since=NOW + timedelta(minutes=1), setpoint_mw=60.0)
    assert active([later, ONE], NOW + timedelta(minutes=2)) == {"A": later}


def test_a_change_touches_its_own_resource_only() -> None:
    other = replace(ONE, resource_id="B")
    newer = replace(ONE, setpoint_mw=1.0)
    assert after((ONE, other), newer) == (other, newer)
    assert after((ONE, other), Cleared("A", "done", "bob", NOW)) == (other,)


def test_what_the_configuration_no_longer_allows_is_not_usable() -> None:
    hold = replace(ONE, setpoint_mw=None, directive=Directive.HOLD)
    gone = replace(ONE, resource_id="C")
    assert usable([ONE, hold, gone], {"A": Limits(pmax_mw=40.0)}) == (hold,)
    assert usable([ONE], RESOURCES) == (ONE,)


@pytest.mark.parametrize(("text", "seconds"), [("30m", 1800), ("1h30m", 5400), ("90s", 90), (" 2h ", 7200)])
def test_a_time_span_is_read(text: str, seconds: int) -> None:
    assert read_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "30", "m", "1d", "-5m", "30m1h", "1.5h", "٣m", "99999999h"])
def test_what_is_no_time_span_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="no time span"):
        read_duration(text)


def test_a_time_with_any_zone_is_the_same_instant_and_summer_time_plays_no_part() -> None:
    assert read_time("2026-11-01T01:30:00-07:00") == datetime(2026, 11, 1, 8, 30, tzinfo=UTC)
    assert read_time("2026-11-01T01:30:00-08:00") == datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
    pacific = datetime(2026, 7, 1, 6, 0, tzinfo=timezone(timedelta(hours=-7)))
    assert read(until=pacific.isoformat()).until == NOW + HOUR


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "2026-13-01T00:00Z", "x" * 100])
def test_an_impossible_time_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="no ISO 8601 time"):
        read_time(text)
