"""Written documents: valid by the schema, and read back as they were, in every style."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from caiso_ads.core.codes import BatchStatus, BatchType, DispatchMode, InstructionType
from caiso_ads.core.model import (
    DispatchBatch,
    Instruction,
    InstructionDetail,
    MssLfRequest,
    MssLfResponse,
    TrajectoryBatch,
    Unknown,
)
from caiso_ads.errors import WireError
from caiso_ads.wire.payload import (
    PayloadStyle,
    decode_batch,
    decode_batch_list,
    decode_header,
    decode_mss_request,
    decode_mss_response,
    decode_trajectories,
    encode,
    encode_batch_list,
    encode_header,
    encode_trajectories,
)
from tests.wire.strategies import nouns

AT = datetime(2020, 7, 21, 23, 20, tzinfo=UTC)
STYLES = st.builds(
    PayloadStyle,
    namespace=st.sampled_from(["http://ads.caiso.com", "http://ads.caiso.com/api/schema/v6", ""]),
    time_format=st.sampled_from(["Z", "offset7"]),
    stray_spaces=st.booleans(),
)


def _text(data: bytes) -> str:
    return data.decode()


@given(nouns(DispatchBatch), STYLES)
def test_a_batch_survives_in_every_style(batch: DispatchBatch, style: PayloadStyle) -> None:
    assert decode_batch(_text(encode(batch, style=style))) == batch


@given(st.lists(nouns(DispatchBatch), max_size=3), STYLES)
def test_a_list_survives_as_headers(batches: list[DispatchBatch], style: PayloadStyle) -> None:
    headers = tuple(replace(batch, instructions=()) for batch in batches)
    assert decode_batch_list(_text(encode_batch_list(batches, style=style))) == headers


@given(st.lists(nouns(TrajectoryBatch), max_size=3), STYLES)
def test_trajectories_survive_in_every_style(batches: list[TrajectoryBatch], style: PayloadStyle) -> None:
    assert decode_trajectories(_text(encode_trajectories(batches, style=style))) == tuple(batches)


@given(nouns(MssLfRequest), nouns(MssLfResponse), STYLES)
def test_load_following_survives_in_every_style(
    request: MssLfRequest, response: MssLfResponse, style: PayloadStyle
) -> None:
    assert decode_mss_request(_text(encode(request, style=style))) == request
    assert decode_mss_response(_text(encode(response, style=style))) == response


@cache
def _schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(Path(__file__).parents[1] / "payloads" / "ads.xsd")))


def _as_v7(value: Any) -> Any:
    """Drop what v7's schema does not know."""
    if isinstance(value, tuple):
        return tuple(_as_v7(item) for item in value)
    if not hasattr(value, "__dataclass_fields__"):
        return value
    changed = {name: _as_v7(getattr(value, name)) for name in value.__dataclass_fields__}
    newer: dict[str, Any] = {"unknown": (), "follow_dot_flag": None, "pass_indicator": None}
    if isinstance(value, TrajectoryBatch):
        newer["binding_flag"] = value.binding_flag or "Y"
    return type(value)(**{**changed, **{name: each for name, each in newer.items() if name in changed}})


@given(nouns(DispatchBatch), nouns(TrajectoryBatch), nouns(MssLfRequest), nouns(MssLfResponse))
def test_documents_are_valid_by_the_schema_of_v7(
    batch: DispatchBatch, trajectory: TrajectoryBatch, request: MssLfRequest, response: MssLfResponse
) -> None:
    documents = [encode(_as_v7(each)) for each in (batch, request, response)]
    documents += [
        encode_batch_list([_as_v7(batch)]),
        encode_trajectories([_as_v7(trajectory)]),
        encode_trajectories([]),
    ]
    for document in documents:
        _schema().assertValid(etree.fromstring(document))


BATCH = DispatchBatch(
    batch_uid="DISP-1",
    market_id="M",
    batch_status=BatchStatus.CLOSED,
    batch_received=AT,
    batch_type=BatchType.FIVE_MINUTE,
    start_time=AT,
    dispatch_mode=DispatchMode.INTERVAL,
    binding_flag="Y",
    revision_no=0,
    instructions=(
        Instruction(
            instruction_uid="DISP-1-I1",
            batch_uid="DISP-1",
            resource_id="R",
            instruction_type=InstructionType.DOT,
            revision_number=0,
            status_code=BatchStatus.NEW,
            dot_mw=25.0,
            detail=(InstructionDetail(seg_no=1, service_type="SCHD", mw=25.0),),
        ),
    ),
)


def test_the_declaration_and_namespace_are_those_of_the_wire() -> None:
    assert encode(BATCH).startswith(
        b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?><DispatchBatch xmlns="http://ads.caiso.com" batchUID="DISP-1">'
    )


def test_a_header_is_the_batch_without_instructions() -> None:
    assert decode_header(_text(encode_header(BATCH)), expected_uid="DISP-1") == replace(BATCH, instructions=())


def test_extra_elements_are_there_in_every_noun_and_are_kept_on_reading() -> None:
    read = decode_batch(_text(encode(BATCH, style=PayloadStyle(extra_elements=True))))
    extra = (Unknown("addedLater", "x1"),)
    assert [read.unknown, read.instructions[0].unknown, read.instructions[0].detail[0].unknown] == [extra, extra, extra]
    assert read.instructions[0].dot_mw == 25.0


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        (replace(BATCH, market_id="a\0b"), "DispatchBatch/marketID"),
        (replace(BATCH, batch_uid="\ud800"), "DispatchBatch/@batchUID"),
        (replace(BATCH, start_time=AT.replace(tzinfo=None)), "DispatchBatch/startTime"),
        (
            replace(BATCH, instructions=(replace(BATCH.instructions[0], dot_mw=float("nan")),)),
            "DispatchBatch/instructions[1]/dot",
        ),
        (replace(BATCH, unknown=(Unknown("a b", ""),)), "DispatchBatch"),
        (replace(BATCH, unknown=(Unknown("a", "\x01"),)), "DispatchBatch"),
    ],
)
def test_what_xml_cannot_carry_is_refused_with_its_place(wrong: DispatchBatch, where: str) -> None:
    with pytest.raises(WireError) as caught:
        encode(wrong)
    assert caught.value.where == where
