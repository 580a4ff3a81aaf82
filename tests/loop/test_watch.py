"""The alarms as the loop logs them, on fakes; when they begin and end is tested in core."""

from __future__ import annotations

import logging

import pytest

from caiso_ads.core.alarm_kinds import AlarmState
from caiso_ads.core.events import Notice
from caiso_ads.core.quality import Directive
from caiso_ads.errors import UnreachableError, WireError
from tests.fakes import batch, trajectory
from tests.rig import FLAT, Rig


def notices(rig: Rig) -> Notice:
    value = rig.gateway.feed.latest.value("R1", "notices").value
    assert isinstance(value, int)
    return Notice(value)


async def live(rig: Rig, seconds: int, *, poll: bool = True) -> None:
    """Poll each ten seconds, tick each second."""
    for second in range(seconds):
        if poll and second % 10 == 0:
            await rig.gateway.poll_once()
        await rig.clock.advance(1.0)
        rig.gateway.tick()


async def test_intervals_without_a_target_are_a_number_a_notice_and_one_line_and_their_end_another(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig()
    rig.source.trajectories = [trajectory("T", FLAT)]
    rig.source.batches = [batch("A", dots={"R1": 5.0})]
    for number in range(5):  # the market goes on for others: else its silence is the one cause
        await live(rig, 280)
        rig.source.batches.append(batch(f"X{number}", dots={"OTHER": 1.0}, start=rig.clock.now().wall))
    assert rig.gateway.feed.latest.value("R1", "missed_intervals").value == 4
    assert notices(rig) & Notice.INTERVALS_MISSING
    rig.source.batches.append(batch("B", dots={"R1": 5.0}, start=rig.clock.now().wall))
    await live(rig, 100)
    assert rig.gateway.feed.latest.value("R1", "missed_intervals").value == 0
    assert not notices(rig) & Notice.INTERVALS_MISSING
    lines = [(r.levelno, r.getMessage()) for r in caplog.records if r.name == "caiso_ads.alarm"]
    assert [line for line in lines if "target" in line[1]] == [
        (logging.ERROR, "R1: no target for 2 intervals in a row"),
        (logging.WARNING, "R1: targets arrive again"),
    ]


async def test_the_count_goes_on_while_the_link_is_down_and_is_told_as_what_follows_from_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "caiso_ads.alarm")
    rig = Rig()
    rig.source.trajectories = [trajectory("T", FLAT)]
    rig.source.batches = [batch("A", dots={"R1": 5.0})]
    await live(rig, 10)
    rig.source.fail["trajectories"] = rig.source.fail["is_new"] = UnreachableError("no route")
    await live(rig, 1100)
    assert rig.gateway.feed.latest.value("R1", "missed_intervals").value == 3
    lines = [(r.levelno, r.getMessage()) for r in caplog.records if "2 intervals in a row" in r.getMessage()]
    assert lines == [(logging.INFO, "R1: no target for 2 intervals in a row (follows from: link)")]


@pytest.mark.parametrize("later", [False, True])
async def test_a_restart_does_not_forget_an_unreadable_batch(*, later: bool) -> None:
    first = Rig()
    first.source.trajectories = [trajectory("T", FLAT)]
    first.source.batches, first.source.bodies = [batch("A"), batch("B")], {"B": WireError("odd")}
    await live(first, 20)
    if later:
        first.source.batches.append(batch("C"))
        await live(first, 20)
    second = Rig(store=first.store)
    second.source.trajectories = first.source.trajectories
    second.source.batches = [one for one in first.source.batches if one != batch("B")]  # the ISO lists B no more
    second.source._after = lambda items, uid: ()  # type: ignore[method-assign]  # nor anything new
    await second.clock.advance(60.0)
    await second.gateway.restore()
    await second.gateway.poll_once()
    assert second.directive() is (Directive.FOLLOW if later else Directive.HOLD)
    assert second.gateway.feed.latest.gateway_value("unreadable_batches").value == 0


async def test_row_201_a_silent_market_is_one_line_for_all(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    rig.source.trajectories = [trajectory("T", FLAT)]
    rig.source.batches = [batch("M")]
    await live(rig, 500)
    assert [r.getMessage() for r in caplog.records if "market silent" in r.getMessage()] == [
        "market silent: no new 5-minute batch comes"
    ]


async def test_each_change_is_told_to_who_listens_in_order_and_once_when_all_are_told() -> None:
    rig = Rig()
    heard: list[str] = []
    rig.gateway.alarms.on_change.append(lambda event: heard.append(f"{event.what.value} {event.alarm.ident.text}"))
    rig.gateway.alarms.on_settled.append(lambda: heard.append("settled"))
    rig.source.fail["trajectories"] = rig.source.fail["is_new"] = UnreachableError("no route")
    await live(rig, 40)
    assert heard == ["raised link", "settled"]
    assert rig.gateway.feed.latest.gateway_value("alarms_active").value == 1
    assert rig.gateway.feed.latest.gateway_value("alarms_unacknowledged").value == 1


def test_before_anybody_looked_the_number_of_alarms_is_not_known() -> None:
    rig = Rig()
    assert rig.gateway.feed.latest.gateway_value("alarms_active").value is None
    rig.gateway.tick()
    rig.gateway.tick()
    assert rig.gateway.feed.latest.gateway_value("alarms_active").value == 0


async def test_an_alarm_of_the_store_is_raised_and_over_when_it_writes_again() -> None:
    rig = Rig()
    rig.source.trajectories, rig.source.batches = [trajectory("T", FLAT)], [batch("A", dots={"R1": 5.0})]
    rig.store.broken = True
    await live(rig, 20)
    assert [alarm.ident.text for alarm in rig.gateway.alarms.alarms()] == ["store"]
    rig.store.broken = False
    await live(rig, 40)
    (store,) = (alarm for alarm in rig.gateway.alarms.alarms() if alarm.ident.key == "store")
    assert store.state is AlarmState.RETURNED_UNACK
