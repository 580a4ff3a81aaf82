"""The packed block: the checksum in the header's last slot, and each order moves what is 32 bits wide and no more."""

from __future__ import annotations

import struct

import pytest

from caiso_ads.core.points import GATEWAY_POINTS, RESOURCE_POINTS
from caiso_ads.sinks.modbus.blocks import Block, text_of
from caiso_ads.sinks.modbus.orders import WORD_ORDERS
from tests.sinks.modbus.decoding import word32
from tests.sinks.modbus.snapshots import resource, snapshot


@pytest.mark.parametrize("order", WORD_ORDERS)
def test_the_checksum_stands_in_the_last_slot_of_the_header(order: str) -> None:
    data = Block(GATEWAY_POINTS, order, 0xCAFE0123).pack(7, 2, snapshot().gateway, b"text")
    assert word32(data[156:160], order) == 0xCAFE0123
    assert {len(data), word32(data[:4], order), word32(data[196:], order)} == {200, 7}
    assert set(data[2 * (16 + 2 * len(GATEWAY_POINTS)) : 156]) == {0xFF}


@pytest.mark.parametrize("order", WORD_ORDERS)
def test_single_registers_text_and_constants_stand_the_same_in_each_order(order: str) -> None:
    straight = Block(RESOURCE_POINTS).pack(7, 2, resource(), b"text")
    data = Block(RESOURCE_POINTS, order).pack(7, 2, resource(), b"text")
    for start, stop in ((4, 24), (32, 36), (40, 44), (160, 196)):  # constants, directive, quality, text
        assert data[start:stop] == straight[start:stop]
    assert word32(data[44:48], order) == struct.unpack(">I", struct.pack(">f", 150.25))[0]


def test_the_header_has_one_slot_less_for_points() -> None:
    Block([GATEWAY_POINTS[0]] * 31, checksum=0)
    with pytest.raises(ValueError, match="32 points do not fit the 31 slots"):
        Block([GATEWAY_POINTS[0]] * 32, checksum=0)


def test_a_text_is_cut_to_its_registers() -> None:
    assert text_of("Ü" * 50) == b"?" * 36
    assert text_of("A") == b"A"
