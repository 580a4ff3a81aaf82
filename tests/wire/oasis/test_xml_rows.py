import re

import pytest

from caiso_ads.core.price import FailedCheck
from caiso_ads.errors import OasisError, WireError
from caiso_ads.wire.oasis import xml_rows
from caiso_ads.wire.oasis.answer import EVERYTHING, LmpRow, Wanted, rows
from tests.wire.oasis.samples import HUB, NODE, START, members_of, sample, zipped

CURRENT = sample("PRC_CURR_LMP_one_node_v2.xml").decode()
VALUES = {"MCC": 4.89868, "MCE": 37.97606, "MGHG": 0.0, "MCL": 1.28155, "LMP": 44.15629}


def read(text: str | bytes, wanted: Wanted = EVERYTHING) -> list[LmpRow]:
    return list(rows(zipped(("a.xml", text)), wanted))


def no(check: FailedCheck) -> None:
    pytest.fail(check.text)


def test_rows_are_known_by_item_and_node() -> None:
    found = read(CURRENT)
    assert {row.kind: row.usd_per_mwh for row in found} == VALUES
    assert {(row.node, row.start, (row.end - row.start).seconds) for row in found} == {(NODE, START, 300)}


def test_the_order_of_children_and_rows_does_not_matter() -> None:
    turned = re.sub(
        r"<REPORT_DATA>\n(.*?)</REPORT_DATA>",
        lambda one: "<REPORT_DATA>" + "".join(reversed(one[1].splitlines())) + "</REPORT_DATA>",
        CURRENT,
        flags=re.DOTALL,
    )
    assert turned != CURRENT
    assert read(turned) == read(CURRENT)


@pytest.mark.parametrize("namespace", ["urn:else", "http://www.caiso.com/soa/OASISReport_v9.xsd"])
@pytest.mark.parametrize("prefix", ["", "m:", "ns0:"])
def test_any_namespace_and_prefix_is_the_same(namespace: str, prefix: str) -> None:
    text = re.sub(r"<(/?)(\w+)", rf"<\1{prefix}\2", CURRENT.partition("?>")[2])
    text = re.sub(r'xmlns="[^"]*"', f'xmlns{":" if prefix else ""}{prefix[:-1]}="{namespace}"', text)
    assert read(text) == read(CURRENT)


def test_an_unknown_item_is_kept_as_text() -> None:
    assert "LMP_NEW_PRC" in {row.kind for row in read(CURRENT.replace("LMP_GHG_PRC", "LMP_NEW_PRC"))}


def test_rows_not_wanted_are_left_out() -> None:
    body = sample("PRC_INTVL_LMP_two_nodes_1h_v2.zip")
    found = list(rows(body, Wanted(frozenset({HUB}), frozenset({"LMP"}))))
    assert len(found) == 12
    assert {(row.node, row.kind) for row in found} == {(HUB, "LMP")}


@pytest.mark.parametrize("field", ["DATA_ITEM", "RESOURCE_NAME", "INTERVAL_START_GMT", "INTERVAL_END_GMT", "VALUE"])
def test_a_row_without_a_field_raises(field: str) -> None:
    with pytest.raises(WireError, match=rf"REPORT_DATA: a row has no {field}"):
        read(re.sub(rf"<{field}>.*?</{field}>", "", CURRENT, count=1))


@pytest.mark.parametrize("value", ["", "nan", "1e999", "abc"])
def test_a_bad_price_is_named(value: str) -> None:
    with pytest.raises(WireError, match=NODE):
        read(CURRENT.replace("<VALUE>0</VALUE>", f"<VALUE>{value}</VALUE>"))


def test_a_report_without_rows_is_no_row_and_no_error() -> None:
    empty = re.sub(r"<REPORT_DATA>.*?</REPORT_DATA>\n", "", CURRENT, flags=re.DOTALL)
    assert read(empty) == []
    assert read(re.sub(r"<REPORT_ITEM>.*?</REPORT_ITEM>\n", "", CURRENT, flags=re.DOTALL)) == []


def test_a_changed_schema_is_not_taken_for_silence() -> None:
    with pytest.raises(WireError, match="without rows, with an element 'DATA_ITEM'"):
        read(CURRENT.replace("REPORT_DATA", "REPORT_ROW"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<html><body>Sign in</body></html>", "the document is 'html'"),
        (CURRENT[:800], "not well-formed"),
        ("<OASISReport>" + "<a>" * 40, "deeper than 32"),
        ("<OASISReport><a>" + "x" * 70_000 + "</a></OASISReport>", "longer than 65536"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><OASISReport>&b;</OASISReport>", "document type"),
        ("<OASISReport>&b;</OASISReport>", "not well-formed"),
        (CURRENT.encode("utf-16"), "at least one column|no column|well-formed|not"),
        ("<OASISReport><ERROR><ERR_CODE>x</ERR_CODE></ERROR></OASISReport>", "an error without a code: 'x'"),
    ],
)
def test_what_is_no_report_is_named(text: str | bytes, problem: str) -> None:
    with pytest.raises(WireError, match=problem):
        read(text)


def test_a_document_type_over_a_cut_is_seen() -> None:
    text = b"<?xml version='1.0'?><!DOCTYPE a><OASISReport/>"
    for at in range(1, len(text)):
        with pytest.raises(WireError, match="document type"):
            list(xml_rows.blocks([text[:at], text[at:]], EVERYTHING, frozenset(), no))


@pytest.mark.parametrize("prefix", ["", "m:", "other:"])
def test_an_error_document_is_an_error_with_any_prefix(prefix: str) -> None:
    text = members_of(sample("INVALID_REQUEST_1004.xml.zip"))["INVALID_REQUEST.xml"]
    text = text.replace("m:", prefix).replace("xmlns:m", f"xmlns:{prefix[:-1]}" if prefix else "xmlns")
    with pytest.raises(OasisError, match="31 days") as caught:
        read(text)
    assert caught.value.code == 1004


def test_a_long_document_is_read_in_pieces() -> None:
    """Longer than any buffer of the parser: the text of a hundred rows, some thousand times."""
    head, rest = CURRENT.split("<REPORT_DATA>", 1)
    row, tail = rest.split("</REPORT_DATA>", 1)
    data = "<REPORT_DATA>" + row + "</REPORT_DATA>\n"
    assert len(read(head + data * 40_000 + tail)) == 40_004
