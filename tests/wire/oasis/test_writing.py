"""The writer against the samples' own layout, without our reader; then both together."""

import csv
import io
from collections import Counter
from datetime import datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.price import Market, Price
from caiso_ads.wire.oasis.answer import read_prices
from caiso_ads.wire.oasis.reports import CURRENT, HISTORY, Report
from caiso_ads.wire.oasis.writing import THROTTLE_HTML, error_zip, price_zip
from tests.wire.oasis.samples import HUB, MADE_AT, NODE, REAL, START, members_of, sample

RTD, DAM = HISTORY[Market.RTD], HISTORY[Market.DAM]
FIELDS = {
    "LMP": "lmp_usd_per_mwh", "MCE": "energy_usd_per_mwh", "MCC": "congestion_usd_per_mwh",
    "MCL": "loss_usd_per_mwh", "MGHG": "ghg_usd_per_mwh",
}  # fmt: skip


def by_csv_module(texts: list[str], column: str, market: Market) -> list[Price]:
    """The prices of a CSV sample, without our reader."""
    found: dict[tuple[str, str, str], dict[str, float]] = {}
    for text in texts:
        for row in csv.DictReader(io.StringIO(text)):
            key = row["NODE"], row["INTERVALSTARTTIME_GMT"], row["INTERVALENDTIME_GMT"]
            found.setdefault(key, {})[FIELDS[row["LMP_TYPE"]]] = float(row[column])
    return [
        Price(node, market, datetime.fromisoformat(start), datetime.fromisoformat(end), **values)
        for (node, start, end), values in found.items()
    ]


@pytest.mark.parametrize(
    ("name", "report", "version", "column"),
    [
        ("PRC_INTVL_LMP_two_nodes_1h_v1_csv.zip", RTD, 1, "MW"),
        ("PRC_INTVL_LMP_two_nodes_1h_v3_csv.zip", RTD, 3, "VALUE"),
        (REAL, DAM, 1, "MW"),
    ],
)
def test_csv_has_the_names_headers_groups_and_lines_of_the_samples(
    name: str, report: Report, version: int, column: str
) -> None:
    """All but the order within a group, which OASIS does not keep."""
    expected = members_of(sample(name))
    assert report.market is not None
    prices = by_csv_module(list(expected.values()), column, report.market)
    made = members_of(price_zip(report, version, prices, made_at=MADE_AT)[1])
    if name != REAL:
        assert list(made) == list(expected)
    for ours, theirs in zip(made.values(), expected.values(), strict=True):
        assert ours.splitlines()[0] == theirs.splitlines()[0]
        assert Counter(map(plain, ours.splitlines())) == Counter(map(plain, theirs.splitlines()))
        assert ours.endswith("\n") == theirs.endswith("\n")


def plain(line: str) -> str:
    """A node's type is not in its price; the writer tells it from the name, which is not always enough."""
    return line.replace(",ALL,", ",ALL_APNODES,")


@pytest.mark.parametrize(
    ("name", "report", "version"),
    [
        ("PRC_CURR_LMP_one_node_v1.zip", CURRENT, 1),
        ("PRC_CURR_LMP_one_node_v2.zip", CURRENT, 2),
        ("PRC_INTVL_LMP_two_nodes_1h_v2.zip", RTD, 2),
    ],
)
def test_xml_is_the_sample_byte_for_byte(name: str, report: Report, version: int) -> None:
    prices = read_prices(sample(name), Market.RTD, None).prices
    assert members_of(price_zip(report, version, prices, form="xml", made_at=MADE_AT)[1]) == members_of(sample(name))


@pytest.mark.parametrize("code", [1000, 1001, 1004, 1015])
def test_errors_are_the_samples_byte_for_byte(code: int) -> None:
    expected = members_of(sample(f"INVALID_REQUEST_{code}.xml.zip"))
    made_at = datetime.fromisoformat("2026-07-27T21:19:31.777+00:00")
    name, body = error_zip(code, made_at=made_at)
    assert (name, members_of(body)) == ("INVALID_REQUEST.xml.zip", expected)
    assert "a &lt;b&gt; &amp;" in members_of(error_zip(code, "a <b> &")[1])["INVALID_REQUEST.xml"]


def test_the_throttle_page_is_the_sample() -> None:
    assert sample("throttle_429.html").strip() == THROTTLE_HTML


def test_the_name_tells_days_report_run_and_version() -> None:
    name, _ = price_zip(RTD, 3, [*one(START)], made_at=MADE_AT)
    assert name == "20260720_20260720_PRC_INTVL_LMP_RTM_20260721_10_00_00_v3_csv.zip"
    name, _ = price_zip(DAM, 12, [*one(START)], form="xml", made_at=MADE_AT)
    assert name == "20260720_20260720_PRC_LMP_DAM_20260721_10_00_00_v12.zip"


def one(start: datetime) -> list[Price]:
    return [Price(NODE, Market.RTD, start, start + timedelta(minutes=5), 1.0, 1.0, 0.0, 0.0, 0.0)]


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert price_zip(RTD, 3, one(START), made_at=MADE_AT) == price_zip(RTD, 3, one(START), made_at=MADE_AT)


@pytest.mark.parametrize(
    ("market", "version", "column"),
    [
        (Market.RTD, 1, "MW"), (Market.RTD, 2, "VALUE"), (Market.RTD, 3, "VALUE"), (Market.FMM, 3, "PRC"),
        (Market.HASP, 3, "MW"), (Market.DAM, 1, "MW"), (Market.DAM, 12, "MW"),
    ],
)  # fmt: skip
def test_each_market_has_its_price_column(market: Market, version: int, column: str) -> None:
    for text in members_of(price_zip(HISTORY[market], version, one(START), made_at=MADE_AT)[1]).values():
        header = text.splitlines()[0].split(",")
        assert [each for each in header if each in ("MW", "VALUE", "PRC")] == [column]


CENTS = st.integers(-(10**8), 10**8).map(lambda value: value / 1e5)


@given(
    st.sampled_from([(report, v) for report in (*HISTORY.values(), CURRENT) for v in report.versions]),
    st.sampled_from(["csv", "xml"]),
    st.dictionaries(
        st.tuples(st.sampled_from([NODE, HUB, "A&B"]), st.integers(-9000, 9000)),
        st.tuples(CENTS, CENTS, CENTS, CENTS),
        min_size=1,
        max_size=6,
    ),
)
def test_what_was_written_is_read(
    layout: tuple[Report, int], form: Literal["csv", "xml"], values: dict[tuple[str, int], tuple[float, ...]]
) -> None:
    report, version = layout
    assert report.market is not None
    step = timedelta(seconds=report.interval_s)
    prices = []
    for (node, at), parts in values.items():
        mce, mcc, mcl, ghg = parts
        given_ghg = ghg if version > 1 else None
        lmp = round(mce + mcc + mcl + (given_ghg or 0.0), 5)
        start = START.replace(hour=0) + at * step
        prices.append(Price(node, report.market, start, start + step, lmp, mce, mcc, mcl, given_ghg))
    found = read_prices(price_zip(report, version, prices, form=form, made_at=MADE_AT)[1], report.market, None)
    assert found.failed_checks == ()
    assert found.prices == tuple(sorted(prices, key=lambda each: (each.node, each.start)))
