"""Four orders of one number: the bytes change places, and nothing else does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.sinks.modbus.orders import WORD_ORDERS, arranged, arranger
from tests.sinks.modbus.decoding import word32

EXPECTED = {"ABCD": "01020304", "CDAB": "03040102", "BADC": "02010403", "DCBA": "04030201"}


@pytest.mark.parametrize("order", WORD_ORDERS)
def test_each_order_is_what_its_letters_say(order: str) -> None:
    assert arranged(b"\x01\x02\x03\x04", order).hex() == EXPECTED[order]
    assert word32(arranged(b"\x01\x02\x03\x04", order), order) == 0x01020304


@given(st.binary(min_size=20, max_size=20), st.sampled_from(WORD_ORDERS))
def test_only_the_named_places_of_a_block_change(block: bytes, order: str) -> None:
    moved = arranger(10, [2, 7], order)(block)
    assert moved[:4] + moved[8:14] + moved[18:] == block[:4] + block[8:14] + block[18:]
    for at in (4, 14):
        assert moved[at : at + 4] == arranged(block[at : at + 4], order)


def test_the_order_of_the_wire_costs_nothing() -> None:
    block = bytes(200)
    assert arranger(100, [0], "ABCD")(block) is block
