"""A power in registers: any order, type and unit; never outside of the limits; never something that is no number."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.sinks.plant_writer.registers import Order, Register, Type

TYPES: tuple[Type, ...] = ("int16", "uint16", "int32", "float32")
ORDERS: tuple[Order, ...] = ("ABCD", "CDAB", "BADC", "DCBA")


@pytest.mark.parametrize(
    ("order", "words"),
    [("ABCD", (0x42F6, 0xE979)), ("CDAB", (0xE979, 0x42F6)), ("BADC", (0xF642, 0x79E9)), ("DCBA", (0x79E9, 0xF642))],
)
def test_each_word_order_is_that_of_its_name(order: Order, words: tuple[int, int]) -> None:
    register = Register(0, "float32", order)
    assert register.encode(123.456, None) == words
    assert register.decode(words, None) == pytest.approx(123.456, rel=1e-6)


@pytest.mark.parametrize(
    ("register", "mw", "words"),
    [
        (Register(0, "int16", scale=0.1), -12.3, (0x10000 - 123,)),
        (Register(0, "uint16", unit="kW"), 50.0, (50_000,)),
        (Register(0, "uint16", unit="percent", scale=0.01), 50.0, (2_500,)),
        (Register(0, "int32", unit="W", scale=1000.0), -123.456, struct.unpack(">2H", struct.pack(">i", -123_456))),
    ],
)
def test_units_and_scales(register: Register, mw: float, words: tuple[int, ...]) -> None:
    assert register.encode(mw, 200.0) == words
    assert register.decode(words, 200.0) == pytest.approx(mw)


def test_what_is_no_number_reads_as_none() -> None:
    assert Register(0).decode((0x7FC0, 0), None) is None
    assert Register(0).decode((0x7F80, 0), None) is None
    assert Register(0, "int32", absent=-0x8000_0000).decode((0x8000, 0), None) is None
    assert Register(0, "uint16", unit="percent").decode((5,), None) is None
    assert Register(0, "uint16", unit="percent").quantised(1.0, -5.0, 0.0) is None


@pytest.mark.parametrize("mw", [40.0, -1.0, math.nan, math.inf])
def test_what_does_not_fit_is_refused_and_not_cut(mw: float) -> None:
    register = Register(0, "uint16", scale=0.0005)
    with pytest.raises(ValueError, match="MW"):
        register.encode(mw, None)
    assert register.quantised(40.0, 35.0, 50.0) is None
    assert register.quantised(mw, 20.0, 30.0) == (None if not math.isfinite(mw) else 30.0 if mw > 0 else 20.0)
    assert Register(0).quantised(1e300, -1e308, 1e308) is None


@given(
    st.sampled_from(TYPES),
    st.sampled_from(ORDERS),
    st.sampled_from((1.0, 0.1, 0.01, 1 / 3)),
    st.floats(-500, 500),
    st.floats(0, 400),
    st.floats(0, 1),
)
def test_what_is_quantised_is_inside_and_reads_back(
    kind: Type, order: Order, scale: float, low: float, width: float, share: float
) -> None:
    register, high = Register(0, kind, order, scale), low + width
    mw = min(high, low + width * share)
    found = register.quantised(mw, low, high)
    if found is None:
        return
    assert low - 1e-9 <= found <= high + 1e-9
    assert register.decode(register.encode(found, None), None) == pytest.approx(found, abs=1e-9)
    if kind in ("int32", "float32"):
        assert abs(found - mw) <= scale


@pytest.mark.parametrize(
    ("register", "mw"), [(Register(0, "uint16"), -50.0), (Register(0, "int16", scale=0.001), 50.0)]
)
def test_a_power_beyond_the_type_is_refused_and_not_written_as_its_nearest(register: Register, mw: float) -> None:
    assert register.quantised(mw, -100.0, 100.0) is None
    assert register.quantised(5.0, -100.0, 100.0) == pytest.approx(5.0)
