"""What passes the pipe comes out as it went in, and bytes that mean nothing are said to."""

from __future__ import annotations

import io
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.points import NODE_POINTS, PointValue
from caiso_ads.core.quality import Quality
from caiso_ads.sinks._child.wire import (
    LONGEST,
    Bound,
    Failed,
    Line,
    Read,
    Refused,
    Reply,
    Seen,
    Shown,
    frame,
    line,
    packed,
    read_frame,
    reply_of,
    unpacked,
)
from tests.sinks.modbus.snapshots import AT, snapshot

value = st.one_of(st.none(), st.floats(allow_nan=False), st.integers(0, 2**32 - 1), st.just(AT))
point = st.builds(PointValue, value, st.sampled_from(Quality), st.sampled_from((None, AT)))


@given(st.lists(point, min_size=len(NODE_POINTS), max_size=len(NODE_POINTS)), point)
def test_a_snapshot_comes_out_as_it_went_in(row: list[PointValue], price: PointValue) -> None:
    sent = replace(snapshot(), nodes={"N": tuple(row)}, dot_prices={"R": price})
    body = read_frame(io.BytesIO(frame(packed(sent))))
    assert body is not None
    got = unpacked(msgspec.msgpack.decode(body, type=Shown))
    assert (got.generation, got.at, got.dot_prices) == (sent.generation, sent.at, sent.dot_prices)
    assert tuple(got.gateway) == tuple(sent.gateway)
    for mine, theirs in ((sent.resources, got.resources), (sent.nodes, got.nodes)):
        assert {key: tuple(one) for key, one in mine.items()} == {key: tuple(one) for key, one in theirs.items()}


@pytest.mark.parametrize("data", [b"", b"\0\0", b"\0\0\0\5abc", (LONGEST + 1).to_bytes(4, "big") + b"x" * 10])
def test_what_is_no_frame_is_none(data: bytes) -> None:
    assert read_frame(io.BytesIO(data)) is None


@pytest.mark.parametrize(
    "reply",
    [
        Bound([("127.0.0.1", 5)]),
        Seen(4),
        Read("10.0.0.9", 1, 4),
        Refused("10.0.0.9", "login"),
        Line(30, "a\nb"),
        Failed("x"),
    ],
)
def test_a_reply_is_one_line(reply: Reply) -> None:
    text = line(reply)
    assert text.count(b"\n") == 1
    assert reply_of(text) == reply


@given(st.binary(max_size=60))
def test_a_line_that_means_nothing_is_a_value_error(text: bytes) -> None:
    try:
        reply_of(text)
    except ValueError:
        return
    assert text.strip().startswith(b"{")
