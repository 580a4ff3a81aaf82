from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from caiso_ads.core.price import Market
from caiso_ads.errors import ConfigError
from caiso_ads.oasis.plan import ALL
from caiso_ads.oasis.query import checked_nodes, checked_url, of_nodes, query, stamp
from caiso_ads.wire.oasis.reports import CORRECTIONS, HISTORY
from caiso_ads.wire.oasis.trade_day import pacific

AT = datetime(2026, 7, 1, 7, tzinfo=UTC)


def test_a_request_is_written_as_the_specification_prints_it() -> None:
    text = query(HISTORY[Market.RTD], 3, AT, AT + timedelta(hours=1), **of_nodes(("A_1-APND", "B")), resultformat="6")
    assert text == (
        "SingleZip?queryname=PRC_INTVL_LMP&market_run_id=RTM&node=A_1-APND,B&resultformat=6"
        "&startdatetime=20260701T07:00-0000&enddatetime=20260701T08:00-0000&version=3"
    )


def test_a_group_is_asked_by_its_name_and_start() -> None:
    assert (
        query(CORRECTIONS, 1, AT, None) == "GroupZip?groupid=PRC_CORR_GRP&startdatetime=20260701T07:00-0000&version=1"
    )


def test_all_nodes_are_a_group_and_no_list() -> None:
    assert of_nodes(ALL) == {"grp_type": "ALL"}


def test_times_are_sent_in_utc() -> None:
    assert stamp(AT.astimezone(pacific())) == "20260701T07:00-0000"


@pytest.mark.parametrize(
    "url", ["http://oasis.caiso.com/oasisapi", "oasis", "https://", "https://u:p@h/x", "https://h/?a"]
)
def test_an_address_that_is_not_plain_https_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="url"):
        checked_url(url)
    assert checked_url("https://h/oasisapi/") == "https://h/oasisapi"


@pytest.mark.parametrize("node", ["", "A,B", "A B", "A\n", "Ä", "x" * 101])
def test_what_cannot_be_a_node_is_refused(node: str) -> None:
    with pytest.raises(ConfigError, match="is no node"):
        checked_nodes([node])


def test_no_node_is_refused_and_a_repeated_one_asked_once() -> None:
    with pytest.raises(ConfigError, match="no node"):
        checked_nodes([])
    assert checked_nodes(["B", "A", "B"]) == ("B", "A")


def test_a_name_cannot_add_a_parameter() -> None:
    assert "version=9" not in query(HISTORY[Market.RTD], 3, AT, AT, **of_nodes(("A&version=9",)))
