from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import pytest

from caiso_ads.core.price import Market, Price
from caiso_ads.errors import LocalError, WireError
from caiso_ads.simulator.ca import Authority
from caiso_ads.simulator.faults import Fault
from caiso_ads.simulator.grid import INTERVAL
from caiso_ads.simulator.oasis_server import OasisSimulator
from caiso_ads.simulator.scenario import load
from caiso_ads.simulator.server import AdsSimulator
from caiso_ads.wire.oasis import answer, writing
from tests.simulator.bench import NOON, HandClock

NODE = "SUNRDG_7_N001"
QUERY = {
    "queryname": "PRC_CURR_LMP",
    "node": NODE,
    "startdatetime": "20130919T07:00-0000",
    "enddatetime": "20130919T07:00-0000",
    "version": "2",
}


class Caller:
    """Asks one simulator, moving its clock by the pace before each request."""

    def __init__(self, oasis: OasisSimulator, clock: HandClock, session: aiohttp.ClientSession) -> None:
        self.oasis, self.clock, self._session = oasis, clock, session

    async def get(self, pause_s: float = 6.0, **changes: str) -> tuple[aiohttp.ClientResponse, bytes]:
        self.clock.move(pause_s)
        async with self._session.get(f"{self.oasis.url}/SingleZip", params={**QUERY, **changes}) as reply:
            return reply, await reply.read()

    async def price(self, pause_s: float = 6.0) -> Price:
        reply, body = await self.get(pause_s)
        (price,) = answer.read_prices(body, Market.RTD, [NODE], reply.status).prices
        return price


@asynccontextmanager
async def calling(start: datetime = NOON, **options: Any) -> AsyncIterator[Caller]:
    clock = HandClock(start)
    async with OasisSimulator(clock=clock, nodes=30, **options) as oasis:
        context = ssl.create_default_context(cadata=oasis.authority.certificate_pem.decode())
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(connector=connector, trust_env=False) as session:
            yield Caller(oasis, clock, session)


async def test_a_price_comes_over_tls_without_a_client_certificate() -> None:
    async with calling() as caller:
        reply, body = await caller.get()
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/x-zip-compressed"
    assert reply.headers["Content-Disposition"].startswith("inline; filename=2026")
    assert reply.headers["Date"] == "Wed, 22 Jul 2026 19:01:06 GMT"
    assert answer.read_prices(body, Market.RTD, [NODE]).posted


async def test_the_authority_is_the_only_one_that_vouches_for_it() -> None:
    async with calling() as caller:
        context = ssl.create_default_context(cadata=Authority().certificate_pem.decode())
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(connector=connector, trust_env=False) as session:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await session.get(f"{caller.oasis.url}/SingleZip")


async def test_a_request_too_soon_gets_the_page_under_429() -> None:
    async with calling() as caller:
        await caller.get()
        reply, body = await caller.get(4.9)
        assert (reply.status, body) == (429, writing.THROTTLE_HTML)
        assert "Retry-After" not in reply.headers
        assert (await caller.get(0.2))[0].status == 200


async def test_plain_http_redirects_with_its_parameters() -> None:
    async with (
        calling(http_port=0) as caller,
        aiohttp.ClientSession(trust_env=False) as session,
        session.get(f"{caller.oasis.http_url}/SingleZip?node=A,B", allow_redirects=False) as reply,
    ):
        assert reply.status == 302
        assert reply.headers["Location"] == f"{caller.oasis.url}/SingleZip?node=A,B"
    assert caller.oasis.http_url.startswith("http://127.0.0.1:")


async def test_a_page_that_is_not_there_is_404() -> None:
    async with calling() as caller, caller._session.get(f"{caller.oasis.url}/Nothing") as reply:
        assert reply.status == 404


async def test_two_hundred_names_fit_into_a_request() -> None:
    async with calling() as caller:
        names = ",".join([NODE, *(f"VERYLONGNAME_OF_A_NODE_{n:03}_N001-APND" for n in range(199))])
        reply, body = await caller.get(node=names)
        assert [p.node for p in answer.read_prices(body, Market.RTD, None, reply.status).prices] == [NODE]


