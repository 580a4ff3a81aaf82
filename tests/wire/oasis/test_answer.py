from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.core.price import FailedCheck, Market
from caiso_ads.errors import OasisError, ThrottledError, WireError
from caiso_ads.wire.oasis import answer, trade_day
from caiso_ads.wire.oasis.answer import Wanted, blocks, read_affected, read_catalogue, read_prices, rows
from caiso_ads.wire.oasis.reports import CURRENT, ERROR_CODES, HISTORY, Verdict
from caiso_ads.wire.oasis.writing import THROTTLE_HTML, empty_zip, error_zip, price_zip
from tests.wire.oasis.samples import (
    HUB,
    MADE_AT,
    NODE,
    PAYLOADS,
    REAL,
    START,
    csv_zip,
    day_of_prices,
    line,
    members_of,
    price,
    sample,
    zipped,
)  # fmt: skip

V1, V2, V3 = (
    "PRC_INTVL_LMP_two_nodes_1h_v1_csv.zip",
    "PRC_INTVL_LMP_two_nodes_1h_v2.zip",
    "PRC_INTVL_LMP_two_nodes_1h_v3_csv.zip",
)


def test_the_real_file_gives_every_node_hour_and_its_components_add_up() -> None:
    found: dict[tuple[object, ...], dict[str, float]] = defaultdict(dict)
    count = 0
    for row in rows(sample(REAL)):
        count += 1
        found[row.node, row.start, row.end][row.kind] = row.usd_per_mwh
    assert count == 162_848
    assert len(found) == 40_712
    worst = max(abs(each["LMP"] - each["MCE"] - each["MCC"] - each["MCL"]) for each in found.values())
    assert worst <= 1.00001e-5
    prices = read_prices(sample(REAL), Market.DAM, None)
    assert len(prices.prices) == 40_712
    assert (prices.posted, prices.failed_checks) == (True, ())
    assert len({each.start for each in prices.prices}) == 24
    assert {each.ghg_usd_per_mwh for each in prices.prices} == {None}


@pytest.mark.parametrize("name", [V1, V2, V3])
def test_every_layout_of_the_same_hour_gives_the_same_prices(name: str) -> None:
    found = read_prices(sample(name), Market.RTD, {NODE, HUB})
    assert (len(found.prices), found.failed_checks) == (24, ())
    same = read_prices(sample(V3), Market.RTD, {NODE, HUB}).prices
    assert [(p.node, p.start, p.lmp_usd_per_mwh) for p in found.prices] == [
        (p.node, p.start, p.lmp_usd_per_mwh) for p in same
    ]


def test_version_two_has_loss_where_version_one_has_the_price() -> None:
    """The trap of reading by place: the fourth value of version 2 is not the price."""
    for version in (1, 2):
        (found,) = read_prices(sample(f"PRC_CURR_LMP_one_node_v{version}.zip"), Market.RTD, [NODE]).prices
        assert (found.lmp_usd_per_mwh, found.loss_usd_per_mwh) == (44.15629, 1.28155)
        assert found.ghg_usd_per_mwh == (0.0 if version == 2 else None)


@pytest.mark.parametrize("code", [*ERROR_CODES, 1999])
def test_each_error_code_is_an_error_with_its_code(code: int) -> None:
    _, body = error_zip(code)
    for read in READERS:
        with pytest.raises(OasisError) as caught:
            read(body)
        assert caught.value.code == code
    assert code == 1999 or ERROR_CODES[code][0] in set(Verdict)


@pytest.mark.parametrize("code", [1000, 1001, 1004, 1015])
def test_the_error_samples_are_read(code: int) -> None:
    with pytest.raises(OasisError) as caught:
        list(rows(sample(f"INVALID_REQUEST_{code}.xml.zip")))
    assert caught.value.code == code


READERS: list[Callable[[bytes], object]] = [
    lambda body: list(rows(body)),
    lambda body: read_prices(body, Market.RTD, None),
    lambda body: read_catalogue(body, "PNODE"),
    lambda body: read_affected(body, date(2026, 7, 20)),
]


