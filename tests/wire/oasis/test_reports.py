from caiso_ads.core.price import Market
from caiso_ads.wire.oasis import reports


def test_each_market_has_its_report_and_its_interval() -> None:
    assert {market: report.interval_s for market, report in reports.HISTORY.items()} == {
        Market.RTD: 300, Market.FMM: 900, Market.HASP: 900, Market.DAM: 3600,
    }  # fmt: skip
    assert all(report.market is market for market, report in reports.HISTORY.items())


def test_versions_are_tried_from_the_newest() -> None:
    for report in (*reports.HISTORY.values(), reports.CURRENT):
        assert list(report.versions) == sorted(report.versions, reverse=True)


def test_every_documented_error_code_has_a_verdict() -> None:
    assert sorted(reports.ERROR_CODES) == list(range(1000, 1021))
    assert [code for code, (verdict, _) in reports.ERROR_CODES.items() if verdict is reports.Verdict.EMPTY] == [1000]
