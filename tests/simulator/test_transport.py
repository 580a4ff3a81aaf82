from __future__ import annotations

import asyncio

import aiohttp
import pytest

from caiso_ads.simulator.faults import Fault
from caiso_ads.simulator.fleet import OPERATOR
from tests.simulator.caller import calling, client_context, envelope, serving

STATUS = "getBatchStatus"


@pytest.mark.parametrize(
    ("kind", "status", "content_type"),
    [
        ("http-500", 500, "text/plain"),
        ("http-503", 503, "text/plain"),
        ("html", 200, "text/html"),
        ("redirect", 302, "text/plain"),
        ("soap-fault", 500, "text/xml"),
    ],
)
async def test_plain_faults_have_their_status_and_type_and_pass(kind: str, status: int, content_type: str) -> None:
    async with serving() as ads, calling(ads) as caller:
        ads.faults.add(Fault(kind))
        broken = await caller.since()
        assert (broken.status, broken.content_type) == (status, content_type)
        assert (await caller.since()).uids()
    assert [record.fault for record in ads.ledger.of("getDispatchBatchesSinceUID")] == [kind, ""]


async def test_retry_after_is_the_faults_seconds() -> None:
    async with serving() as ads, calling(ads) as caller:
        ads.faults.add(Fault("http-503", seconds=17))
        async with caller._session.post(ads.url, data=envelope(STATUS, {"batchUID": "x"})) as answer:
            assert answer.headers["Retry-After"] == "17"


async def test_every_answer_carries_the_markets_time() -> None:
    async with serving() as ads, calling(ads) as caller:
        for kind in ("", "http-500", "drip", "late"):
            if kind:
                ads.faults.add(Fault(kind, seconds=0.0))
            async with caller._session.post(ads.url, data=envelope("isNewTrajData", {"batchUID": "-1"})) as answer:
                assert answer.headers["Date"] == "Wed, 22 Jul 2026 19:01:00 GMT"


async def test_a_cut_body_is_shorter_than_its_length() -> None:
    async with serving() as ads, calling(ads) as caller:
        ads.faults.add(Fault("cut"))
        with pytest.raises(aiohttp.ClientPayloadError):
            await caller.since()


async def test_a_reset_breaks_the_connection_in_the_body() -> None:
    async with serving() as ads, calling(ads) as caller:
        ads.faults.add(Fault("reset"))
        with pytest.raises((aiohttp.ClientError, ConnectionError)):
            await caller.since()
        assert (await caller.since()).status == 200


async def test_a_hanging_call_never_answers_and_does_not_hold_up_the_stop() -> None:
    async with serving() as ads, calling(ads) as caller:
        ads.faults.add(Fault("hang"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(caller.since(), 0.2)
        ads.faults.add(Fault("hang"))
        pending = asyncio.ensure_future(caller.since())
        await asyncio.sleep(0.05)
        await ads.stop()
        with pytest.raises(aiohttp.ClientError):
            await pending


async def test_a_dripping_answer_comes_byte_by_byte() -> None:
    async with serving() as ads:
        ads.faults.add(Fault("drip", seconds=3600))
        context = client_context(ads, ads.authority.client(OPERATOR))
        reader, writer = await asyncio.open_connection(ads.host, ads.port, ssl=context, server_hostname="localhost")
        body = envelope("isNewTrajData", {"batchUID": "-1"})
        head = f"POST /ADS/APIWebService/v8 HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(1) == b"<"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.2)
        writer.transport.abort()


async def test_a_dripped_answer_is_whole_in_the_end() -> None:
    async with serving() as ads, calling(ads) as caller:
        ads.faults.add(Fault("drip", seconds=0.0))
        assert (await caller.call("isNewTrajData", batchUID="-1")).result == "true"


async def test_a_late_answer_is_whole() -> None:
    async with serving() as ads, calling(ads) as caller:
        ads.faults.add(Fault("late", seconds=0.01))
        assert (await caller.call("isNewTrajData", batchUID="-1")).result == "true"
        assert ads.ledger.of("isNewTrajData")[0].fault == "late"
