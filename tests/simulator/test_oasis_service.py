from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from caiso_ads.core.price import Market, NodeInfo, Price
from caiso_ads.errors import OasisError, ThrottledError, WireError
from caiso_ads.simulator.faults import Fault, Faults
from caiso_ads.simulator.fleet import default_fleet
from caiso_ads.simulator.grid import HOUR, INTERVAL, QUARTER
from caiso_ads.simulator.ledger import Ledger
from caiso_ads.simulator.oasis_market import PriceChange, PriceMarket
from caiso_ads.simulator.oasis_nodes import Nodes
from caiso_ads.simulator.oasis_service import ZIP_TYPE, OasisService
from caiso_ads.simulator.switches import Switches
from caiso_ads.simulator.transport import Reply
from caiso_ads.wire.oasis import answer, writing
from caiso_ads.wire.oasis.reports import ERROR_CODES
from tests.simulator.bench import HandClock

NODE, HUB, OUTSIDE = "SUNRDG_7_N001", "TH_NP15_GEN-APND", "ELAP_PACE-APND"
NOW = datetime(2026, 7, 22, 19, 1, tzinfo=UTC)
RUNS = {"PRC_INTVL_LMP": "RTM", "PRC_RTPD_LMP": "RTPD", "PRC_HASP_LMP": "HASP", "PRC_LMP": "DAM"}


def stamp(at: datetime) -> str:
    return f"{at:%Y%m%dT%H:%M-0000}"


class Desk:
    """A price service with a clock moved by hand; each call is given its pace first."""

    def __init__(
        self, start: datetime = NOW, *, nodes: int = 40, changes: tuple[PriceChange, ...] = (), **switches: Any
    ) -> None:
        self.clock = HandClock(start)
        self.faults = Faults()
        self.nodes = Nodes(default_fleet(), size=nodes)
        chosen = Switches(**{"price_corrections": False, **switches})
        market = PriceMarket(changes=changes, seeded_corrections=chosen.price_corrections)
        self.service = OasisService(
            self.nodes, market, self.clock, switches=chosen, faults=self.faults, ledger=Ledger(self.clock)
        )

    def ask(self, page: str = "SingleZip", *, pause_s: float = 6.0, **query: Any) -> Reply:
        self.clock.move(pause_s)
        texts = {key: stamp(value) if isinstance(value, datetime) else str(value) for key, value in query.items()}
        return self.service.answer(page, texts, "10.0.0.1")[0]

    def history(self, name: str, start: datetime, end: datetime, version: int = 3, **more: Any) -> Reply:
        if "grp_type" not in more:
            more.setdefault("node", NODE)
        return self.ask(
            queryname=name, market_run_id=RUNS[name], startdatetime=start, enddatetime=end, version=version,
            resultformat=6, **more,
        )  # fmt: skip

    def current(self, **more: Any) -> Reply:
        query = {"node": NODE, "version": 2, "startdatetime": NOW, "enddatetime": NOW, **more}
        return self.ask(queryname="PRC_CURR_LMP", **query)


def prices(reply: Reply, market: Market = Market.RTD) -> tuple[Price, ...]:
    found = answer.read_prices(reply.body, market, None, reply.status)
    assert found.failed_checks == ()
    return found.prices


def members(reply: Reply) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(reply.body)).namelist()


def code(reply: Reply) -> int:
    with pytest.raises(OasisError) as caught:
        answer.read_prices(reply.body, Market.RTD, None, reply.status)
    return caught.value.code


def hour(start: datetime, step: timedelta, count: int) -> list[datetime]:
    return [start + n * step for n in range(count)]


def test_the_current_price_is_the_newest_that_is_posted() -> None:
    desk = Desk()
    reply = desk.current(node=f"{NODE},{HUB},NOWHERE_1_N001")
    got = prices(reply)
    assert {p.node for p in got} == {NODE, HUB}
    assert {p.start for p in got} == {NOW + timedelta(minutes=-1)}
    assert prices(desk.current(pause_s=150.0))[0].start == NOW + timedelta(minutes=4)
    assert (reply.status, reply.content_type) == (200, ZIP_TYPE)
    assert reply.headers["Content-Disposition"].startswith("inline; filename=20260722_20260722_PRC_CURR_LMP_RTM_")
    assert reply.headers["Content-Disposition"].endswith("_v2.zip;")