def test_the_throttle_page_is_known_under_any_status() -> None:
    page = sample("throttle_429.html")
    for status in (200, 429, 503):
        with pytest.raises(ThrottledError):
            read_prices(page, Market.RTD, None, status)
    with pytest.raises(ThrottledError):
        read_prices(b"", Market.RTD, None, 429)
    with pytest.raises(ThrottledError):
        list(rows(THROTTLE_HTML.upper()))


@pytest.mark.parametrize("body", [b"", b"<html><body>Sign in</body></html>", b"PK\x05\x06" + bytes(18), b"PK", b"{}"])
def test_what_is_no_zip_is_never_data(body: bytes) -> None:
    for read in READERS:
        with pytest.raises(WireError, match="no zip"):
            read(body)


def test_xml_without_rows_is_not_posted() -> None:
    found = read_prices(empty_zip(CURRENT, 2, made_at=MADE_AT)[1], Market.RTD, [NODE])
    assert (found.prices, found.posted, found.failed_checks) == ((), False, ())
    assert read_prices(csv_zip(), Market.RTD, [NODE]).posted is False


@pytest.mark.parametrize("content", ["", "\n \n", "PK\x03\x04...", "<html><a/></html>", "hello", "\x00\x01"])
def test_a_member_that_is_neither_csv_nor_xml_is_named(content: str) -> None:
    for read in READERS[:2]:
        with pytest.raises(WireError):
            read(zipped(("a.csv", content)))


def test_a_zip_within_a_zip_is_not_opened() -> None:
    with pytest.raises(WireError, match="a zip within the zip"):
        list(rows(zipped(("a.zip", csv_zip(line())))))


def test_csv_and_xml_are_told_by_content_whatever_they_are_called() -> None:
    xml = members_of(sample(V2)).popitem()[1]
    assert list(rows(zipped(("a.csv", xml)))) == list(rows(sample(V2)))
    assert len(list(rows(csv_zip(line(), name="a.xml")))) == 1


def test_members_of_components_not_wanted_are_not_unpacked() -> None:
    prices = [
        price(
            (at / 7 % 50, at / 11 % 9, at / 13 % 5, 0.0),
            node=f"N{at % 40}",
            start=START + at // 40 * timedelta(minutes=5),
        )
        for at in range(4000)
    ]
    body = bytearray(price_zip(HISTORY[Market.RTD], 3, prices, made_at=MADE_AT)[1])
    wanted = Wanted(kinds=frozenset({"LMP"}))
    whole = list(rows(bytes(body), wanted))
    assert len(whole) == len(prices)
    at = body.index(b"_MCC_2026")
    body[body.index(b"PK\x03\x04", at) - 100] ^= 0xFF  # damage near the end of that member
    with pytest.raises(WireError, match="damaged"):
        list(rows(bytes(body)))
    assert list(rows(bytes(body), wanted)) == whole


def test_a_name_that_lies_about_its_component_is_not_believed() -> None:
    body = csv_zip(line("9"), name="20260720_20260720_PRC_INTVL_LMP_RTM_MCC_20260721_10_00_00_v3.csv")
    assert [row.usd_per_mwh for row in rows(body, Wanted(kinds=frozenset({"LMP"})))] == [9.0]


def test_columns_and_rows_are_the_same() -> None:
    for name in (V1, V2, V3):
        assert [row for block in blocks(sample(name)) for row in block.rows()] == list(rows(sample(name)))


def test_one_bad_row_costs_its_price_only() -> None:
    found = read_prices(csv_zip(line("nan"), line("2", minute=5)), Market.RTD, [NODE])
    assert [each.lmp_usd_per_mwh for each in found.prices] == [2.0]
    assert found.failed_checks == (FailedCheck(NODE, "line 2: not a finite number: 'nan'", START),)
    assert read_prices(csv_zip(line("nan")), Market.RTD, [NODE]).posted


@pytest.mark.parametrize("form", ["csv", "xml"])
def test_a_price_with_an_unreadable_component_is_left_out_and_its_node_named(form: Literal["csv", "xml"]) -> None:
    """Its sum cannot be checked any more, so that the price itself may be anything."""
    start = price().start
    body = price_zip(
        HISTORY[Market.RTD], 1, [price(), price(start=start + timedelta(minutes=5))], form=form, made_at=MADE_AT
    )[1]
    ((name, text),) = members_of(body).items()
    found = read_prices(zipped((name, text.replace("-1.5", "n/a", 1))), Market.RTD, [NODE])
    assert len(found.prices) == 1
    (check,) = found.failed_checks
    assert check.node == NODE
    assert check.start not in {None, found.prices[0].start}


