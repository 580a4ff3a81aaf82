from __future__ import annotations

import base64
import gzip
import zlib
from hashlib import sha256

import pytest

from caiso_ads.simulator.faults import Fault
from caiso_ads.simulator.fleet import OPERATOR
from caiso_ads.simulator.switches import Switches
from tests.simulator.caller import calling, serving

SINCE = "getDispatchBatchesSinceUID"


async def test_the_ledger_holds_what_was_served() -> None:
    async with serving() as ads, calling(ads) as caller:
        uid = (await caller.since()).uids()[-1]
        served = (await caller.call("getDispatchBatch", batchUID=uid)).result
    record = ads.ledger.of("getDispatchBatch")[0]
    assert served is not None
    assert record.payload == served
    assert record.digest == sha256(served.encode()).hexdigest()
    assert (record.uid, record.common_name, record.fault) == (uid, OPERATOR, "")


async def test_arguments_and_results_of_answers_are_in_the_ledger() -> None:
    async with serving() as ads, calling(ads) as caller:
        await caller.call("declineInstruction", batchUID="DISP-0", instructionUID="DISP-0-I1", reasonCode=11)
        await caller.call("isNewTrajData", batchUID="-1")
    record = ads.ledger.of("declineInstruction")[0]
    assert (record.uid, record.arguments, record.result) == ("DISP-0", ("DISP-0-I1", "11"), "3")
    assert ads.ledger.of("isNewTrajData")[0].result == "true"


async def test_a_refused_call_is_in_the_ledger_as_a_fault() -> None:
    async with serving() as ads, calling(ads) as caller:
        await caller.call("validateDispatchBatch", batchUID="DISP-0")
    assert [r.fault for r in ads.ledger.of("validateDispatchBatch")] == ["soap-fault"]


async def test_duplicate_lists_every_batch_twice() -> None:
    async with serving() as ads, calling(ads) as caller:
        ads.faults.add(Fault("duplicate"))
        uids = (await caller.since()).uids()
    assert uids[::2] == uids[1::2]
    assert len(set(uids)) * 2 == len(uids)


async def test_empty_has_no_content() -> None:
    async with serving() as ads, calling(ads) as caller:
        ads.faults.add(Fault("empty", times=3))
        assert (await caller.since()).uids() == []
        assert (await caller.call("getTrajectoryData", batchUID="-1")).uids() == []
        entry = ads.market.newest()
        assert entry is not None
        batch = (await caller.call("getDispatchBatch", batchUID=entry.uid)).document
    assert batch.xpath("//*[local-name()='instruction']") == []


async def test_no_result_has_no_result_element() -> None:
    async with serving() as ads, calling(ads) as caller:
        ads.faults.add(Fault("no-result"))
        reply = await caller.since()
    assert reply.status == 200
    assert reply.result is None


async def test_truncated_base64_cannot_be_decoded() -> None:
    async with serving() as ads, calling(ads) as caller:
        ads.faults.add(Fault("truncated-base64"))
        text = (await caller.call("getTrajectoryData", batchUID="-1")).result
    assert text
    with pytest.raises(ValueError, match="base64"):
        base64.b64decode(text)


async def test_bad_gzip_fails_its_checksum_only() -> None:
    async with serving() as ads, calling(ads) as caller:
        ads.faults.add(Fault("bad-gzip"))
        text = (await caller.call("getTrajectoryData", batchUID="-1")).result
    assert text
    data = base64.b64decode(text)
    with pytest.raises((gzip.BadGzipFile, zlib.error)):
        gzip.decompress(data)
    assert b"APITrajectoryResponse" in zlib.decompressobj(-15).decompress(data[10:])


async def test_unknown_uid_answers_as_the_switch_says() -> None:
    for choice, count in (("full", 700), ("empty", 0)):
        async with serving(switches=Switches().with_value("unknown_uid", choice)) as ads, calling(ads) as caller:
            last = (await caller.since()).uids()[-1]
            ads.faults.add(Fault("unknown-uid"))
            found = (await caller.since(last)).uids()
            assert (len(found) > 0) == (count > 0)
            assert len(found) >= count


async def test_unknown_batch_type_is_99() -> None:
    async with serving() as ads, calling(ads) as caller:
        ads.faults.add(Fault("unknown-batch-type"))
        document = (await caller.since()).document
    assert set(document.xpath("//*[local-name()='batchType']/text()")) == {"99"}


async def test_wrong_answer_answers_another_operation() -> None:
    async with serving() as ads, calling(ads) as caller:
        ads.faults.add(Fault("wrong-answer", times=2))
        first = await caller.since()
        second = await caller.call("getBatchStatus", batchUID=ads.ledger.issued()[-1])
    assert b"getBatchStatusResponse" in first.body
    assert b"isNewTrajDataResponse" in second.body


@pytest.mark.parametrize(
    ("switch", "value", "shows"),
    [
        ("result_form", "cdata", b"<![CDATA["),
        ("result_form", "inline", b"<result><"),
        ("fault_status", "200", b""),
        ("payload_namespace", "http://ads.caiso.com/api/schema/v6", b"http://ads.caiso.com/api/schema/v6"),
        ("time_format", "offset7", b".0000000"),
        ("stray_spaces", "yes", b'batchUID=" '),
    ],
)
async def test_the_form_of_documents_follows_its_switch(switch: str, value: str, shows: bytes) -> None:
    async with serving(switches=Switches().with_value(switch, value)) as ads, calling(ads) as caller:
        reply = await caller.since()
    assert shows in reply.body.replace(b"&quot;", b'"')
    assert reply.status == 200


async def test_wrapped_base64_has_lines() -> None:
    async with serving(switches=Switches(wrapped_base64=True)) as ads, calling(ads) as caller:
        reply = await caller.call("getTrajectoryData", batchUID="-1")
    assert "\n" in (reply.result or "").strip()
    assert len(reply.uids()) > 200


async def test_extra_elements_are_in_the_documents() -> None:
    plain: list[str] = []
    extra: list[str] = []
    for chosen, names in ((False, plain), (True, extra)):
        async with serving(switches=Switches(extra_elements=chosen)) as ads, calling(ads) as caller:
            document = (await caller.since()).document
            names += [element.tag.split("}")[-1] for element in document.iter()]
    assert set(plain) < set(extra)


async def test_a_fault_may_have_status_200() -> None:
    async with serving(switches=Switches(fault_status=200)) as ads, calling(ads) as caller:
        reply = await caller.call("getBatchStatus", batchUID="DISP-0")
    assert reply.status == 200
    assert reply.fault
