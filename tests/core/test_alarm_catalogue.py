"""The catalogue is one table that cannot contradict itself."""

from __future__ import annotations

from caiso_ads.core.alarm_catalogue import BY_KEY, CATALOGUE
from caiso_ads.core.alarm_kinds import AlarmKind, Scope
from caiso_ads.core.alarm_reading import words
from tests.alarming import shot


def test_each_key_stands_once_and_each_root_stands_before_what_follows_from_it() -> None:
    assert len(BY_KEY) == len(CATALOGUE)
    seen: set[str] = set()
    for kind in CATALOGUE:
        assert set(kind.roots) <= seen, kind.key
        seen.add(kind.key)


def test_each_alarm_says_its_cause_its_consequence_and_what_to_do() -> None:
    for kind in CATALOGUE:
        assert all(text and not text.endswith(".") for text in (kind.cause, kind.consequence, kind.action)), kind.key


def test_each_text_can_be_made_and_names_its_subject() -> None:
    for kind in CATALOGUE:
        for begins in (True, False):
            said = words(kind, "R1", shot(), begins=begins)
            assert "{" not in said
            own = kind.scope in (Scope.GATEWAY, Scope.RESOURCE)
            assert own or "R1" in said, kind.key


def test_no_cause_is_more_than_five_steps_away() -> None:
    def levels(kind: AlarmKind) -> int:
        return 1 + max((levels(BY_KEY[root]) for root in kind.roots), default=0)

    assert max(map(levels, CATALOGUE)) <= 5
