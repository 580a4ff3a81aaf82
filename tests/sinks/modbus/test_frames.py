"""Every request has one right answer, and any bytes have an end."""

from __future__ import annotations

import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from caiso_ads.sinks.modbus.frames import BUFFER_SIZE, Responder
from caiso_ads.sinks.modbus.image import Renderer
from caiso_ads.sinks.modbus.layout import Plan
from tests.sinks.modbus.snapshots import IDS, frame, read, snapshot

IMAGE = Renderer(Plan(IDS)).render(snapshot())
IDENTITY = {0: b"caiso-ads", 1: b"gateway", 2: b"0.1.0", 4: b"CAISO ADS gateway", 6: b"Plant 1"}


def responder(identity: dict[int, bytes] | None = None, *, answer_foreign_units: bool = True) -> Responder:
    return Responder(
        lambda: IMAGE,
        units=(1,),
        identity=identity or IDENTITY,
        answer_foreign_units=answer_foreign_units,
        audit=lambda function, peer: None,
    )


def answers(data: bytes, to: Responder | None = None) -> tuple[list[bytes], int, bool]:
    buffer = bytearray(max(BUFFER_SIZE, len(data)))
    buffer[: len(data)] = data
    return (to or responder()).answer(buffer, len(data))


def pdu(request: str) -> str:
    """Return the reply PDU of one request PDU, both in hex."""
    replies, used, sound = answers(frame(request, transaction=0xABCD))
    assert sound
    assert used == len(frame(request))
    (reply,) = replies
    transaction, protocol, length, unit = struct.unpack_from(">HHHB", reply)
    assert (transaction, protocol, length, unit) == (0xABCD, 0, len(reply) - 6, 1)
    return reply[7:].hex()


EXCEPTIONS = {
    "unknown function 0x41": ("41", "c101"),
    "function 0": ("00", "8001"),
    "function 0x80": ("80", "8001"),
    "function 0xff": ("ff", "ff01"),
    "read exception status": ("07", "8701"),
    "diagnostics": ("0800000000", "8801"),
    "server ID": ("11", "9101"),
    "write coil": ("050000ff00", "8501"),
    "write register": ("0600000001", "8601"),
    "write coils": ("0f0000000101ff", "8f01"),
    "write registers": ("10000000010200ff", "9001"),
    "mask write": ("160000ffff0000", "9601"),
    "read and write": ("1703e8000103e80001020000", "9701"),
    "write file": ("1507060001000100010000", "9501"),
    "holding, nothing": ("0303e80000", "8303"),
    "holding, 126": ("0303e8007e", "8303"),
    "holding, 65535": ("0303e8ffff", "8303"),
    "input, nothing": ("0403e80000", "8403"),
    "input, 126": ("0403e8007e", "8403"),
    "bits, nothing": ("0200000000", "8203"),
    "bits, 2001": ("02000007d1", "8203"),
    "coils, 2001": ("01000007d1", "8103"),
    "too short": ("0303e800", "8303"),
    "too long": ("0303e8000100", "8303"),
    "only the function": ("03", "8303"),
    "bits, too short": ("02", "8203"),
    "gap": ("0300640001", "8302"),
    "before the native map": ("0303e70001", "8302"),
    "beyond the end": ("0305140001", "8302"),
    "over the end": ("0305130002", "8302"),
    "last address": ("03ffff0001", "8302"),
    "over the last address": ("03ffff007d", "8302"),
    "bits beyond the end": ("0200660001", "8202"),
    "coils beyond the end": ("0100660001", "8102"),
    "identity, other type": ("2b0d", "ab01"),
    "identity, no type": ("2b", "ab01"),
    "identity, too short": ("2b0e01", "ab03"),
    "identity, too long": ("2b0e010000", "ab03"),
    "identity, access 0": ("2b0e0000", "ab03"),
    "identity, access 5": ("2b0e0500", "ab03"),
    "identity, no such object": ("2b0e0403", "ab02"),
    "identity, no such object, 255": ("2b0e04ff", "ab02"),
}


@pytest.mark.parametrize("case", EXCEPTIONS)
def test_what_cannot_be_answered_gets_the_right_exception(case: str) -> None:
    request, reply = EXCEPTIONS[case]
    assert pdu(request) == reply