@pytest.mark.parametrize(("kind", "status"), [("html", 200), ("http-404", 404), ("http-500", 500), ("http-503", 503)])
async def test_faults_of_the_transport_are_those_of_the_dispatch_services(kind: str, status: int) -> None:
    async with calling() as caller:
        caller.oasis.faults.add(Fault(kind, "oasis"))
        reply, body = await caller.get()
        assert reply.status == status
        with pytest.raises(WireError):
            answer.read_prices(body, Market.RTD, [NODE], reply.status)
        assert (await caller.price()).node == NODE


@pytest.mark.parametrize("kind", ["reset", "cut"])
async def test_a_broken_answer_breaks_and_the_next_is_whole(kind: str) -> None:
    async with calling() as caller:
        caller.oasis.faults.add(Fault(kind, "PRC_CURR_LMP"))
        with pytest.raises((aiohttp.ClientError, ConnectionError)):
            await caller.get()
        assert (await caller.price()).node == NODE


async def test_a_dripped_answer_is_whole_in_the_end() -> None:
    async with calling() as caller:
        caller.oasis.faults.add(Fault("drip", "oasis", seconds=0.0))
        assert (await caller.price()).node == NODE


async def test_a_taken_port_is_named() -> None:
    async with calling() as caller:
        with pytest.raises(LocalError, match=str(caller.oasis.port)):
            await OasisSimulator(port=caller.oasis.port).start()


async def test_many_at_once_from_one_address_let_one_through() -> None:
    async with calling() as caller:
        caller.clock.move(6.0)
        replies = await asyncio.gather(*(caller.get(0.0) for _ in range(8)))
        assert sorted(reply.status for reply, _ in replies) == [200] + [429] * 7


async def test_beside_the_dispatch_services_it_is_one_iso() -> None:
    async with (
        AdsSimulator(clock=HandClock()) as ads,
        calling(authority=ads.authority, faults=ads.faults, fleet=ads.fleet) as caller,
    ):
        ads.faults.add(Fault("oasis-1010"))
        assert ads.faults.take("getDispatchBatch") is None
        _, body = await caller.get()
        assert b"INVALID_REQUEST.xml" in body
        ads.faults.add(Fault("html"))
        assert (await caller.price()).node == NODE
        assert ads.faults.take("getDispatchBatch") == Fault("html")


async def test_a_scenario_corrects_prices_at_its_time() -> None:
    async with calling(scenario=load("price-corrections")) as caller:
        hour = {
            "queryname": "PRC_INTVL_LMP", "market_run_id": "RTM", "version": "3",
            "startdatetime": "20260722T17:00-0000", "enddatetime": "20260722T17:30-0000",
        }  # fmt: skip
        first, second = [
            answer.read_prices((await caller.get(pause, **hour))[1], Market.RTD, [NODE]).prices for pause in (6, 120)
        ]
    moved = [round(b.lmp_usd_per_mwh - a.lmp_usd_per_mwh, 5) for a, b in zip(first, second, strict=True)]
    assert moved == [0.0, *[4.25] * 6]  # two hours before 19:03 is 17:03


@pytest.mark.parametrize(("story", "count"), [("dst-autumn-2025", 300), ("dst-spring-2026", 276)])
async def test_a_day_of_23_or_25_hours_is_polled_without_loss_or_duplicate(story: str, count: int) -> None:
    scenario = load(story)
    assert scenario.start is not None
    midnight = scenario.start
    seen: list[Price] = []
    async with calling(midnight - timedelta(minutes=6), scenario=scenario) as caller:
        while len(seen) < count or seen[-1].start < midnight + (count - 1) * INTERVAL:
            price = await caller.price(100.0)
            if not seen or seen[-1] != price:
                seen.append(price)
    starts = [price.start for price in seen if price.start >= midnight]
    assert starts == [midnight + n * INTERVAL for n in range(count)]
    assert starts[-1] + INTERVAL == midnight + timedelta(hours=count / 12)
