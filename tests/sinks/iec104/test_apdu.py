from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.errors import WireError
from caiso_ads.sinks.iec104.apdu import MODULO, Frame, IFrame, SFrame, U, UFrame, encode, split

NUMBERS = st.integers(0, MODULO - 1)
FRAMES = st.one_of(
    st.builds(IFrame, NUMBERS, NUMBERS, st.binary(min_size=1, max_size=249)),
    st.builds(SFrame, NUMBERS),
    st.builds(UFrame, st.sampled_from(U)),
)


@given(st.lists(FRAMES, max_size=6), st.integers(0, 300))
@settings(max_examples=60)
def test_frames_come_back_from_their_bytes_and_the_rest_waits(frames: list[Frame], cut: int) -> None:
    stream = b"".join(map(encode, frames))
    assert split(stream) == (frames, len(stream))
    first, used = split(stream[:cut])
    second, rest = split(stream[used:])
    assert first + second == frames
    assert used + rest == len(stream)


@given(st.binary(max_size=300) | st.binary(max_size=60).map(b"\x68".__add__))
@settings(max_examples=100)
def test_any_bytes_are_frames_or_a_rest_or_an_error(data: bytes) -> None:
    try:
        frames, used = split(data)
    except WireError:
        return
    assert b"".join(map(encode, frames)) == data[:used]
    assert len(data) - used < 255


@pytest.mark.parametrize(
    ("octets", "problem"),
    [
        ("00", "begins with 0x68"),
        ("474554202f", "begins with 0x68"),  # an HTTP request
        ("16030100c8", "begins with 0x68"),  # a TLS hello
        ("6803430000", "length of 3"),
        ("68fe", "length of 254"),
        ("680400000000", "without an ASDU"),
        ("68050000010001", "bit 0"),
        ("68050100000001", "with an ASDU"),
        ("680543000000aa", "with an ASDU"),
        ("680403000000", "mean nothing"),
        ("6804ff000000", "mean nothing"),
        ("680443000200", "mean nothing"),
        ("680401010200", "mean nothing"),
    ],
)
def test_what_is_no_frame_is_named(octets: str, problem: str) -> None:
    with pytest.raises(WireError, match=problem):
        split(bytes.fromhex(octets))


def test_the_bytes_are_those_of_the_standard() -> None:
    assert encode(UFrame(U.STARTDT_ACT)).hex() == "680407000000"
    assert encode(UFrame(U.TESTFR_CON)).hex() == "680483000000"
    assert encode(SFrame(5)).hex() == "680401000a00"
    assert encode(IFrame(1, 2, b"\xaa")).hex() == "680502000400aa"