@pytest.mark.parametrize("function", [3, 4])
@pytest.mark.parametrize(("address", "quantity"), [(0, 1), (0, 100), (1000, 125), (1100, 100), (1299, 1), (1175, 125)])
def test_holding_and_input_registers_are_the_same(function: int, address: int, quantity: int) -> None:
    data = IMAGE.units[1].registers(address, quantity)
    assert data is not None
    assert pdu(f"{function:02x}{address:04x}{quantity:04x}") == f"{function:02x}{2 * quantity:02x}{data.hex()}"


@pytest.mark.parametrize("function", [1, 2])
@pytest.mark.parametrize(
    ("quantity", "data"), [(1, "01"), (4, "0f"), (8, "0f"), (9, "0f00"), (102, "0f" + 11 * "00" + "30")]
)
def test_coils_and_discrete_inputs_are_the_same(function: int, quantity: int, data: str) -> None:
    assert pdu(f"{function:02x}0000{quantity:04x}") == f"{function:02x}{len(data) // 2:02x}{data}"


@pytest.mark.parametrize("unit", [0, 2, 247, 255])
@pytest.mark.parametrize("request_pdu", ["0303e80001", "0600000001", "41", "03"])
def test_another_unit_is_refused_whatever_it_asks(unit: int, request_pdu: str) -> None:
    replies, _, sound = answers(frame(request_pdu, unit=unit))
    assert sound
    assert replies[0][6:] == bytes((unit, int(request_pdu[:2], 16) | 0x80, 0x0B))


def test_each_unit_of_the_plan_is_answered_from_its_own_view() -> None:
    image = Renderer(Plan(IDS, first_unit=8)).render(snapshot())
    one = Responder(lambda: image, units=(1, 8, 9), identity=IDENTITY, audit=lambda function, peer: None)
    asked = [(unit, body) for unit in (1, 8, 9, 7, 10) for body in ("03044c0064", "0200640001", "06044c0001")]
    replies, _, _ = answers(b"".join(frame(body, unit=unit) for unit, body in asked), one)
    assert [reply[6] for reply in replies] == [unit for unit, _ in asked]
    for index, unit in enumerate((1, 8, 9)):
        registers, bit, write = replies[3 * index : 3 * index + 3]
        assert registers[9:] == image.units[unit].registers(1100, 100)
        assert (bit[7:], write[7:]) == (b"\x02\x01\x01", b"\x86\x01")
    assert {reply[8:] for reply in replies[9:]} == {b"\x0b"}
    assert one.counters.writes_refused == 3


def test_another_unit_may_be_met_with_silence() -> None:
    data = frame("0303e80001", unit=2) + read(3, 1000, 1, transaction=9)
    replies, used, sound = answers(data, responder(answer_foreign_units=False))
    assert (used, sound) == (len(data), True)
    assert [reply[:2] for reply in replies] == [b"\0\x09"]


