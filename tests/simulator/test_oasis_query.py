from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.simulator.oasis_query import ALL, GROUPS, SINGLE, Ask, NoSuchPageError, RefusedError, name_of, read
from caiso_ads.simulator.switches import Switches
from caiso_ads.wire.oasis.reports import ERROR_CODES

GOOD = {
    "queryname": "PRC_INTVL_LMP",
    "market_run_id": "RTM",
    "version": "3",
    "startdatetime": "20260701T07:00-0000",
    "enddatetime": "20260701T08:00-0000",
    "node": "A_1_N001,B_1_N001",
    "resultformat": "6",
}
GROUP = {"groupid": "RTM_LMP_GRP", "version": "3", "startdatetime": "20260701T07:00-0000"}


def asked(page: str = "SingleZip", /, **changes: str | None) -> Ask:
    query = {**(GOOD if page == "SingleZip" else GROUP), **changes}
    return read(page, {key: value for key, value in query.items() if value is not None}, Switches())


def test_a_request_is_read_whole() -> None:
    ask = asked()
    assert (ask.report.query, ask.version, ask.form) == ("PRC_INTVL_LMP", 3, "csv")
    assert (ask.start, ask.end) == (datetime(2026, 7, 1, 7, tzinfo=UTC), datetime(2026, 7, 1, 8, tzinfo=UTC))
    assert ask.nodes == ("A_1_N001", "B_1_N001")
    assert asked(resultformat=None).form == asked(resultformat="5").form == "xml"
    assert asked(startdatetime="20260701T00:00-0700").start == ask.start
    assert asked(node=None, grp_type=ALL).everything == ALL


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        (1001, {"grp_type": "ALL"}),
        (1001, {"node": None}),
        (1001, {"node": None, "grp_type": "SOME"}),
        (1001, {"market_run_id": None}),
        (1002, {"startdatetime": "2026-07-01T07:00-0000"}),
        (1002, {"startdatetime": "20260732T07:00-0000"}),
        (1002, {"startdatetime": "00010101T00:00-0000", "enddatetime": "99991231T23:00-0800"}),
        (1002, {"enddatetime": "20260701T07:00-0000"}),
        (1004, {"enddatetime": "20260801T07:00-0000"}),
        (1005, {"queryname": "PRC_NOTHING"}),
        (1011, {"queryname": None}),
        (1011, {"enddatetime": None}),
        (1017, {"node": ",".join(f"N{n}" for n in range(201))}),
        (1019, {"market_term": "ALL"}),
        (1020, {"version": None}),
        (1020, {"version": "4"}),
        (1020, {"version": "x"}),
    ],
)
def test_each_mistake_has_its_code(code: int, changes: dict[str, str | None]) -> None:
    with pytest.raises(RefusedError) as caught:
        asked(**changes)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        (1016, {"groupid": "NO_GRP"}),
        (1011, {"groupid": None}),
        (1018, {"enddatetime": "20260701T09:00-0000"}),
        (1002, {"startdatetime": "soon"}),
    ],
)
def test_each_mistake_of_a_group_has_its_code(code: int, changes: dict[str, str | None]) -> None:
    with pytest.raises(RefusedError) as caught:
        asked("GroupZip", **changes)
    assert caught.value.code == code


def test_31_days_are_calendar_days_touched() -> None:
    assert asked(startdatetime="20260701T00:00-0000", enddatetime="20260801T00:00-0000").end.day == 1
    with pytest.raises(RefusedError, match="1004"):
        asked(startdatetime="20260701T12:00-0000", enddatetime="20260801T12:00-0000")
    assert asked(startdatetime="20260701T12:00-0000", enddatetime="20260731T12:00-0000").end.day == 31


def test_the_limit_of_nodes_is_a_switch() -> None:
    query = {**GOOD, "node": ",".join(f"N{n}" for n in range(11))}
    assert len(read("SingleZip", query, Switches()).nodes) == 11
    with pytest.raises(RefusedError, match="1017"):
        read("SingleZip", query, Switches(node_limit=10))


def test_a_run_the_report_has_not_is_no_page() -> None:
    with pytest.raises(NoSuchPageError):
        asked(queryname="PRC_LMP", version="12", market_run_id="RTM")


def test_the_current_price_takes_any_date_and_all() -> None:
    ask = asked(
        queryname="PRC_CURR_LMP", version="2", market_run_id=None, node="ALL", enddatetime=GOOD["startdatetime"]
    )
    assert (ask.everything, ask.nodes) == (ALL, ())


def test_names_are_known_by_page() -> None:
    assert all(name_of("SingleZip", {"queryname": name}) == name for name in SINGLE)
    assert all(name_of("GroupZip", {"groupid": name}) == name for name in GROUPS)
    assert name_of("SingleZip", {"queryname": "RTM_LMP_GRP"}) == name_of("GroupZip", {}) == ""


@given(
    st.sampled_from(["SingleZip", "GroupZip"]),
    st.dictionaries(st.sampled_from([*GOOD, "groupid", "grp_type", "market_term"]), st.text(max_size=20)),
)
def test_any_request_is_read_or_refused(page: str, changes: dict[str, str]) -> None:
    query = {**(GOOD if page == "SingleZip" else GROUP), **changes}
    assert outcome(page, query) in {0, 404, *ERROR_CODES}


def outcome(page: str, query: dict[str, str]) -> int:
    try:
        read(page, query, Switches())
    except RefusedError as error:
        return error.code
    except NoSuchPageError:
        return 404
    return 0