def test_late_publication_shows_the_interval_before() -> None:
    got = prices(Desk(rtd_posting="late", rtd_posting_s=120.0, price_jitter_s=0.0).current())
    assert got[0].end == NOW - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("name", "version", "market", "count"),
    [
        ("PRC_INTVL_LMP", 3, Market.RTD, 5),
        ("PRC_INTVL_LMP", 2, Market.RTD, 1),
        ("PRC_INTVL_LMP", 1, Market.RTD, 1),
        ("PRC_RTPD_LMP", 3, Market.FMM, 5),
        ("PRC_HASP_LMP", 3, Market.HASP, 5),
        ("PRC_LMP", 12, Market.DAM, 5),
        ("PRC_LMP", 1, Market.DAM, 1),
    ],
)
def test_every_report_and_version_is_the_market_exactly(name: str, version: int, market: Market, count: int) -> None:
    desk, start = Desk(edge_rows=False), NOW.replace(hour=10, minute=0)
    reply = desk.history(name, start, start + 2 * HOUR, version, node=f"{NODE},{OUTSIDE}")
    got = prices(reply, market)
    step = got[0].end - got[0].start
    wanted = desk.service.market.prices(sorted([NODE, OUTSIDE]), market, hour(start, step, 2 * HOUR // step), NOW)
    assert len(members(reply)) == count
    if version == 1:
        assert [p.lmp_usd_per_mwh for p in got] == [p.lmp_usd_per_mwh for p in wanted]
        assert {p.ghg_usd_per_mwh for p in got} == {None}
    else:
        assert list(got) == wanted


def test_xml_is_the_same_as_csv() -> None:
    desk, start = Desk(), NOW.replace(hour=10, minute=0)
    as_csv = desk.history("PRC_INTVL_LMP", start, start + HOUR)
    desk.faults.add(Fault("xml"))
    as_xml = desk.history("PRC_INTVL_LMP", start, start + HOUR)
    assert all(name.endswith(".csv") for name in members(as_csv))
    assert all(name.endswith(".xml") for name in members(as_xml))
    assert prices(as_csv) == prices(as_xml)


def test_the_interval_at_the_windows_end_is_there_too_unless_switched_off() -> None:
    start = NOW.replace(hour=10, minute=0)
    assert len(prices(Desk().history("PRC_INTVL_LMP", start, start + HOUR))) == 13
    assert len(prices(Desk(edge_rows=False).history("PRC_INTVL_LMP", start, start + HOUR))) == 12


def test_all_nodes_are_one_hour_whatever_end_is_asked() -> None:
    desk, start = Desk(), NOW.replace(hour=10, minute=0)
    got = prices(desk.history("PRC_INTVL_LMP", start, start + 20 * HOUR, grp_type="ALL"))
    assert {p.node for p in got} == set(desk.nodes.everything)
    assert sorted({p.start for p in got}) == hour(start, INTERVAL, 12)
    aggregates = prices(desk.history("PRC_RTPD_LMP", start, start + HOUR, grp_type="ALL_APNODES"), Market.FMM)
    assert {p.node for p in aggregates} == set(desk.nodes.aggregates)
    assert sorted({p.start for p in aggregates}) == hour(start, QUARTER, 4)


@pytest.mark.parametrize(
    ("midnight", "hours"), [(datetime(2025, 11, 2, 7, tzinfo=UTC), 25), (datetime(2026, 3, 8, 8, tzinfo=UTC), 23)]
)
def test_all_nodes_day_ahead_are_one_trade_day_of_its_own_length(midnight: datetime, hours: int) -> None:
    desk = Desk(midnight + timedelta(days=5))
    got = prices(desk.history("PRC_LMP", midnight, midnight + HOUR, 12, grp_type="ALL"), Market.DAM)
    assert sorted({p.start for p in got}) == hour(midnight, HOUR, hours)
    group = desk.ask("GroupZip", groupid="DAM_LMP_GRP", startdatetime=midnight, version=12, resultformat=6)
    assert prices(group, Market.DAM) == got


def test_groups_are_the_reports_of_all_nodes() -> None:
    desk, start = Desk(), NOW.replace(hour=10, minute=0)
    group = desk.ask("GroupZip", groupid="RTM_LMP_GRP", startdatetime=start, version=3, resultformat=6)
    assert prices(group) == prices(desk.history("PRC_INTVL_LMP", start, start + HOUR, grp_type="ALL"))
    now = desk.ask("GroupZip", groupid="CURR_LMP_GRP", startdatetime=start, version=2)
    assert {p.node for p in prices(now)} == set(desk.nodes.everything)


@pytest.mark.parametrize("not_posted", ["xml", "1000"])
def test_what_is_not_posted_is_an_empty_answer_or_1000(not_posted: str) -> None:
    desk, start = Desk(not_posted=not_posted), NOW + 3 * HOUR
    reply = desk.history("PRC_INTVL_LMP", start, start + HOUR)
    if not_posted == "1000":
        assert code(reply) == 1000
    else:
        assert not answer.read_prices(reply.body, Market.RTD, None, reply.status).posted


def test_refusals_by_request() -> None:
    desk, start = Desk(retention_days=30), NOW.replace(hour=10, minute=0)
    old = start - timedelta(days=40)
    assert code(desk.current(node="NOWHERE_1_N001")) == 1000
    assert code(desk.history("PRC_INTVL_LMP", old, old + HOUR)) == 1014
    assert code(Desk(retention_days=30, too_early="1000").history("PRC_INTVL_LMP", old, old + HOUR)) == 1000
    assert code(desk.history("PRC_INTVL_LMP", start - timedelta(days=31), start)) == 1004
    assert code(desk.ask(queryname="PRC_NOTHING")) == 1005
    assert code(desk.ask("GroupZip", groupid="NO_GRP")) == 1016
    assert code(desk.ask()) == 1011
    missing = desk.ask(
        queryname="PRC_LMP", market_run_id="RTM", startdatetime=start, enddatetime=NOW, node=NODE, version=12
    )
    assert (missing.status, missing.content_type) == (404, "text/plain")


@pytest.mark.parametrize("number", ERROR_CODES)
def test_every_error_code_on_demand(number: int) -> None:
    desk = Desk()
    desk.faults.add(Fault(f"oasis-{number}"))
    reply = desk.current()
    assert code(reply) == number
    assert (reply.status, members(reply)) == (200, ["INVALID_REQUEST.xml"])
    assert "INVALID_REQUEST.xml.zip" in reply.headers["Content-Disposition"]
    assert prices(desk.current())


@pytest.mark.parametrize(("kind", "error"), [("throttle", ThrottledError), ("truncated-zip", WireError)])
def test_faults_of_content(kind: str, error: type[Exception]) -> None:
    desk = Desk()
    desk.faults.add(Fault(kind))
    reply = desk.current()
    with pytest.raises(error):
        answer.read_prices(reply.body, Market.RTD, None, reply.status)
    assert prices(desk.current())


def test_an_empty_answer_on_demand() -> None:
    desk = Desk()
    desk.faults.add(Fault("empty-xml"))
    assert not answer.read_prices(desk.current().body, Market.RTD, None).posted


@pytest.mark.parametrize("status", [429, 200])
def test_a_request_too_soon_is_refused_by_address_and_does_not_count(status: int) -> None:
    desk = Desk(throttle_status=status)
    query: Mapping[str, str] = {"queryname": "PRC_NOTHING"}
    desk.current()
    for _ in range(4):
        desk.clock.move(1.2)
        reply, _fault = desk.service.answer("SingleZip", query, "10.0.0.1")
        assert (reply.status, reply.body, reply.content_type) == (status, writing.THROTTLE_HTML, "text/html")
    assert code(desk.service.answer("SingleZip", query, "10.0.0.2")[0]) == 1005
    assert code(desk.ask(pause_s=0.3, queryname="PRC_NOTHING")) == 1005
    assert [record.result for record in desk.service.ledger] == ["", *[str(status)] * 4, "", ""]


def test_the_pace_can_be_switched_off() -> None:
    desk = Desk(throttle_s=0.0)
    assert prices(desk.current()) == prices(desk.current(pause_s=0.0))


def test_the_catalogue_is_whole_and_can_be_asked_for_one() -> None:
    desk = Desk()
    dates: dict[str, Any] = {"startdatetime": NOW, "enddatetime": NOW + HOUR, "version": 1, "resultformat": 6}
    for kind in ("PNODE", "APNODE", "RESOURCE"):
        rows = answer.read_catalogue(desk.ask(queryname=f"ATL_{kind}", **dates).body, kind)
        assert {(row.name, row.node) for row in rows} == {(row.name, row.node) for row in desk.nodes.catalogue(kind)}
    one = desk.ask(queryname="ATL_RESOURCE", resource_id="SUNRDG_7_SOLAR1", **dates)
    (row,) = answer.read_catalogue(one.body, "RESOURCE")
    assert isinstance(row, NodeInfo)
    assert row.node == NODE
    assert code(desk.ask(queryname="ATL_PNODE", pnode_id="NOWHERE", **dates)) == 1000


def test_a_correction_changes_prices_and_is_reported() -> None:
    day = datetime(2025, 11, 2, 7, tzinfo=UTC)
    start = day + 24 * HOUR  # the last hour of the long day, hour ending 25
    at = day + timedelta(days=3)
    change = PriceChange(Market.RTD, start, start + HOUR, -3.0, at, at)
    desk = Desk(day + 26 * HOUR, changes=(change,), edge_rows=False)

    def report() -> Reply:
        return desk.ask("GroupZip", groupid="PRC_CORR_GRP", startdatetime=day, version=1, resultformat=6)

    first = prices(desk.history("PRC_INTVL_LMP", start - HOUR, start + HOUR))
    assert code(report()) == 1000
    desk.clock.move(86_400)
    assert answer.read_affected(report().body, day.date()) == []
    desk.clock.move(86_400)
    (named,) = answer.read_affected(report().body, day.date())
    assert (named.market, named.start, named.end) == (Market.RTD, start, start + HOUR)
    second = prices(desk.history("PRC_INTVL_LMP", start - HOUR, start + HOUR))
    moved = [round(b.lmp_usd_per_mwh - a.lmp_usd_per_mwh, 5) for a, b in zip(first, second, strict=True)]
    assert moved == [0.0] * 12 + [-3.0] * 12


@pytest.mark.parametrize("posting", ["early", "late"])
@pytest.mark.parametrize(
    ("midnight", "count"), [(datetime(2025, 11, 2, 7, tzinfo=UTC), 300), (datetime(2026, 3, 8, 8, tzinfo=UTC), 276)]
)
def test_a_day_of_23_or_25_hours_is_polled_without_loss_or_duplicate(
    midnight: datetime, count: int, posting: str
) -> None:
    desk = Desk(midnight - timedelta(minutes=6), rtd_posting=posting)
    seen: dict[datetime, Price] = {}
    end = midnight + count * INTERVAL
    changes = 0
    while desk.clock.now().wall < end + timedelta(minutes=6):
        (price,) = prices(desk.current(pause_s=60.0))
        assert seen.get(price.start, price) == price
        changes += price.start not in seen
        seen[price.start] = price
    inside = [start for start in seen if midnight <= start < end]
    assert inside == hour(midnight, INTERVAL, count)
    assert changes == len(seen)
    whole = prices(desk.history("PRC_INTVL_LMP", midnight, end))
    assert [seen[start] for start in inside] == [price for price in whole if price.start < end]