BROKEN = {
    "protocol id": frame("0303e80001", protocol=1),
    "length 0": frame("0303e80001", length=0),
    "length 1": frame("0303e80001", length=1),
    "length 255": frame("0303e80001", length=255),
    "length 65535": frame("0303e80001", length=65_535),
    "HTTP": b"GET / HTTP/1.1\r\nHost: plant\r\n\r\n",
    "TLS hello": bytes.fromhex("16030100c8010000c40303"),
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n",
    "RTU": bytes.fromhex("010303e80001047a"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_header_ends_the_conversation_without_an_answer(case: str) -> None:
    one = responder()
    assert answers(BROKEN[case], one) == ([], 0, False)
    assert one.counters.broken_frames == 1


def test_whole_requests_before_a_broken_one_are_still_answered() -> None:
    replies, used, sound = answers(read(3, 1000, 2) + BROKEN["HTTP"])
    assert (len(replies), used, sound) == (1, 12, False)


def test_the_longest_frame_is_answered_and_the_shortest_too() -> None:
    assert pdu("03" + "00" * 252) == "8303"
    assert pdu("03") == "8303"


@pytest.mark.parametrize("count", [2, 20, 170])
def test_all_requests_of_one_segment_are_answered_in_order(count: int) -> None:
    requests = [read(3, 1000 + number, 1, transaction=number) for number in range(count)]
    replies, used, sound = answers(b"".join(requests))
    assert (used, sound) == (12 * count, True)
    assert [struct.unpack_from(">H", reply)[0] for reply in replies] == list(range(count))
    assert [reply[9:] for reply in replies] == [IMAGE.units[1].registers(1000 + number, 1) for number in range(count)]


@pytest.mark.parametrize("cut", range(25))
def test_a_cut_anywhere_leaves_the_rest_for_later(cut: int) -> None:
    data = read(3, 1000, 2, transaction=1) + read(2, 0, 4, transaction=2)
    replies, used, sound = answers(data[:cut])
    assert sound
    assert used == 12 * (cut // 12)
    rest, _, _ = answers(data[used:])
    assert replies + rest == answers(data)[0]


def test_counters_tell_what_happened() -> None:
    heard: list[tuple[int, str]] = []
    one = Responder(
        lambda: IMAGE,
        units=(1,),
        identity=IDENTITY,
        answer_foreign_units=True,
        audit=lambda function, peer: heard.append((function, peer)),
    )
    buffer = bytearray(read(3, 1000, 1) + frame("0600000001") + frame("41"))
    one.answer(buffer, len(buffer), "10.0.0.9")
    assert (one.counters.requests, one.counters.exceptions, one.counters.writes_refused) == (3, 2, 1)
    assert heard == [(6, "10.0.0.9")]


def objects(reply: str) -> tuple[int, int, int, dict[int, bytes]]:
    """Return (conformity, more follows, next object, objects) of an identity reply PDU."""
    data = bytes.fromhex(reply)
    assert data[:2] == b"\x2b\x0e"
    _, conformity, more, following, count = data[2:7]
    found: dict[int, bytes] = {}
    rest = data[7:]
    for _ in range(count):
        found[rest[0]], rest = rest[2 : 2 + rest[1]], rest[2 + rest[1] :]
    assert rest == b""
    return conformity, more, following, found


@pytest.mark.parametrize(
    ("access", "first", "numbers"),
    [
        (1, 0, [0, 1, 2]), (1, 1, [1, 2]), (1, 4, [0, 1, 2]), (1, 200, [0, 1, 2]),
        (2, 0, [0, 1, 2, 4, 6]), (2, 4, [4, 6]), (2, 3, [0, 1, 2, 4, 6]), (3, 0, [0, 1, 2, 4, 6]),
        (4, 0, [0]), (4, 6, [6]),
    ],
)  # fmt: skip
def test_identity_is_read_by_stream_or_object(access: int, first: int, numbers: list[int]) -> None:
    conformity, more, following, found = objects(pdu(f"2b0e{access:02x}{first:02x}"))
    assert (conformity, more, following) == (0x82, 0, 0)
    assert found == {number: IDENTITY[number] for number in numbers}


def test_long_identities_come_in_pages() -> None:
    long = {number: bytes([65 + number]) * 64 for number in (0, 1, 2, 4, 6)}
    one, read_so_far, first, pages = responder(long), dict[int, bytes](), 0, 0
    while True:
        (reply,), _, _ = answers(frame(f"2b0e02{first:02x}"), one)
        assert len(reply) <= 260
        _, more, first, found = objects(reply[7:].hex())
        read_so_far |= found
        pages += 1
        if not more:
            break
    assert read_so_far == long
    assert pages == 2


PIECES = st.one_of(
    st.binary(max_size=40),
    st.builds(frame, st.binary(max_size=30), st.integers(0, 65_535), st.integers(0, 3), st.sampled_from([0, 0, 0, 1])),
    st.builds(read, st.integers(0, 6), st.integers(0, 65_535), st.integers(0, 200)),
    st.builds(lambda body: frame(b"\x2b" + body), st.binary(max_size=6)),
)


@given(st.lists(PIECES, max_size=12).map(b"".join))
@example(b"\0" * 300)
def test_any_bytes_are_answered_by_whole_frames_or_end_the_conversation(data: bytes) -> None:
    data = data[:BUFFER_SIZE]
    replies, used, sound = answers(data)
    assert 0 <= used <= len(data)
    for reply in replies:
        transaction, protocol, length = struct.unpack_from(">HHH", reply)
        assert (protocol, length) == (0, len(reply) - 6)
        assert 0 <= transaction <= 0xFFFF
        assert len(reply) <= 260
        assert reply[7] & 0x80 == 0 or reply[8] in (1, 2, 3, 0x0B)
    if sound:  # what is kept is the begin of one frame that can still become whole, so the buffer never fills up
        assert len(data) - used < 260
