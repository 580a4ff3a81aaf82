"""What a notifier tells: by priority, event and resource, and never what follows from something else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from caiso_ads.core.alarm_kinds import AlarmState, Ident, What
from caiso_ads.errors import ConfigError
from tests.fakes import START
from tests.notify.rig import LINK, REFUSED, alarm, event, rules

MISMATCH = Ident("mismatch", "R1")


def test_priority_decides() -> None:
    told = {one: [rules(min_priority=one).wants(event(ident)) for ident in (LINK, REFUSED, MISMATCH)] for one in ("critical", "high", "medium")}  # fmt: skip
    assert told == {"critical": [True, False, False], "high": [True, True, False], "medium": [True, True, True]}


@pytest.mark.parametrize("what", What)
def test_each_event_is_told_where_it_is_asked_for(what: What) -> None:
    word = "shelved" if what is What.UNSHELVED else what.value
    others = tuple({"raised", "returned", "acknowledged", "shelved"} - {word})
    assert rules(events=others).wants(event(what=what)) is False
    if what is not What.SUPPRESSED:
        assert rules(events=(word,)).wants(event(what=what))


def test_what_follows_from_another_is_not_told() -> None:
    assert rules().wants(event(REFUSED))
    assert not rules().wants(event(REFUSED, root="link"))
    assert not rules().wants(event(REFUSED, What.RETURNED, root="link"))


def test_what_happens_to_a_shelved_alarm_is_not_told_but_the_shelving_is() -> None:
    until = START + timedelta(hours=1)
    every = rules(events=("raised", "returned", "shelved"))
    told = [every.wants(event(what=what, shelved_until=until)) for what in (What.RAISED, What.RETURNED, What.SHELVED)]
    assert told == [False, False, True]


def test_a_notifier_of_one_resource_hears_of_it_and_of_the_gateway() -> None:
    ours = rules(resources=("R1",))
    told = [
        ours.wants(event(ident)) for ident in (REFUSED, Ident("value_refused", "R2"), LINK, Ident("sink_failed", "x"))
    ]
    assert told == [True, False, True, True]


def test_the_test_alarm_goes_another_way() -> None:
    assert not rules().wants(event(Ident("test")))


def test_only_what_nobody_has_acknowledged_is_repeated() -> None:
    told = [state for state in AlarmState if rules().repeats(alarm(state=state))]
    assert told == [AlarmState.ACTIVE_UNACK]
    assert not rules(events=("returned",)).repeats(alarm())


@pytest.mark.parametrize(
    ("span", "quiet_at"),
    [(("22:00", "06:00"), {22, 23, 0, 5}), (("12:00", "13:00"), {12}), (("00:00", "23:00"), set(range(23)))],
)
def test_quiet_hours_are_pacific_and_may_go_over_midnight(span: tuple[str, str], quiet_at: set[int]) -> None:
    ours = rules(quiet_from=span[0], quiet_until=span[1])
    first = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)  # midnight PST
    found = {hour for hour in range(24) if ours.is_quiet(first + timedelta(hours=hour))}
    assert found & {0, 5, 6, 12, 13, 21, 22, 23} == quiet_at & {0, 5, 6, 12, 13, 21, 22, 23}
    assert not rules().is_quiet(first)


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"name": " "}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": 'a"b'}, "name"),
        ({"name": "duty\n"}, "name"),
        ({"name": "x" * 41}, "name"),
        ({"events": ()}, "events"),
        ({"quiet_from": "22:00"}, "quiet_from"),
        ({"quiet_until": "22:00"}, "quiet_until"),
        ({"quiet_from": "22:00", "quiet_until": "22:00"}, "quiet_until"),
        ({"quiet_from": "25:00", "quiet_until": "22:00"}, "quiet_from"),
        ({"quiet_from": "22:00", "quiet_until": "06:00+01:00"}, "quiet_until"),
    ],
)
def test_what_cannot_work_is_refused_by_its_key(keys: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        rules(**keys)
    assert caught.value.key == key
