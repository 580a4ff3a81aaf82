"""Documents: the specification's samples, v8's shape, wrong answers, and any text at all."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.codes import BatchStatus, ResponseResult
from caiso_ads.core.model import DispatchBatch, LoadFollowingRequest, LoadFollowingResult, TrajectoryBatch
from caiso_ads.errors import WireError
from caiso_ads.wire.operations import OPERATIONS
from caiso_ads.wire.packing import pack
from caiso_ads.wire.payload import (
    BadItem,
    decode_batch,
    decode_batch_list,
    decode_bool,
    decode_header,
    decode_int,
    decode_mss_request,
    decode_mss_response,
    decode_trajectories,
    read_result,
)

PAYLOADS = Path(__file__).parents[1] / "payloads"
DECODERS: tuple[Callable[[str], Any], ...] = (
    decode_batch_list,
    decode_batch,
    decode_header,
    decode_trajectories,
    decode_mss_request,
    decode_mss_response,
    decode_int,
    decode_bool,
)
FIRST = "DISP-59F16A91-46CA-402B-FFDC-0A090014DA8C"


def _sample(case: str, name: str = "document") -> str:
    return (PAYLOADS / case / f"{name}.xml").read_text(encoding="utf-8")


def _good(items: tuple[Any, ...]) -> list[Any]:
    assert not [item for item in items if isinstance(item, BadItem)]
    return list(items)


def test_the_list_of_the_specification() -> None:
    first, second = _good(decode_batch_list(_sample("v7-list")))
    assert [first.batch_uid, second.batch_uid] == [FIRST, "DISP-59F16A91-46CA-402B-FFDC-0A090015FF5DE"]
    assert first.batch_received == datetime(2006, 10, 13, 14, 55, 36, tzinfo=UTC)
    assert (first.market_id, first.batch_status, first.revision_no, second.revision_no) == (
        "5MinDOT",
        BatchStatus.CLOSED,
        4,
        3,
    )
    assert first.batch_expires < first.batch_received  # as printed; not the codec's business


def test_the_batch_of_the_specification() -> None:
    batch = decode_batch(_sample("v7-batch"), expected_uid=f" {FIRST} ")
    one, two = batch.instructions
    assert (batch.batch_uid, one.batch_uid, two.resource_id) == (FIRST, FIRST, "TEST_RESOURCE_2")
    assert (one.dot_mw, one.accept_dot_mw, one.pre_goto_mw, one.hourly_mw) == (12.0, 12.0, 0.0, 3.0)
    assert (one.agc_flag, one.rmr_flag, two.agc_flag) == ("Y", "N", None)
    assert one.api_validated_by == "TEST_John Smith"
    assert [segment.service_type for segment in one.detail] == [
        "SCHD",
        "SUPP",
        "RMPS",
        "SPIN",
        "NSPN",
        "HASE",
        "MSS",
        "TBD",
    ]
    assert [segment.mw for segment in two.detail] == [0.0, 2.0, 4.0, 1.0, 3.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize(("case", "decode"), [("v7-list", decode_batch_list), ("v7-batch", decode_batch)])
def test_samples_before_their_correction_are_refused(case: str, decode: Callable[[str], Any]) -> None:
    with pytest.raises(WireError, match="not well-formed"):
        decode(_sample(case, "as-printed"))


def test_the_trajectories_of_the_specification() -> None:
    first, second = _good(decode_trajectories(_sample("v7-trajectory")))
    assert (first.dops, [row.compl_flag for row in first.compliance]) == ((), ["Y", "N"])
    assert (second.binding_flag, second.compliance) == (None, ())
    assert [(point.resource_id, point.dop_mw, point.sequence_number) for point in second.dops] == [
        ("TEST_RESOURCE_1", 16.0, 1),
        ("TEST_RESOURCE_2", 14.0, 1),
    ]
    assert second.dops[0].target_time == datetime(2006, 10, 13, 15, 8, tzinfo=UTC)


def test_the_load_following_documents_of_the_specification() -> None:
    request = decode_mss_request(_sample("v7-mss-request"))
    assert request.requests == (
        LoadFollowingRequest(
            sc_mss_batch_id="TestBatch1",
            sc_instruction_id="TestInstruction1",
            resource_id="test",
            start_time=datetime(2006, 9, 25, 5, tzinfo=UTC),
            end_time=datetime(2006, 9, 25, 6, tzinfo=UTC),
            load_following_mw=100.0,
        ),
    )
    response = decode_mss_response(_sample("v7-mss-response"))
    assert response.results == (
        LoadFollowingResult(
            caiso_mss_batch_id="8",
            caiso_instruction_id="7",
            sc_mss_batch_id="TestBatch1",
            sc_instruction_id="TestInstruction1",
            validated=True,
        ),
    )


def test_the_shape_of_v8() -> None:
    batch = decode_batch(pack(_sample("v8-five-minute").encode()))
    assert [one.follow_dot_flag for one in batch.instructions] == [None, "Y", None]
    assert {one.pass_indicator for one in batch.instructions} == {"RTED"}
    assert [one.end_time for one in batch.instructions] == [None] * 3
    assert batch.unknown + batch.instructions[1].unknown == ()
    for one in batch.instructions:
        assert [segment.seg_no for segment in one.detail] == [1, 2, 3, 4, 5]
        amounts = {segment.service_type: segment.mw or 0.0 for segment in one.detail}
        assert one.dot_mw == sum(amounts[name] for name in ("RMPS", "SUPP", "SPIN", "NSPN"))


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("<dot>11.0<", "<dot>1u5<", "DispatchBatch/instructions[2]/dot"),
        ("<batchType>0</batchType>", "", "DispatchBatch/batchType"),
        ('segNo="8"', 'segNo="eight"', "DispatchBatch/instructions[1]/detail[8]/@segNo"),
    ],
)
def test_a_batch_with_one_bad_value_is_refused_with_its_place(old: str, new: str, where: str) -> None:
    with pytest.raises(WireError) as caught:
        decode_batch(_sample("v7-batch").replace(old, new))
    assert caught.value.where == where


def test_one_unreadable_batch_does_not_lose_its_neighbours() -> None:
    text = _sample("v7-list").replace("<revisionNo>4<", "<revisionNo>many<")
    bad, good = decode_batch_list(text)
    assert isinstance(bad, BadItem)
    assert (bad.uid, bad.error.where) == (FIRST, "APIDispatchResponse/dispatchBatchList[1]/revisionNo")
    assert isinstance(good, DispatchBatch)


def test_one_unreadable_trajectory_does_not_lose_its_neighbours() -> None:
    good, bad = decode_trajectories(_sample("v7-trajectory").replace("<dop>14<", "<dop>NaN<"))
    assert isinstance(good, TrajectoryBatch)
    assert isinstance(bad, BadItem)
    assert bad.error.where == "APITrajectoryResponse/trajectoryBatchList[2]/dopList[2]/dop"


def test_a_bad_item_without_an_identifier_says_so() -> None:
    (bad,) = decode_batch_list(
        "<APIDispatchResponse><dispatchBatchList><DispatchBatch/></dispatchBatchList></APIDispatchResponse>"
    )
    assert isinstance(bad, BadItem)
    assert bad.uid is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n",
        "<APIDispatchResponse/>",
        "<APIDispatchResponse><dispatchBatchList/></APIDispatchResponse>",
        "<APIDispatchResponse><later>1</later></APIDispatchResponse>",
    ],
)
def test_an_empty_list_is_a_list(text: str) -> None:
    assert decode_batch_list(text) == ()


def test_batches_beside_the_list_element_are_not_lost() -> None:
    text = _sample("v7-list").replace("<dispatchBatchList>", "").replace("</dispatchBatchList>", "")
    assert decode_batch_list(text) == decode_batch_list(_sample("v7-list"))


@pytest.mark.parametrize("expected", ["DISP-other", FIRST.lower(), ""])
def test_another_batch_than_asked_for_is_refused(expected: str) -> None:
    for decode in (decode_batch, decode_header):
        with pytest.raises(WireError, match="asked for"):
            decode(_sample("v7-batch"), expected_uid=expected)


@pytest.mark.parametrize("decode", DECODERS[:6])
def test_a_document_of_another_kind_is_refused(decode: Callable[[str], Any]) -> None:
    for other in ("<html><body>Sign in</body></html>", "<trajectoryBatch/>"):
        with pytest.raises(WireError, match="the document is a"):
            decode(other)


@pytest.mark.parametrize(
    "decode", [decode_batch, decode_header, decode_mss_request, decode_mss_response, decode_int, decode_bool]
)
def test_an_empty_result_is_no_document_and_no_value(decode: Callable[[str], Any]) -> None:
    with pytest.raises(WireError):
        decode(" ")


def test_a_document_in_utf_16_inside_base64_is_read() -> None:
    document = _sample("v7-mss-response").replace("UTF-8", "UTF-16").encode("utf-16")
    assert decode_mss_response(pack(document)) == decode_mss_response(_sample("v7-mss-response"))


def test_each_operation_gives_its_type() -> None:
    batch = _sample("v7-batch")
    results = {
        "getDispatchBatchesSinceUID": read_result("getDispatchBatchesSinceUID", _sample("v7-list"), "-1"),
        "getDispatchBatch": read_result("getDispatchBatch", pack(batch.encode()), FIRST),
        "getBatchHeader": read_result("getBatchHeader", batch, FIRST),
        "getTrajectoryData": read_result("getTrajectoryData", _sample("v7-trajectory")),
    }
    assert [type(results[name]) for name in results] == [tuple, DispatchBatch, DispatchBatch, tuple]
    assert read_result("getBatchStatus", " 4 ", FIRST) is BatchStatus.EMERGENCY_CANCELLED
    assert read_result("isNewTrajData", "1") is True
    assert read_result("validateDispatchBatch", "whatever") is None
    assert read_result("acceptInstruction", "2") is ResponseResult.RC_INVALID_RESPONSE_PERIOD
    assert read_result("submitMSSLFRequest", _sample("v7-mss-response")).sc_mss_batch_id == "TestBatch1"
    with pytest.raises(WireError, match="no operation"):
        read_result("getEverything", "")


def test_an_answer_about_another_uid_is_refused() -> None:
    for name in ("getDispatchBatch", "getBatchHeader"):
        with pytest.raises(WireError, match="asked for"):
            read_result(name, _sample("v7-batch"), "DISP-other")


_TEXTS = [path.read_text(encoding="utf-8") for path in sorted(PAYLOADS.glob("*/*.xml"))]


@st.composite
def _damaged(draw: st.DrawFn) -> str:
    """A real document with a piece replaced, sometimes packed."""
    text = draw(st.sampled_from(_TEXTS))
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 40)))
    piece = draw(
        st.text(max_size=5) | st.sampled_from(["<x>", "</x>", "&", "<!--", "]]>", "9" * 5000, "<a/>", "1e999"])
    )
    damaged = text[:start] + piece + text[end:]
    return pack(damaged.encode("utf-8", "replace")) if draw(st.booleans()) else damaged


@given(st.text() | _damaged())
def test_any_text_gives_a_value_or_a_wire_error(text: str) -> None:
    for decode in DECODERS:
        with suppress(WireError):
            decode(text)
    for name in OPERATIONS:
        with suppress(WireError):
            read_result(name, text, "DISP")
