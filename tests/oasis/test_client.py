from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from caiso_ads.core.price import AffectedHour, Market, NodeInfo, Price
from caiso_ads.errors import ConfigError, HttpStatusError, OasisError, ThrottledError, WireError
from caiso_ads.oasis.client import OasisClient
from caiso_ads.oasis.pacer import Pacer
from caiso_ads.oasis.plan import ALL
from caiso_ads.wire.oasis.reports import CURRENT, HISTORY
from caiso_ads.wire.oasis.writing import THROTTLE_HTML, catalogue_zip, corrections_zip, empty_zip
from tests.oasis.server import MADE, Asked, Authority, Service, body, prices, refusal, serving
from tests.price_fakes import NOW, HurriedClock

RTD = HISTORY[Market.RTD]
FIVE, HOUR = timedelta(minutes=5), timedelta(hours=1)


@asynccontextmanager
async def client(
    authority: Authority, tmp_path: Path, script: Callable[[Asked], web.Response], **options: int
) -> AsyncIterator[tuple[OasisClient, Service, HurriedClock]]:
    clock = HurriedClock()
    pacer = Pacer(tmp_path / "pace", clock, jitter=lambda: 0.0)
    async with serving(authority, script) as service:
        made = OasisClient(
            service.url, clock=clock, pacer=pacer, ssl_context=authority.client(), jitter=lambda: 0.0, **options
        )
        async with made:
            yield made, service, clock


def full(node: str, start: datetime, lmp: float = 30.0) -> Price:
    return Price(node, Market.RTD, start, start + FIVE, lmp, lmp - 3.0, 2.0, 1.0, 0.0)


def current(asked: Asked, start: datetime = NOW) -> web.Response:
    return prices(CURRENT, int(asked["version"]), [full(node, start) for node in asked["node"].split(",")], xml=True)


async def test_current_prices_of_all_nodes_come_in_one_request(authority: Authority, tmp_path: Path) -> None:
    async with client(authority, tmp_path, current) as (oasis, service, _):
        found = await oasis.current(["B", "A", "A"])
    assert found.prices == (full("A", NOW), full("B", NOW))
    assert (found.market, found.version, found.posted) == (Market.RTD, 2, True)
    assert found.server_date is not None
    assert [asked["queryname"] for asked in service.asked] == ["PRC_CURR_LMP"]
    assert service.asked[0]["node"] == "B,A"
    assert "resultformat" not in service.asked[0]
    assert found.request.startswith("SingleZip?queryname=PRC_CURR_LMP&node=B,A&")


async def test_even_a_small_answer_is_read_beside_the_event_loop(authority: Authority, tmp_path: Path) -> None:
    """80 kB can unpack to 20 MB, and the dispatch waits for the loop."""
    threads = set()

    class Name(str):
        __slots__ = ()

        def __hash__(self) -> int:
            threads.add(threading.get_ident())
            return super().__hash__()

        def __eq__(self, other: object) -> bool:
            return super().__eq__(other)

    async with client(authority, tmp_path, current) as (oasis, _, _):
        assert (await oasis.current([Name("A")])).prices
    assert threads - {threading.get_ident()}


@pytest.mark.parametrize("trouble", ["missing", "late", 1000, 1005, 404, 500])
async def test_what_the_current_report_lacks_is_read_from_the_last_20_minutes(
    authority: Authority, tmp_path: Path, trouble: str | int
) -> None:
    def script(asked: Asked) -> web.Response:
        if asked["queryname"] == "PRC_INTVL_LMP":
            return prices(RTD, 3, [full(node, NOW) for node in asked["node"].split(",")])
        if trouble == "missing":
            return prices(CURRENT, 2, [full("A", NOW)], xml=True)
        if trouble == "late":
            return prices(CURRENT, 2, [full("A", NOW), full("B", NOW - 3 * FIVE)], xml=True)
        return refusal(int(trouble)) if int(trouble) >= 1000 else web.Response(status=int(trouble))

    async with client(authority, tmp_path, script) as (oasis, service, _):
        found = await oasis.current(["A", "B"])
    newest = {each.node: each for each in found.prices}
    assert newest == {"A": full("A", NOW), "B": full("B", NOW)}
    back_up = service.asked[1]
    assert back_up["node"] == ("B" if isinstance(trouble, str) else "A,B")
    assert (back_up["startdatetime"], back_up["enddatetime"]) == ("20260701T11:40-0000", "20260701T12:10-0000")
    assert "PRC_INTVL_LMP" in found.request


async def test_the_fall_back_is_asked_on_the_grid(authority: Authority, tmp_path: Path) -> None:
    async with client(authority, tmp_path, lambda _: refusal(1000)) as (oasis, service, clock):
        clock.advance(137)
        await oasis.current(["A"])
    assert service.asked[1]["startdatetime"] == "20260701T11:40-0000"


