from datetime import UTC, date, datetime, timedelta

import pytest

from caiso_ads.core.price import AffectedHour, Market, NodeInfo
from caiso_ads.errors import OasisError, ThrottledError, WireError
from caiso_ads.wire.oasis import tables
from caiso_ads.wire.oasis.answer import read_affected, read_catalogue
from caiso_ads.wire.oasis.writing import THROTTLE_HTML, catalogue_zip, corrections_zip, error_zip
from tests.wire.oasis.samples import HUB, MADE_AT, NODE, members_of, zipped

DAY, SHORT, LONG = date(2026, 7, 20), date(2026, 3, 8), date(2025, 11, 2)
CORRECTIONS = (
    "TRADE_DATE,HOUR_ENDING,INTERVAL,MARKET,AFFECTED_AREA,CORRECTION_METHOD,CORRECTION_COUNT,ENERGY_TYPECODE,"
    "CORRECTION_REASON,REPORT_GENERATED"
)


def corrections(*lines: str) -> bytes:
    return zipped(("a.csv", "\n".join([CORRECTIONS, *lines]) + "\n"))


def line(hour: str = "14", market: str = "RTD", text: str = "data input") -> str:
    return f"2026-07-20,{hour},3,{market},SP15,SELECTIVE,12,LMP,{text},2026-07-25 10:00:00"


@pytest.mark.parametrize("kind", ["PNODE", "APNODE", "RESOURCE"])
def test_a_catalogue_comes_back(kind: str) -> None:
    node = HUB if kind == "RESOURCE" else ""
    rows = [
        NodeInfo(kind, NODE, node, datetime(2009, 4, 1, 7, tzinfo=UTC), None),
        NodeInfo(kind, "B", node, None, datetime(2030, 1, 1, tzinfo=UTC)),
    ]
    assert read_catalogue(catalogue_zip(kind, rows)[1], kind) == rows


def test_a_catalogue_may_be_xml() -> None:
    text = "<m:OASISReport xmlns:m='u'><m:MessageHeader><m:Source>O</m:Source></m:MessageHeader><m:RTO><m:ATLAS_ITEM>"
    text += (
        f"<m:PNODE_ID>{NODE}</m:PNODE_ID><m:START_DATE>2009-04-01</m:START_DATE></m:ATLAS_ITEM></m:RTO></m:OASISReport>"
    )
    (info,) = read_catalogue(zipped(("a.xml", text)), "PNODE")
    assert info == NodeInfo("PNODE", NODE, start=datetime(2009, 4, 1, 7, tzinfo=UTC))


def test_a_time_that_cannot_be_read_is_not_known() -> None:
    text = f"PNODE_ID,START_DATE,END_DATE\n{NODE},soon,9999-12-31T23:59:59-08:00\n"
    assert read_catalogue(zipped(("a.csv", text)), "PNODE") == [NodeInfo("PNODE", NODE)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("OTHER\nx\n", "row 1: no column PNODE_ID, only OTHER"),
        ("PNODE_ID\n\x00\n", "not a name"),
        ("PNODE_ID,B\nx\n", "line 2: 1 fields where the header has 2"),
        ('PNODE_ID\n"x\n', "damaged CSV"),
        (b"PNODE_ID\n\x81\n", "neither UTF-8"),
    ],
)
def test_a_catalogue_that_cannot_be_read_is_named(text: str | bytes, problem: str) -> None:
    with pytest.raises(WireError, match=problem):
        read_catalogue(zipped(("a.csv", text)), "PNODE")


def test_a_table_is_bounded() -> None:
    with pytest.raises(WireError, match="larger than"):
        read_catalogue(zipped(("a.csv", b"PNODE_ID\n" + bytes(tables.MAX_TABLE))), "PNODE")


def test_errors_and_throttling_are_as_for_prices() -> None:
    for read in (lambda body: read_catalogue(body, "PNODE"), lambda body: read_affected(body, DAY)):
        with pytest.raises(OasisError, match="1000"):
            read(error_zip(1000)[1])
        with pytest.raises(ThrottledError):
            read(THROTTLE_HTML)


def test_affected_hours_come_back() -> None:
    hours = [
        AffectedHour(market, start, start + timedelta(hours=1), "reason, with a\nbreak")
        for market in (Market.DAM, Market.FMM, Market.RTD)
        for start in (datetime(2026, 7, 20, 7, tzinfo=UTC), datetime(2026, 7, 21, 6, tzinfo=UTC))
    ]
    assert read_affected(corrections_zip(DAY, hours, made_at=MADE_AT)[1], DAY) == hours


def test_a_report_without_corrections_is_empty() -> None:
    body = corrections_zip(DAY, [])[1]
    assert read_affected(body, DAY) == []
    assert "No records found for report." in members_of(body).popitem()[1]


def test_a_further_correction_of_an_hour_changes_what_is_told_of_it() -> None:
    """Whoever has read the hour again knows by this that it must be read once more."""
    first = read_affected(corrections(line()), DAY)
    more = read_affected(corrections(line(text="other reason"), line()), DAY)
    counted = read_affected(corrections(line().replace(",12,", ",13,")), DAY)
    assert len({hour.text for hour in (*first, *more, *counted)}) == 3
    assert more == read_affected(corrections(line(), line(text="other reason")), DAY)


def test_an_hour_is_named_once_with_its_area_and_reason() -> None:
    (hour,) = read_affected(corrections(line(), line()), DAY)
    assert (hour.market, hour.text) == (Market.RTD, "SP15; data input; count 12 (2 rows)")
    assert hour.start == datetime(2026, 7, 20, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "markets"),
    [
        ("RTPD", {Market.FMM}),
        ("RTM", {Market.RTD, Market.FMM}),
        ("RUC", set()),
        ("NEW", set(Market)),
    ],
)
def test_a_market_not_sure_is_read_again_rather_than_missed(name: str, markets: set[Market]) -> None:
    assert {hour.market for hour in read_affected(corrections(line(market=name)), DAY)} == markets


def test_an_hour_not_given_is_the_whole_day() -> None:
    for day, hours in ((DAY, 24), (SHORT, 23), (LONG, 25)):
        assert len(read_affected(corrections(line("")), day)) == hours


def test_hour_twenty_five_is_only_on_the_long_day() -> None:
    (hour,) = read_affected(corrections(line("25")), LONG)
    assert hour.start == datetime(2025, 11, 3, 7, tzinfo=UTC)
    with pytest.raises(WireError, match="row 1: 2026-07-20 has no hour ending 25"):
        read_affected(corrections(line("25")), DAY)


def test_a_correction_report_without_markets_raises() -> None:
    with pytest.raises(WireError, match="no column MARKET"):
        read_affected(zipped(("a.csv", "A\n1\n")), DAY)
