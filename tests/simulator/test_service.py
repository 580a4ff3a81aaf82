from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from caiso_ads.core.codes import BatchType
from caiso_ads.simulator.fleet import BACKUP, OPERATOR, VIEWER
from caiso_ads.simulator.switches import Switches
from tests.simulator.bench import HandClock
from tests.simulator.caller import calling, serving

OPEN = datetime(2026, 7, 22, 19, 58, tzinfo=UTC)


async def test_the_list_is_strictly_after_the_uid_in_order_of_arrival() -> None:
    async with serving() as ads, calling(ads) as caller:
        everything = (await caller.since()).uids()
        assert (await caller.since(everything[100])).uids() == everything[101:]
        assert (await caller.since(everything[-1])).uids() == []


async def test_new_batches_appear_as_time_passes() -> None:
    clock = HandClock()
    async with serving(clock=clock) as ads, calling(ads) as caller:
        last = (await caller.since()).uids()[-1]
        clock.move(900)
        new = (await caller.since(last)).uids()
    assert len(new) >= 4
    assert last not in new


async def test_the_list_holds_headers_without_instructions() -> None:
    async with serving() as ads, calling(ads) as caller:
        document = (await caller.since()).document
    assert document.tag.endswith("APIDispatchResponse")
    assert document.xpath("//*[local-name()='instruction']") == []


async def test_header_and_status_follow_a_change_and_the_list_does_not() -> None:
    async with serving() as ads, calling(ads) as caller:
        last = (await caller.since()).uids()[-1]
        entry = ads.market.newest()
        assert entry is not None
        ads.market.cancel(entry.uid)
        assert (await caller.call("getBatchStatus", batchUID=entry.uid)).result == "4"
        header = (await caller.call("getBatchHeader", batchUID=entry.uid)).document
        assert header.xpath("string(//*[local-name()='revisionNo'])") == "1"
        batch = (await caller.call("getDispatchBatch", batchUID=entry.uid)).document
        assert set(batch.xpath("//*[local-name()='statusCode']/text()")) == {"4"}
        assert (await caller.since(last)).uids() == []


async def test_an_expired_uid_is_an_unknown_one() -> None:
    clock = HandClock()
    for choice in ("full", "empty", "fault"):
        async with (
            serving(clock=clock, switches=Switches().with_value("unknown_uid", choice)) as ads,
            calling(ads) as caller,
        ):
            first = (await caller.since()).uids()[0]
            clock.move(3600)
            reply = await caller.since(first)
            if choice == "fault":
                assert reply.status == 500
            else:
                assert (len(reply.uids()) > 700) == (choice == "full")


@pytest.mark.parametrize("operation", ["getDispatchBatch", "getBatchHeader", "getBatchStatus", "validateDispatchBatch"])
@pytest.mark.parametrize("uid", ["DISP-0", "TRAJ-0", "../../etc/passwd"])
async def test_unknown_and_trajectory_uids_are_faults_for_dispatch_calls(operation: str, uid: str) -> None:
    async with serving() as ads, calling(ads) as caller:
        reply = await caller.call(operation, batchUID=uid)
    assert reply.status == 500
    assert uid in reply.fault


async def test_uids_of_the_other_stream_are_refused_both_ways_unless_switched() -> None:
    async with serving() as ads, calling(ads) as caller:
        trajectory, dispatch = ads.ledger.issued("TRAJ-")[-1], ads.ledger.issued("DISP-")[-1]
        assert (await caller.since(trajectory)).status == 500
        assert (await caller.call("getTrajectoryData", batchUID=dispatch)).status == 500
        assert (await caller.call("isNewTrajData", batchUID=dispatch)).status == 500
    async with serving(switches=Switches(mixed_uid="unknown")) as ads, calling(ads) as caller:
        assert len((await caller.since(trajectory)).uids()) > 700


async def test_unknown_validation_may_be_silent() -> None:
    async with serving(switches=Switches(unknown_validate="silent")) as ads, calling(ads) as caller:
        assert (await caller.call("validateDispatchBatch", batchUID="DISP-0")).status == 200
        assert (await caller.call("validateDispatchBatch", batchUID="TRAJ-0")).status == 500


async def test_trajectories_are_told_once_and_the_flag_says_when() -> None:
    clock = HandClock()
    async with serving(clock=clock) as ads, calling(ads) as caller:
        uids = (await caller.call("getTrajectoryData", batchUID="-1")).uids()
        assert len(uids) > 280
        assert (await caller.call("isNewTrajData", batchUID=uids[-1])).result == "false"
        clock.move(600)
        assert (await caller.call("isNewTrajData", batchUID=uids[-1])).result == "true"
        assert len((await caller.call("getTrajectoryData", batchUID=uids[-1])).uids()) in {1, 2, 3}


async def test_validation_is_shown_when_read_again() -> None:
    async with serving() as ads:
        entry = ads.market.newest()
        assert entry is not None
        seen = []
        for name in (VIEWER, BACKUP, OPERATOR):
            async with calling(ads, name) as caller:
                reply = await caller.call("validateDispatchBatch", batchUID=f" {entry.uid} ")
                assert (reply.status, reply.result) == (200, None)
                batch = (await caller.call("getDispatchBatch", batchUID=entry.uid)).document
                seen.append(set(batch.xpath("//*[local-name()='apiValidatedBy']/text()")))
    assert seen == [set(), set(), {OPERATOR}]


async def test_answers_over_the_wire_change_the_instruction() -> None:
    async with serving(clock=HandClock(OPEN)) as ads, calling(ads) as caller:
        entry = ads.market.newest(BatchType.HOURLY_PRE_DISPATCH)
        assert entry is not None
        document = (await caller.call("getDispatchBatch", batchUID=entry.uid)).document
        uid = document.xpath("//@instructionUID")[0].strip()
        codes = [
            (await caller.call("acceptInstruction", batchUID=entry.uid, instructionUID=uid)).result,
            (
                await caller.call(
                    "partialAcceptInstruction", batchUID=entry.uid, instructionUID=uid, acceptDOT="1.5E0", reasonCode=11
                )
            ).result,
            (await caller.call("declineInstruction", batchUID=entry.uid, instructionUID=uid, reasonCode=15)).result,
        ]
        after = (await caller.call("getDispatchBatch", batchUID=entry.uid)).document
    assert codes == ["0", "0", "1"]
    assert after.xpath("string(//*[local-name()='acceptStatus'])") == "PARTIAL"
    assert float(after.xpath("string(//*[local-name()='acceptDot'])")) == 1.5


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("declineInstruction", {"batchUID": "a", "instructionUID": "b", "reasonCode": "eleven"}),
        ("declineInstruction", {"batchUID": "a", "instructionUID": "b"}),
        ("partialAcceptInstruction", {"batchUID": "a", "instructionUID": "b", "acceptDOT": "1u5", "reasonCode": 11}),
        ("acceptInstruction", {"batchUID": "a"}),
        ("getBatchStatus", {}),
        ("submitMSSLFRequest", {"request": "<nonsense"}),
    ],
)
async def test_unreadable_arguments_are_faults(operation: str, arguments: dict[str, Any]) -> None:
    async with serving() as ads, calling(ads) as caller:
        assert (await caller.call(operation, **arguments)).status == 500