async def test_a_failing_fall_back_leaves_what_was_read_and_says_so(authority: Authority, tmp_path: Path) -> None:
    def script(asked: Asked) -> web.Response:
        if asked["queryname"] == "PRC_CURR_LMP":
            return prices(CURRENT, 2, [full("A", NOW)], xml=True)
        return refusal(1010)

    async with client(authority, tmp_path, script) as (oasis, _, __):
        found = await oasis.current(["A", "B"])
    assert found.prices == (full("A", NOW),)
    assert "failed: OASIS error 1010" in found.request


async def test_when_both_fail_the_error_is_raised(authority: Authority, tmp_path: Path) -> None:
    async with client(authority, tmp_path, lambda _: refusal(1010)) as (oasis, service, _):
        with pytest.raises(OasisError, match="1010"):
            await oasis.current(["A"])
    assert len(service.asked) == 2


async def test_a_refusal_is_not_answered_with_another_request(authority: Authority, tmp_path: Path) -> None:
    async with client(authority, tmp_path, lambda _: body(THROTTLE_HTML, 429)) as (oasis, service, clock):
        with pytest.raises(ThrottledError):
            await oasis.current(["A"])
        assert len(service.asked) == 1
        with pytest.raises(ThrottledError):
            await oasis.current(["A"])
        assert sum(clock.slept) >= 5.0, "the refusal is kept by the pacer"


async def test_history_is_read_in_the_newest_layout(authority: Authority, tmp_path: Path) -> None:
    rows = [full("A", NOW - HOUR + n * FIVE) for n in range(12)]
    async with client(authority, tmp_path, lambda _: prices(RTD, 3, rows)) as (oasis, service, _):
        found = await oasis.history(Market.RTD, ["A"], NOW - HOUR, NOW)
    assert found.prices == tuple(rows)
    assert service.asked == [{
        "path": "/oasisapi/SingleZip", "queryname": "PRC_INTVL_LMP", "market_run_id": "RTM", "node": "A",
        "resultformat": "6", "startdatetime": "20260701T11:00-0000", "enddatetime": "20260701T12:00-0000",
        "version": "3",
    }]  # fmt: skip


async def test_all_nodes_are_asked_as_a_group(authority: Authority, tmp_path: Path) -> None:
    async with client(authority, tmp_path, lambda _: prices(RTD, 3, [full("X", NOW), full("Y", NOW)])) as (
        oasis,
        service,
        _,
    ):
        assert len((await oasis.history(Market.RTD, ALL, NOW, NOW + HOUR)).prices) == 2
    assert service.asked[0]["grp_type"] == "ALL"
    assert "node" not in service.asked[0]


async def test_no_data_and_not_posted_are_answers(authority: Authority, tmp_path: Path) -> None:
    answers = [refusal(1000), body(empty_zip(RTD, 3, made_at=MADE)[1])]
    async with client(authority, tmp_path, lambda _: answers.pop(0)) as (oasis, service, _):
        for _ in range(2):
            found = await oasis.history(Market.RTD, ["A"], NOW, NOW + HOUR)
            assert (found.prices, found.posted) == ((), False)
            assert found.request.startswith("SingleZip?")
    assert len(service.asked) == 2


async def test_a_refused_version_gives_way_to_an_older_one_and_is_remembered(
    authority: Authority, tmp_path: Path
) -> None:
    def script(asked: Asked) -> web.Response:
        return refusal(1020) if asked["version"] != "1" else prices(RTD, 1, [full("A", NOW)])

    async with client(authority, tmp_path, script) as (oasis, service, _):
        for _ in range(2):
            assert (await oasis.history(Market.RTD, ["A"], NOW, NOW + HOUR)).version == 1
    assert [asked["version"] for asked in service.asked] == ["3", "2", "1", "1"]


async def test_when_every_version_is_refused_the_error_is_raised(authority: Authority, tmp_path: Path) -> None:
    async with client(authority, tmp_path, lambda _: refusal(1020)) as (oasis, service, _):
        with pytest.raises(OasisError, match="1020"):
            await oasis.history(Market.DAM, ["A"], NOW, NOW + HOUR)
    assert [asked["version"] for asked in service.asked] == ["12", "1"]


@pytest.mark.parametrize("refuse", [lambda: refusal(1017), lambda: web.Response(status=414)])
async def test_too_many_nodes_are_asked_ten_at_a_time_from_then_on(
    authority: Authority, tmp_path: Path, refuse: Callable[[], web.Response]
) -> None:
    def script(asked: Asked) -> web.Response:
        nodes = asked["node"].split(",")
        return refuse() if len(nodes) > 10 else prices(RTD, 3, [full(node, NOW) for node in nodes])

    names = [f"N{n:02}" for n in range(12)]
    async with client(authority, tmp_path, script) as (oasis, service, _):
        await oasis.history(Market.RTD, names, NOW, NOW + HOUR)
        found = await oasis.history(Market.RTD, names, NOW, NOW + HOUR)
    assert [each.node for each in found.prices] == names
    assert [len(asked["node"].split(",")) for asked in service.asked] == [12, 10, 2, 10, 2]
    assert found.request.count(" | ") == 1


