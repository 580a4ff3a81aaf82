from __future__ import annotations

from caiso_ads.core.alarm_catalogue import CATALOGUE
from caiso_ads.core.alarm_view import alarm_values, kind_values, summary
from tests.alarming import LOST, REFUSED, Run, shot


def test_an_alarm_is_told_whole_and_what_there_is_none_of_is_none() -> None:
    run = Run()
    run.last(100, shot(reasons=LOST))
    link, child = (alarm_values(alarm) for alarm in run.book.alarms())
    assert (link["id"], link["resource_id"], link["priority"], link["state"]) == (
        "link",
        None,
        "critical",
        "active_unack",
    )
    assert link["children"] == ["schedule_over:R1"]
    assert link["raised_at"] == "2026-07-01T12:00:31Z"
    assert (link["shelved_until"], link["by"], link["note"]) == (None, None, None)
    assert (child["resource_id"], child["root"]) == ("R1", "link")


def test_the_summary_counts_what_people_should_look_at() -> None:
    run = Run()
    assert summary(run.book.alarms()) == {"active": 0, "unacknowledged": 0, "highest": None}
    run.last(100, shot(reasons=LOST))
    assert summary(run.book.alarms()) == {"active": 1, "unacknowledged": 1, "highest": "critical"}
    run.book.acknowledge_all("ann", "", run.now)
    run.last(20, shot(reasons=REFUSED))
    run.last(20, shot())
    assert summary(run.book.alarms()) == {"active": 0, "unacknowledged": 1, "highest": "high"}


def test_each_kind_is_told() -> None:
    assert [kind_values(kind)["key"] for kind in CATALOGUE] == [kind.key for kind in CATALOGUE]
