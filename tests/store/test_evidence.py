from __future__ import annotations

import base64
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.store.evidence import Form, compact, intact, original


@given(st.binary(max_size=300) | st.binary(max_size=300).map(base64.b64encode))
def test_any_payload_comes_back_byte_for_byte(payload: bytes) -> None:
    assert original(*compact(payload)) == payload


def test_plain_base64_is_stored_decoded() -> None:
    assert compact(b"aGVsbG8gd29ybGQ=") == (Form.BASE64, b"hello world")


@pytest.mark.parametrize(
    "odd",
    [
        base64.encodebytes(bytes(range(256))),  # wrapped lines
        b" aGVsbG8gd29ybGQ=",
        b"aGVsbG8gd29ybGQ=\n",
        b"aGVsbG8gd29ybGR=",  # the last digit has bits that carry nothing: decodes, but not back to this
        b"aGVsbG8gd29ybGQ",
        b"<APIDispatchResponse/>",
        b"",
    ],
)
def test_what_would_not_encode_to_the_same_bytes_is_kept_as_received(odd: bytes) -> None:
    assert compact(odd) == (Form.AS_RECEIVED, odd)


def test_one_changed_bit_is_noticed() -> None:
    payload = b"aGVsbG8gd29ybGQ="
    digest = sha256(payload).digest()
    assert intact(payload, digest)
    assert not intact(bytes([payload[0] ^ 1]) + payload[1:], digest)
