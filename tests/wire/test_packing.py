"""Packing: what was packed comes back; damage has a name; nothing inflates without bound."""

import base64
import gzip
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.errors import WireError
from caiso_ads.wire.packing import MAX_UNPACKED, pack, unpack

XML = b"<a>1</a>"
GZIPPED = gzip.compress(XML, mtime=0)  # test names must not change with the clock


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@given(st.binary(max_size=2000))
def test_what_was_packed_comes_back(data: bytes) -> None:
    assert unpack(pack(data)) == data
    assert unpack(pack(data, wrap=True)) == data


def test_packing_the_same_bytes_gives_the_same_text() -> None:
    assert pack(XML) == pack(XML)


def test_wrapped_lines_are_at_most_76_long() -> None:
    lines = pack(bytes(range(256)) * 4, wrap=True).splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) == 76


@pytest.mark.parametrize("text", ["<a/>", "\ufeff<a/>", " \r\n\t<a/>"])
def test_text_that_starts_with_a_tag_is_xml(text: str) -> None:
    assert unpack(text) == b"<a/>"


def test_the_label_of_xml_that_was_text_is_made_true() -> None:
    assert (
        unpack("<?xml version='1.0' encoding='utf-16'?><a>é</a>")
        == "<?xml version='1.0' encoding='UTF-8'?><a>é</a>".encode()
    )


def test_base64_without_gzip_is_taken_as_it_is() -> None:
    assert unpack(_b64(XML)) == XML


def test_blanks_and_line_breaks_in_base64_do_not_matter() -> None:
    text = pack(XML)
    assert unpack(f"\n {text[:5]}\r\n\t{text[5:]} \n") == XML


@pytest.mark.parametrize(
    "text", [pack(XML)[:-1], pack(XML)[:-2], "AAA*", "-1", "A", "_-8=", "AA==AA==", "é", "AAAA====", "\u2003AAAA"]
)
def test_damaged_base64_is_refused(text: str) -> None:
    with pytest.raises(WireError, match="Base64"):
        unpack(text)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (GZIPPED[:-1], "cut off"),
        (GZIPPED[:12], "cut off"),
        (b"\x1f\x8b", "cut off"),
        (GZIPPED[:-8] + b"\0" * 8, "damaged gzip"),
        (GZIPPED[:-4] + b"\x09\0\0\0", "damaged gzip"),
        (b"\x1f\x8b\x07" + GZIPPED[3:], "damaged gzip"),
        (GZIPPED + b"xyz", "followed by 3 bytes"),
        (GZIPPED + GZIPPED, "second member"),
    ],
)
def test_each_damage_of_gzip_has_its_name(data: bytes, problem: str) -> None:
    with pytest.raises(WireError, match=problem):
        unpack(_b64(data))


def test_a_gzip_bomb_stops_at_the_limit() -> None:
    bomb = zlib.compressobj(9, wbits=31)
    data = b"".join([bomb.compress(bytes(1024 * 1024)) for _ in range(200)]) + bomb.flush()
    with pytest.raises(WireError, match="larger than"):
        unpack(_b64(data))


def test_a_document_of_exactly_the_limit_passes() -> None:
    assert len(unpack(pack(bytes(MAX_UNPACKED)))) == MAX_UNPACKED


def test_plain_documents_are_bounded_too() -> None:
    with pytest.raises(WireError, match="larger than"):
        unpack("<" + "a" * MAX_UNPACKED)
    with pytest.raises(WireError, match="larger than"):
        unpack("a" * (2 * MAX_UNPACKED + 1))


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(WireError, match="surrogate"):
        unpack("<a>\ud800</a>")


@given(st.text() | st.binary().map(_b64) | st.binary().map(lambda data: _b64(b"\x1f\x8b\x08" + data)))
def test_any_text_gives_bytes_or_a_wire_error(text: str) -> None:
    with suppress(WireError):
        assert isinstance(unpack(text), bytes)
