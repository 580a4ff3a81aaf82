"""Payloads: what we write another reader reads, what we read back is the same, and any bytes are a value or an error."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.errors import WireError
from caiso_ads.sinks.sparkplug.payload import DataType, Metric, Payload, Property, decode, encode
from tests.sinks.sparkplug.reading import read, value

U32, U64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
TYPED = st.one_of(
    st.tuples(st.just(int(DataType.UINT32)), U32),
    st.tuples(st.just(int(DataType.INT32)), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just(int(DataType.INT64)), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just(int(DataType.DATETIME)), U64),
    st.tuples(st.just(int(DataType.DOUBLE)), st.floats(allow_nan=False)),
    st.tuples(st.just(int(DataType.BOOLEAN)), st.booleans()),
    st.tuples(st.just(int(DataType.STRING)), st.text(max_size=20)),
    st.tuples(st.sampled_from([int(one) for one in DataType]), st.none()),
)
TEXT = st.text(max_size=10)
PROPERTIES = st.lists(
    st.one_of(
        st.builds(Property, TEXT, st.just(DataType.INT32), st.integers(-(2**31), 2**31 - 1)),
        st.builds(Property, TEXT, st.just(DataType.STRING), TEXT),
    ),
    max_size=3,
).map(tuple)
METRICS = st.builds(
    lambda name, typed, alias, at, properties: Metric(name, typed[1], typed[0], alias, at, properties),
    st.none() | TEXT, TYPED, st.none() | U64, st.none() | U64, PROPERTIES,
)  # fmt: skip
PAYLOADS = st.builds(
    Payload, st.none() | U64, st.lists(METRICS, max_size=4).map(tuple), st.none() | st.integers(0, 255)
)


@settings(max_examples=40)
@given(PAYLOADS)
def test_what_is_written_is_read_back(payload: Payload) -> None:
    assert decode(encode(payload)) == payload


@settings(max_examples=40)
@given(PAYLOADS)
def test_a_reader_that_knows_only_the_schema_reads_the_same(payload: Payload) -> None:
    found = read(encode(payload))
    assert (found.get("timestamp"), found.get("seq")) == (payload.timestamp, payload.seq)
    for metric, other in zip(payload.metrics, found.get("metrics", []), strict=True):
        assert other.get("name") == metric.name
        number = value(other)
        if isinstance(metric.value, int) and metric.value < 0:
            number -= 2**32 if metric.kind == DataType.INT32 else 2**64
        assert number == metric.value


def test_the_bytes_are_those_of_the_schema() -> None:
    """Worked out by hand from sparkplug_b.proto."""
    metric = Metric("a", 1.0, DataType.DOUBLE, 3, 5)
    expected = "080112120a016110031805200a69000000000000f03f1807"
    assert encode(Payload(1, (metric,), 7)).hex() == expected
    assert encode(Payload(None, (Metric(None, None, None, 2),))).hex() == "120410023801"


@settings(max_examples=40)
@given(
    st.binary(max_size=80)
    | PAYLOADS.map(encode).flatmap(lambda good: st.integers(0, len(good)).map(lambda n: good[:n]))
)
def test_any_bytes_are_a_payload_or_an_error(data: bytes) -> None:
    try:
        assert isinstance(decode(data), Payload)
    except WireError:
        return


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("ff" * 11, "without an end"),
        ("08", "without an end"),
        ("1205", "cut off"),
        ("0b", "wire type 3"),
        ("1001", "a number where bytes"),
        ("0a0161", "bytes where a number"),
        ("12030a01ff", "UTF-8"),
        ("12026201", "cut off"),
        ("12026901", "cut off"),
        ("1203620101", "wrong length"),
        ("12044a020a00", "do not pair"),
    ],
)
def test_bytes_that_are_no_payload_are_refused_with_the_reason(data: str, why: str) -> None:
    with pytest.raises(WireError, match=why):
        decode(bytes.fromhex(data))


def test_a_field_that_is_not_known_is_skipped() -> None:
    assert decode(bytes.fromhex("08019a0601611807")) == Payload(1, (), 7)
