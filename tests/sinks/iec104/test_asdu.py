from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.errors import WireError
from caiso_ads.sinks.iec104.apdu import LONGEST_ASDU
from caiso_ads.sinks.iec104.asdu import (
    TIMED,
    UNTIMED,
    Cause,
    Object,
    Shown,
    Type,
    mirrored,
    moment_of,
    pack,
    parse_head,
    room,
    stamp_of,
    unpack,
)

KINDS = st.sampled_from([*TIMED, *UNTIMED])
VALUES = {
    Type.M_SP_NA_1: st.integers(0, 1),
    Type.M_BO_NA_1: st.integers(0, 2**32 - 1),
    Type.M_ME_NC_1: st.floats(width=32, allow_nan=False),
    Type.M_IT_NA_1: st.integers(0, 2**32 - 1),
}
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def messages(draw: st.DrawFn) -> tuple[Type, list[Object]]:
    kind = draw(KINDS)
    shown = st.builds(Shown, VALUES[UNTIMED.get(kind, kind)], st.integers(0, 127).map(lambda bits: bits * 2))
    stamp = MOMENTS.map(stamp_of) if kind in UNTIMED else st.just(b"")
    one = st.builds(Object, st.integers(1, 2**24 - 1), shown, stamp)
    return kind, draw(st.lists(one, min_size=1, max_size=room(kind)))


@given(messages(), st.integers(1, 65_534))
@settings(max_examples=60)
def test_a_message_comes_back_from_its_bytes(message: tuple[Type, list[Object]], station: int) -> None:
    kind, objects = message
    octets = pack(kind, Cause.SPONTANEOUS, station, objects)
    head, found = unpack(octets)
    assert len(octets) <= LONGEST_ASDU
    assert (head.type, head.cause, head.common_address) == (kind, Cause.SPONTANEOUS, station)
    assert found == objects


@given(st.binary(max_size=LONGEST_ASDU))
@settings(max_examples=100)
def test_any_bytes_are_a_message_or_an_error(octets: bytes) -> None:
    try:
        head, objects = unpack(octets)
    except WireError:
        return
    assert len(objects) == head.number


@given(moment=MOMENTS, invalid=st.booleans())
@settings(max_examples=60)
def test_a_time_comes_back_to_the_millisecond(moment: datetime, *, invalid: bool) -> None:
    found, marked = moment_of(stamp_of(moment, invalid=invalid))
    assert found == moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert marked is invalid


def test_a_time_is_utc_without_summer_time_with_its_weekday() -> None:
    pacific = datetime(2026, 7, 1, 5, 4, 3, 250_000, timezone(timedelta(hours=-7)))
    assert stamp_of(pacific).hex() == "b20c040c61071a"  # 3250 ms, minute 4, 12 h, Wednesday the 1st, July, 26


@pytest.mark.parametrize("stamp", [b"", b"\xff" * 7, bytes(7)])
def test_what_is_no_time_is_an_error(stamp: bytes) -> None:
    with pytest.raises(WireError, match="is no time"):
        moment_of(stamp)


@pytest.mark.parametrize("kind", [*TIMED, *UNTIMED])
def test_a_message_holds_as_many_objects_as_fit_its_length_and_count(kind: Type) -> None:
    stamp = b"" if kind in TIMED else bytes(7)
    size = len(pack(kind, Cause.SPONTANEOUS, 1, [Object(1, Shown(1, 0), stamp)] * room(kind)))
    one = len(pack(kind, Cause.SPONTANEOUS, 1, [Object(1, Shown(1, 0), stamp)])) - 6
    assert size <= LONGEST_ASDU < size + one


def test_an_answer_mirrors_the_command_and_keeps_test_bit_and_originator() -> None:
    asked = bytes.fromhex("3201860701000100009a99994100")
    assert mirrored(asked, Cause.ACTIVATION_CON, negative=True).hex() == "3201c70701000100009a99994100"
    head = parse_head(mirrored(asked, Cause.ACTIVATION_CON, negative=True, common_address=300))
    assert (head.cause, head.negative, head.test, head.originator) == (Cause.ACTIVATION_CON, True, True, 7)
    assert head.common_address == 300


@pytest.mark.parametrize("octets", ["", "0d01140001", "0d0114000100", "0d811400010001000000000000", "6401060001000000"])
def test_what_is_no_message_of_objects_is_an_error(octets: str) -> None:
    with pytest.raises(WireError):
        unpack(bytes.fromhex(octets))
