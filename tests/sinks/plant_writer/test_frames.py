"""A reply is the answer to its request, or an error: any bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.sinks.plant_writer import frames
from caiso_ads.sinks.plant_writer.frames import PlantRefusedError, PlantUncertainError


def test_requests_are_those_of_the_standard() -> None:
    assert frames.read_request(3, 0x6B, 3).hex() == "03006b0003"
    assert frames.write_request(1, (0x0A, 0x0102)).hex() == "10000100020 4000a0102".replace(" ", "")
    assert frames.write_request(1, (3,), single=True).hex() == "0600010003"
    assert frames.write_request(1, (3,)).hex() == "1000010001020003"
    assert frames.framed(0x1501, 0xFF, b"\x03\x00\x04\x00\x01").hex() == "150100000006ff0300040001"


@pytest.mark.parametrize(("address", "count"), [(-1, 1), (0, 0), (0, 126), (65_535, 2)])
def test_what_cannot_be_read_is_not_asked_for(address: int, count: int) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        frames.read_request(3, address, count)
    with pytest.raises(ValueError, match="cannot be written"):
        frames.write_request(address, (0,) * count)


def test_what_is_read_is_returned_and_an_exception_names_its_code() -> None:
    asked = frames.read_request(3, 0, 2)
    assert frames.answer(bytes.fromhex("010304000affff"), 1, asked) == (10, 0xFFFF)
    with pytest.raises(PlantRefusedError, match=r"exception 02 \(illegal address\)") as caught:
        frames.answer(bytes.fromhex("018302"), 1, asked)
    assert caught.value.code == 2


@pytest.mark.parametrize(
    "body", ["020304000affff", "010404000affff", "01030400 0aff", "010302000affff", "0103", "018402", "01830200"]
)
def test_an_answer_to_another_question_is_none(body: str) -> None:
    with pytest.raises(PlantUncertainError):
        frames.answer(bytes.fromhex(body.replace(" ", "")), 1, frames.read_request(3, 0, 2))


def test_the_answer_to_a_write_repeats_it() -> None:
    asked = frames.write_request(1, (1, 2))
    assert frames.answer(b"\x01" + asked[:5], 1, asked) == ()
    with pytest.raises(PlantUncertainError, match="repeat"):
        frames.answer(b"\x01" + asked[:4] + b"\x01", 1, asked)


@pytest.mark.parametrize("head", ["000200000003", "000100070003", "000100000002", "0001000000ff"])
def test_a_head_of_another_answer_is_refused(head: str) -> None:
    with pytest.raises(PlantUncertainError):
        frames.body_length(bytes.fromhex(head), 1)
    assert frames.body_length(bytes.fromhex("000100000003"), 1) == 3


@given(st.binary(min_size=3, max_size=253), st.sampled_from([(3, 0), (16, 1), (6, 1)]))
def test_any_bytes_are_an_answer_or_an_error(body: bytes, kind: tuple[int, int]) -> None:
    asked = frames.read_request(3, 7, 2) if kind[0] == 3 else frames.write_request(7, (1,), single=kind[0] == 6)
    try:
        found = frames.answer(body, body[0], asked)
    except (PlantRefusedError, PlantUncertainError):
        return
    assert len(found) == (2 if kind[0] == 3 else 0)
