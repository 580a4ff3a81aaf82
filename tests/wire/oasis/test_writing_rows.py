import pytest

from caiso_ads.core.price import Market
from caiso_ads.wire.oasis.reports import HISTORY
from caiso_ads.wire.oasis.writing_rows import csv_lines, decimals, error_document, xml_document
from tests.wire.oasis.samples import HUB, MADE_AT, NODE, START


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (-1e-9, "0"),
        (41.25, "41.25"),
        (-1.68082, "-1.68082"),
        (100.0, "100"),
        (1e-5, "0.00001"),
    ],
)
def test_prices_have_no_needless_zeros(value: float, text: str) -> None:
    assert decimals(value) == text


def test_groups_are_numbered_and_aggregates_are_marked() -> None:
    groups = [(NODE, "LMP", [(START, START, 1.0)]), (HUB, "MCC", [(START, START, 2.0)])]
    _, first, second = csv_lines(HISTORY[Market.RTD], 1, groups)
    assert first.strip().split(",")[-4:] == ["ALL", "0", "1", "1"]
    assert second.strip().split(",")[-4:] == ["ALL_APNODES", "0", "2", "2"]


def test_texts_are_escaped() -> None:
    assert "A&amp;B" in "".join(xml_document(HISTORY[Market.RTD], 2, [("A&B", "LMP", [(START, START, 1.0)])], MADE_AT))
    assert "&lt;x&gt;" in error_document(1001, "<x>", MADE_AT)