async def test_the_first_number_of_nodes_can_be_set(authority: Authority, tmp_path: Path) -> None:
    async with client(authority, tmp_path, current, nodes_a_request=2) as (oasis, service, _):
        await oasis.current(["A", "B", "C"])
    assert [asked["node"] for asked in service.asked] == ["A,B", "C"]


@pytest.mark.parametrize("first", [
    lambda: refusal(1003), lambda: refusal(1015), lambda: refusal(4711), lambda: web.Response(status=503),
    lambda: body(b"PK\x03\x04 cut off"),
])  # fmt: skip
async def test_what_may_pass_is_asked_again_later(
    authority: Authority, tmp_path: Path, first: Callable[[], web.Response]
) -> None:
    answers = [first(), first(), prices(RTD, 3, [full("A", NOW)])]
    async with client(authority, tmp_path, lambda _: answers.pop(0)) as (oasis, service, clock):
        assert (await oasis.history(Market.RTD, ["A"], NOW, NOW + HOUR)).prices
    assert len(service.asked) == 3
    assert clock.slept[0] == 5.0
    assert 10.0 in clock.slept


async def test_patience_ends(authority: Authority, tmp_path: Path) -> None:
    async with client(authority, tmp_path, lambda _: refusal(1010)) as (oasis, service, _):
        with pytest.raises(OasisError, match="1010"):
            await oasis.history(Market.RTD, ["A"], NOW, NOW + HOUR)
    assert len(service.asked) == 5


@pytest.mark.parametrize(("answer", "error"), [
    (lambda: refusal(1001), OasisError), (lambda: refusal(1004), OasisError), (lambda: refusal(1008), OasisError),
    (lambda: web.Response(status=404), HttpStatusError), (lambda: web.Response(status=302), HttpStatusError),
])  # fmt: skip
async def test_what_cannot_pass_is_asked_once(
    authority: Authority, tmp_path: Path, answer: Callable[[], web.Response], error: type[Exception]
) -> None:
    async with client(authority, tmp_path, lambda _: answer()) as (oasis, service, _):
        with pytest.raises(error):
            await oasis.history(Market.RTD, ["A"], NOW, NOW + HOUR)
    assert len(service.asked) == 1


async def test_corrections_are_asked_from_the_begin_of_the_trade_day(authority: Authority, tmp_path: Path) -> None:
    day = date(2026, 3, 8)
    hour = AffectedHour(
        Market.RTD, datetime(2026, 3, 8, 8, tzinfo=UTC), datetime(2026, 3, 8, 9, tzinfo=UTC), "software"
    )
    answers = [body(corrections_zip(day, [hour])[1]), refusal(1000)]
    async with client(authority, tmp_path, lambda _: answers.pop(0)) as (oasis, service, _):
        found = await oasis.affected_hours(day)
        assert [(each.market, each.start) for each in found] == [(hour.market, hour.start)]
        assert list(await oasis.affected_hours(day)) == []
    assert service.asked[0]["groupid"] == "PRC_CORR_GRP"
    assert service.asked[0]["startdatetime"] == "20260308T08:00-0000"
    assert service.asked[0]["path"] == "/oasisapi/GroupZip"


async def test_catalogues_are_those_of_today(authority: Authority, tmp_path: Path) -> None:
    rows = [NodeInfo("RESOURCE", "PLANT_7_UNIT1", "MOSSLD_7_N001")]
    async with client(authority, tmp_path, lambda _: body(catalogue_zip("RESOURCE", rows)[1])) as (oasis, service, _):
        assert list(await oasis.catalogue("RESOURCE")) == rows
    assert service.asked[0]["resource_type"] == "ALL"
    assert service.asked[0]["startdatetime"] == "20260701T07:00-0000"


async def test_requests_keep_the_pace(authority: Authority, tmp_path: Path) -> None:
    async with client(authority, tmp_path, current) as (oasis, _, clock):
        for _ in range(3):
            await oasis.current(["A"])
    assert clock.slept == [6.0, 6.0]


async def test_a_schema_that_changed_is_an_error_and_no_price(authority: Authority, tmp_path: Path) -> None:
    async with client(authority, tmp_path, lambda _: web.Response(body=b"<html>hello</html>")) as (oasis, _, __):
        with pytest.raises(WireError):
            await oasis.history(Market.RTD, ["A"], NOW, NOW + HOUR)


def test_only_https_is_spoken(authority: Authority, tmp_path: Path) -> None:
    clock = HurriedClock()
    with pytest.raises(ConfigError, match="https"):
        OasisClient(
            "http://oasis.caiso.com/oasisapi", clock=clock, pacer=Pacer(tmp_path / "p", clock),
            ssl_context=authority.client(),
        )  # fmt: skip
