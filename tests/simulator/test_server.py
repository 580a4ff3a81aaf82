from __future__ import annotations

import asyncio
import logging
import ssl

import aiohttp
import pytest

from caiso_ads.errors import LocalError
from caiso_ads.simulator.ca import Authority, Validity
from caiso_ads.simulator.fleet import COMPETITOR, OPERATOR
from caiso_ads.simulator.server import AdsSimulator
from caiso_ads.simulator.switches import Switches
from caiso_ads.wire.operations import VERSIONS
from tests.simulator.bench import HandClock
from tests.simulator.caller import Caller, calling, client_context, envelope, serving


async def test_a_day_of_history_is_served_at_the_first_call() -> None:
    async with serving() as ads, calling(ads) as caller:
        reply = await caller.since()
    assert reply.status == 200
    assert reply.content_type == "text/xml"
    assert reply.uids() == ads.ledger.issued("DISP-")[-len(reply.uids()) :]
    assert 770 <= len(reply.uids()) <= 840


async def test_the_reply_has_the_shape_of_captured_ones() -> None:
    async with serving() as ads, calling(ads) as caller:
        reply = await caller.since()
    assert b"<SOAP-ENV:Header/>" in reply.body
    wrapper = reply.root.xpath("//*[local-name()='Body']/*")[0]
    namespace = VERSIONS["v8"].dispatch_namespace
    assert wrapper.tag == f"{{{namespace}}}getDispatchBatchesSinceUIDResponse"
    assert wrapper[0].tag == "result"
    assert not wrapper[0].attrib


@pytest.mark.parametrize(
    "path",
    [
        "/ADS/APIWebService/v7",
        "/ADS/APIWebService/v8",
        "/ADS/APIWebService/APIWebService_v8.wsdl",
        "/ADS/APIWebService/APIWebService_v7.wsdl",
    ],
)
async def test_every_documented_path_answers_and_describes_itself(path: str) -> None:
    async with serving() as ads, calling(ads) as caller:
        version = "v7" if "v7" in path else "v8"
        answer = await caller.post(path, envelope("isNewTrajData", {"batchUID": "-1"}, version))
        page = await caller.get(path + "?WSDL")
    assert answer.result == "true"
    assert page.root.get("targetNamespace") == VERSIONS[version].dispatch_namespace


async def test_a_path_without_wsdl_says_how_to_use_it() -> None:
    async with serving() as ads, calling(ads) as caller:
        assert (await caller.get("/ADS/APIWebService/v8")).status == 405
        assert (await caller.get("/ADS/APIWebService/v9?WSDL")).status == 404


async def test_no_client_certificate_is_refused_in_the_handshake() -> None:
    async with serving() as ads:
        context = client_context(ads, None)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
            with pytest.raises((aiohttp.ClientError, ssl.SSLError)):
                await Caller(ads, session).since()
    assert ads.ledger.of("getDispatchBatchesSinceUID") == []


async def test_foreign_and_expired_client_certificates_are_refused() -> None:
    async with serving() as ads:
        expired = ads.authority.client(OPERATOR, validity=Validity.expired())
        for pair in (Authority().client(OPERATOR), expired):
            async with calling(ads, pair=pair) as caller:
                with pytest.raises((aiohttp.ClientError, ssl.SSLError)):
                    await caller.since()
    assert ads.ledger.of("getDispatchBatchesSinceUID") == []


async def test_tls_below_1_2_is_refused() -> None:
    async with serving() as ads:
        context = client_context(ads, ads.authority.client(OPERATOR))
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.minimum_version = ssl.TLSVersion.TLSv1_1
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await asyncio.open_connection(ads.host, ads.port, ssl=context, server_hostname="localhost")


@pytest.mark.parametrize(
    ("choice", "status", "says"), [("forbidden", 403, b"not registered"), ("fault", 500, b"faultstring")]
)
async def test_a_stranger_is_treated_as_the_switch_says(choice: str, status: int, says: bytes) -> None:
    async with serving(switches=Switches().with_value("stranger", choice)) as ads, calling(ads, "Nobodyx1") as caller:
        reply = await caller.since()
    assert reply.status == status
    assert says in reply.body


async def test_a_stranger_may_see_headers_only() -> None:
    async with serving(switches=Switches(stranger="empty")) as ads, calling(ads, "Nobodyx1") as caller:
        uid = (await caller.since()).uids()[-1]
        batch = (await caller.call("getDispatchBatch", batchUID=uid)).document
    assert batch.xpath("//*[local-name()='instruction']") == []


async def test_the_certificate_decides_who_is_asking() -> None:
    async with serving() as ads:
        entry = ads.market.newest()
        assert entry is not None
        seen = {}
        for name in (OPERATOR, COMPETITOR):
            async with calling(ads, name) as caller:
                batch = (await caller.call("getDispatchBatch", batchUID=entry.uid)).document
                seen[name] = set(batch.xpath("//*[local-name()='resourceId']/text()"))
    assert seen[OPERATOR] == {r.resource_id for r in ads.fleet.visible_to(OPERATOR)}
    assert seen[COMPETITOR] == {r.resource_id for r in ads.fleet.visible_to(COMPETITOR)}
    assert [record.common_name for record in ads.ledger.of("getDispatchBatch")] == [OPERATOR, COMPETITOR]


async def test_a_taken_port_is_named() -> None:
    async with serving() as ads:
        second = AdsSimulator(clock=HandClock(), port=ads.port)
        with pytest.raises(LocalError, match=str(ads.port)):
            await second.start()


async def test_addresses_are_ready_to_use() -> None:
    async with serving() as ads:
        assert ads.url == f"https://127.0.0.1:{ads.port}/ADS/APIWebService/v8"
        assert ads.response_url == f"https://127.0.0.1:{ads.port}/ADS/APIResponseWebService/v8"


async def test_nothing_of_a_request_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with serving() as ads, calling(ads) as caller:
            await caller.since("DISP-SECRET-UID")
    assert "SECRET" not in caplog.text
    assert "PRIVATE KEY" not in caplog.text


async def test_random_bytes_get_a_fault_and_leave_the_server_alive() -> None:
    async with serving() as ads, calling(ads) as caller:
        for body in (
            b"",
            b"\x00\xff",
            b"<a>",
            b"<a/>",
            envelope("dropAllBatches", {}),
            envelope("acceptInstruction", {}),
        ):
            reply = await caller.post("/ADS/APIWebService/v8", body)
            assert (reply.status, bool(reply.fault)) == (500, True)
        assert (await caller.since()).status == 200
