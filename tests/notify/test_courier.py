"""One notifier: nothing blocks it or is blocked by it, failures are tried again and told, a restart forgets nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from caiso_ads.core.alarm_kinds import AlarmState, Ident, What
from caiso_ads.errors import RemoteError
from caiso_ads.notify.letterbox import MOST
from tests.fakes import START
from tests.notify.rig import LINK, REFUSED, WORST, alarm, at_work, event


async def test_what_is_heard_goes_out_within_a_second_and_together() -> None:
    async with at_work() as desk:
        await desk.clock.advance(1)
        assert desk.serves()
        desk.courier.heard(event(LINK))
        desk.courier.heard(event(REFUSED))
        await desk.clock.advance(1)
        assert desk.way.told() == [["raised link", "raised value_refused:R1"]]
        await desk.clock.advance(60)
        assert len(desk.way.got) == 1
        assert desk.courier.counts() == {"sent": 1, "failed": 0, "given_up": 0, "waiting": 0}


async def test_a_message_of_a_simulator_says_test() -> None:
    async with at_work(environment="simulator") as desk:
        desk.courier.heard(event())
        await desk.clock.advance(1)
        assert desk.way.got[0].subject.startswith("TEST ")


async def test_a_failing_notifier_is_shown_as_failed_until_it_sends_and_loses_nothing() -> None:
    async with at_work() as desk:
        await desk.clock.advance(1)
        desk.way.fail = RemoteError("refused")
        desk.courier.heard(event(LINK))
        await desk.clock.advance(4)
        assert (desk.serves(), desk.failures) == (False, ["refused"])
        desk.courier.heard(event(LINK, What.RETURNED))
        await desk.clock.advance(60)
        assert not desk.serves()
        desk.way.fail = None
        await desk.clock.advance(300)
        assert desk.serves()
        assert desk.way.told() == [["raised link", "returned link"]]
        assert desk.outcomes() == ["failed", "sent"]


async def test_attempts_grow_rarer() -> None:
    async with at_work() as desk:
        desk.way.fail = RemoteError("refused")
        desk.courier.heard(event())
        await desk.clock.advance(3500)
        assert 12 <= len(desk.failures) <= 20


async def test_what_could_not_be_sent_for_too_long_is_given_up_and_said_to_be() -> None:
    async with at_work(give_up_min=10) as desk:
        desk.way.fail = RemoteError("refused")
        desk.courier.heard(event())
        await desk.clock.advance(1200)
        assert desk.outcomes() == ["failed", "given up"]
        assert desk.facts[-1].detail["alarms"] == ["link"]
        assert desk.courier.counts()["given_up"] == 1
        assert not desk.serves()
        desk.way.fail = None
        desk.courier.heard(event(REFUSED))
        await desk.clock.advance(300)
        assert desk.way.told() == [["raised value_refused:R1"]]
        assert desk.serves()


@pytest.mark.parametrize("problem", [OSError(111, "Connection refused"), ValueError("the password is hunter2")])
async def test_whatever_a_way_raises_is_a_failure_whose_text_holds_no_secret(problem: Exception) -> None:
    async with at_work() as desk:
        desk.way.fail = problem
        desk.courier.heard(event())
        await desk.clock.advance(2)
        assert desk.failures in (["Connection refused"], ["not sent: ValueError"])
        assert "hunter2" not in json.dumps([dict(fact.detail) for fact in desk.facts])


async def test_a_flood_is_a_few_messages_and_what_found_no_room_is_counted() -> None:
    async with at_work() as desk:
        for number in range(MOST + 50):
            desk.courier.heard(event(Ident("value_refused", f"R{number}")))
        await desk.clock.advance(1)
        (only,) = desk.way.got
        assert (len(only.items), only.left_out) == (MOST, 50)
        for number in range(600):
            desk.courier.heard(event(Ident("mismatch", f"R{number}")))
            await desk.clock.advance(1)
        assert len(desk.way.got) <= 1 + 5 + 5
        told = sum(len(one.items) + one.left_out for one in desk.way.got)
        assert told + desk.courier.counts()["waiting"] == MOST + 50 + 600


async def test_an_alarm_is_told_again_until_somebody_acknowledges_it() -> None:
    async with at_work(repeat_min=5) as desk:
        desk.standing.append(alarm())
        desk.courier.heard(event())
        await desk.clock.advance(299)
        assert desk.way.told() == [["raised link"]]
        await desk.clock.advance(600)
        assert desk.way.told() == [["raised link"], ["reminder link"], ["reminder link"]]
        desk.standing[0] = alarm(state=AlarmState.ACTIVE_ACK)
        await desk.clock.advance(900)
        assert len(desk.way.got) == 3


async def test_its_own_failure_it_does_not_tell() -> None:
    async with at_work() as desk:
        desk.courier.heard(event(Ident("sink_failed", "notify mail")))
        desk.courier.heard(event(Ident("sink_failed", "notify other")))
        await desk.clock.advance(2)
        assert desk.way.told() == [["raised sink_failed:notify other"]]


async def test_the_end_is_told_of_what_was_told_also_when_it_came_to_follow_from_another() -> None:
    async with at_work() as desk:
        desk.standing.append(alarm(REFUSED))
        desk.courier.heard(event(REFUSED))
        await desk.clock.advance(2)
        desk.courier.heard(event(REFUSED, What.RETURNED, root="link"))
        desk.courier.heard(event(Ident("value_refused", "R2"), What.RETURNED, root="link"))
        again = event(REFUSED, What.RETURNED, root="link")
        desk.courier.heard(replace(again, alarm=replace(again.alarm, raised_at=START + timedelta(hours=1))))
        await desk.clock.advance(2)
        assert desk.way.told() == [["raised value_refused:R1"], ["returned value_refused:R1"]]


# --- across a restart ------------------------------------------------------------------------------------------------


async def test_after_a_restart_what_stands_and_was_not_told_is_told_and_the_rest_is_not_told_again() -> None:
    async with at_work([alarm(LINK)]) as before:
        before.courier.heard(event(LINK))
        await before.clock.advance(2)
        before.courier.heard(event(REFUSED))  # and then it dies
        last = json.loads(json.dumps(before.facts[-1].detail))
    stands = [alarm(LINK), alarm(REFUSED), alarm(Ident("mismatch", "R1"), AlarmState.ACTIVE_ACK)]
    stands.append(alarm(Ident("conflict", "R1"), AlarmState.SUPPRESSED))
    async with at_work(stands, last) as after:
        await after.clock.advance(5)
        assert after.way.told() == [["raised value_refused:R1"]]


async def test_an_alarm_raised_again_since_is_another_one() -> None:
    later = START + timedelta(minutes=1)
    async with at_work([alarm(LINK, at=later)], {"told": {"link": START.isoformat()}}) as desk:
        await desk.clock.advance(2)
        assert desk.way.told() == [["raised link"]]


async def test_what_is_over_and_was_never_told_is_told_as_over() -> None:
    async with at_work([alarm(LINK, AlarmState.RETURNED_UNACK)]) as desk:
        await desk.clock.advance(2)
        assert desk.way.told() == [["returned link"]]


async def test_what_was_given_up_is_told_by_the_next_life() -> None:
    async with at_work([alarm(LINK)], give_up_min=1) as before:
        before.way.fail = RemoteError("refused")
        before.courier.heard(event(LINK))
        await before.clock.advance(300)
        last = json.loads(json.dumps(before.facts[-1].detail))
    assert last["outcome"] == "given up"
    async with at_work([alarm(LINK)], last) as after:
        await after.clock.advance(2)
        assert after.way.told() == [["raised link"]]


# --- the evidence and the test button --------------------------------------------------------------------------------


async def test_a_row_of_evidence_says_what_was_sent_and_is_plain() -> None:
    async with at_work() as desk:
        desk.courier.heard(replace(event(Ident("value_refused", WORST)), text=WORST))
        await desk.clock.advance(2)
        (row,) = desk.facts
        assert (row.kind, row.uid, row.detail["outcome"], row.detail["kind"]) == (
            "notify",
            "notify mail",
            "sent",
            "email",
        )
        assert row.text.isprintable()
        json.dumps([row.text, row.detail], ensure_ascii=False).encode()


async def test_the_test_goes_at_once_whatever_the_rules_say() -> None:
    async with at_work(min_priority="critical", quiet_from="00:00", quiet_until="23:59", most_per_hour=1) as desk:
        assert [await desk.courier.try_out("ann") for _ in range(3)] == ["sent"] * 3
        assert [one.is_real for one in desk.way.got] == [False] * 3
        desk.way.fail = RemoteError("refused")
        assert await desk.courier.try_out("ann") == "failed: refused"
        assert desk.outcomes() == ["sent", "sent", "sent", "failed"]