@pytest.mark.parametrize("market", [Market.FMM, Market.HASP, Market.DAM])
def test_an_answer_of_another_market_gives_no_price(market: Market) -> None:
    for name in (V1, V2, V3):
        found = read_prices(sample(name), market, None)
        assert found.prices == ()
        assert found.failed_checks


def test_hasp_is_not_taken_for_fmm() -> None:
    """Both have 15 minutes: only what the rows say of their market run tells them apart."""
    for form in ("csv", "xml"):
        _, body = price_zip(
            HISTORY[Market.HASP], 3, [price(market=Market.HASP, minutes=15)], form=form, made_at=MADE_AT
        )
        assert len(read_prices(body, Market.HASP, None).prices) == 1
        assert read_prices(body, Market.FMM, None).prices == ()


def test_an_edge_row_given_twice_counts_once_and_the_last_wins() -> None:
    found = read_prices(csv_zip(line("1"), line("5", minute=5), line("2")), Market.RTD, [NODE])
    assert [each.lmp_usd_per_mwh for each in found.prices] == [2.0, 5.0]


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 8), 23), (date(2025, 11, 2), 25), (date(2026, 7, 20), 24), (date(2026, 1, 2), 24)]
)
@pytest.mark.parametrize("market", list(Market))
def test_a_day_at_the_change_of_clocks_is_whole(day: date, hours: int, market: Market) -> None:
    report = HISTORY[market]
    start, end = trade_day.bounds(day)
    step = timedelta(seconds=report.interval_s)
    starts = [start + at * step for at in range((end - start) // step)]
    prices = day_of_prices(market, starts, report.interval_s // 60, 0.0)
    for form in ("csv", "xml"):
        _, body = price_zip(report, report.versions[0], prices, form=form, made_at=MADE_AT)
        found = read_prices(body, market, [NODE])
        assert found.prices == tuple(prices)
        assert len({each.start.replace(minute=0) for each in found.prices}) == hours
    text = "".join(members_of(price_zip(report, 1, prices, made_at=MADE_AT)[1]).values())
    endings = {int(each.split(",")[3]) for each in text.splitlines()[1:]}
    assert endings == {1, 2, *range(3, 26)} - {23: {3, 25}, 24: {25}, 25: set()}[hours]


def bodies() -> Iterator[bytes]:
    for path in sorted(PAYLOADS.iterdir()):
        if path.name not in (REAL, "README.md"):
            yield path.read_bytes()


ANSWERS = st.sampled_from(list(bodies()))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A sample with some bytes changed, cut or put in."""
    body = bytearray(draw(ANSWERS))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(body) - 1))
        body[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(body)


@st.composite
def members(draw: st.DrawFn) -> bytes:
    """A sound zip whose members hold a damaged text."""
    texts = [text.encode() for body in bodies() if body.startswith(b"PK") for text in members_of(body).values()]
    text = bytearray(draw(st.sampled_from(texts))[: draw(st.integers(0, 4000))])
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, max(0, len(text) - 1)))
        text[at : at + draw(st.integers(0, 5))] = draw(
            st.sampled_from([b"", b",", b"\n", b'"', b"<", b"nan", b"\xff", b"\0"])
        )
    return zipped((draw(st.sampled_from(["a.csv", "b.xml", "x_MCC_20200101_.csv"])), bytes(text)))


def only_lmp(body: bytes) -> object:
    return list(rows(body, Wanted(kinds=frozenset({"LMP"}))))


@settings(deadline=None)  # a busy machine is no defect
@given(st.one_of(st.binary(max_size=200), damaged(), members(), st.binary(max_size=60).map(lambda b: zipped(("a", b)))))
def test_any_bytes_give_rows_or_a_typed_error(body: bytes) -> None:
    for read in (*READERS, only_lmp):
        try:
            read(body)
        except (OasisError, ThrottledError, WireError):
            continue


def test_the_face_of_the_package_is_whole() -> None:
    assert Wanted() == answer.EVERYTHING
    assert START.tzinfo is not None
