from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.errors import WireError
from caiso_ads.sinks.iec104 import values
from caiso_ads.sinks.iec104.asdu import BROADCAST, Cause, Shown, Type, parse_head, unpack
from caiso_ads.sinks.iec104.plan import Plan
from caiso_ads.sinks.iec104.station import Answer, Image, Map, answer, initialised
from tests.sinks.iec104.master import COUNTERS, INTERROGATION, command
from tests.sinks.modbus.snapshots import IDS, snapshot

PLAN = Plan(IDS)
IMAGE = Image(Map(1, values.types(PLAN)), values.state(PLAN, snapshot()))
SETPOINT = 1004
FLOAT_COMMAND = bytes.fromhex("0000a04000")


def cause_of(found: Answer) -> tuple[int, bool]:
    assert found.body is None
    head = parse_head(found.first)
    return head.cause, head.negative


def test_an_interrogation_gives_every_object_but_the_counters_untimed() -> None:
    found = answer(IMAGE, INTERROGATION)
    assert found.body is not None
    middle = list(found.body)
    assert parse_head(found.first).cause == Cause.ACTIVATION_CON
    assert parse_head(found.last).cause == Cause.TERMINATION
    objects = {one.address: one.shown for message in middle for one in unpack(message)[1]}
    kinds = {parse_head(message).type for message in middle}
    assert kinds == {Type.M_SP_NA_1, Type.M_ME_NC_1, Type.M_BO_NA_1}
    assert set(objects) == {one for one, kind in IMAGE.map.types.items() if kind is not Type.M_IT_NA_1}
    assert objects[SETPOINT] == (150.25, 0)
    assert all(parse_head(message).cause == Cause.INTERROGATED for message in middle)
    assert found.refused == ""


def test_a_counter_interrogation_gives_the_counters() -> None:
    found = answer(IMAGE, COUNTERS)
    objects = {one.address: one.shown for message in found.body or () for one in unpack(message)[1]}
    assert set(objects) == {one for one, kind in IMAGE.map.types.items() if kind is Type.M_IT_NA_1}
    assert objects[1] == (5, 0)  # the heartbeat


def test_a_read_gives_one_object_as_asked_for() -> None:
    found = answer(IMAGE, command(Type.C_RD_NA_1, b"", cause=Cause.REQUEST, address=SETPOINT))
    head, (one,) = unpack(found.first)
    assert (head.cause, head.type, one.address, one.shown) == (
        Cause.REQUEST,
        Type.M_ME_NC_1,
        SETPOINT,
        Shown(150.25, 0),
    )
    assert found.read == SETPOINT


CONTROLS = {45: 1, 46: 1, 47: 1, 48: 3, 49: 3, 50: 5, 51: 4, 58: 8, 59: 8, 60: 8, 61: 10, 62: 10, 63: 12, 64: 11}


@pytest.mark.parametrize(("kind", "size"), CONTROLS.items())
def test_every_control_is_refused_and_named(kind: int, size: int) -> None:
    before = dict(IMAGE.state)
    found = answer(IMAGE, command(kind, bytes(size), address=SETPOINT))
    assert cause_of(found) == (Cause.ACTIVATION_CON, True)
    assert found.refused == f"control (type {kind})"
    assert cause_of(answer(IMAGE, command(kind, bytes(size), address=999))) == (Cause.UNKNOWN_OBJECT_ADDRESS, True)
    assert cause_of(answer(IMAGE, command(kind, bytes(size), address=SETPOINT, station=2))) == (
        Cause.UNKNOWN_COMMON_ADDRESS,
        True,
    )
    deactivated = answer(IMAGE, command(kind, bytes(size), address=SETPOINT, cause=Cause.DEACTIVATION))
    assert cause_of(deactivated) == (Cause.DEACTIVATION_CON, True)
    assert before == IMAGE.state


@pytest.mark.parametrize(
    ("request_", "cause", "refused"),
    [
        (command(Type.C_CS_NA_1, bytes(7)), Cause.ACTIVATION_CON, "clock synchronisation"),
        (command(Type.C_CS_NA_1, bytes(7), station=BROADCAST), Cause.ACTIVATION_CON, "clock synchronisation"),
        (command(Type.C_RP_NA_1, b"\x01"), Cause.ACTIVATION_CON, "reset"),
        (command(112, bytes(5), address=SETPOINT), Cause.ACTIVATION_CON, "parameter (type 112)"),
        (command(122, bytes(4)), Cause.UNKNOWN_TYPE, "file transfer (type 122)"),
        (command(Type.C_CI_NA_1, b"\x45"), Cause.ACTIVATION_CON, "counter freeze or reset"),
        (command(Type.C_CI_NA_1, b"\x01"), Cause.ACTIVATION_CON, ""),
        (command(Type.C_IC_NA_1, b"\x15"), Cause.ACTIVATION_CON, ""),
        (command(Type.C_IC_NA_1, b"\x14", cause=Cause.DEACTIVATION), Cause.DEACTIVATION_CON, ""),
        (command(Type.C_IC_NA_1, b"\x14", cause=Cause.REQUEST), Cause.UNKNOWN_CAUSE, ""),
        (command(Type.C_IC_NA_1, b"\x14", address=5), Cause.UNKNOWN_OBJECT_ADDRESS, ""),
        (command(Type.C_IC_NA_1, b"\x14", station=2), Cause.UNKNOWN_COMMON_ADDRESS, ""),
        (command(Type.C_RD_NA_1, b"", cause=Cause.REQUEST, address=999), Cause.UNKNOWN_OBJECT_ADDRESS, ""),
        (command(Type.C_RD_NA_1, b"", address=SETPOINT), Cause.UNKNOWN_CAUSE, ""),
        (command(Type.C_RD_NA_1, b"", address=SETPOINT, station=BROADCAST), Cause.UNKNOWN_COMMON_ADDRESS, ""),
        (command(Type.M_ME_NC_1, bytes(5), address=SETPOINT), Cause.UNKNOWN_TYPE, ""),
        (command(200, b"whatever"), Cause.UNKNOWN_TYPE, ""),
    ],
)
def test_what_cannot_be_had_is_refused(request_: bytes, cause: Cause, refused: str) -> None:
    found = answer(IMAGE, request_)
    assert cause_of(found) == (cause, True)
    assert found.refused == refused


def test_a_test_is_mirrored_and_a_broadcast_is_answered_with_our_address() -> None:
    asked = command(Type.C_TS_NA_1, b"\xaa\x55")
    assert answer(IMAGE, asked).first == asked[:2] + bytes((Cause.ACTIVATION_CON,)) + asked[3:]
    found = answer(IMAGE, command(Type.C_IC_NA_1, b"\x14", station=BROADCAST))
    assert {parse_head(message).common_address for message in (found.first, found.last)} == {1}


def test_the_start_is_told_by_its_type() -> None:
    assert initialised(300).hex() == "460104002c0100000000"


@pytest.mark.parametrize(
    "octets", ["", "6401060001", "640106000100000000", "64020600010000000014", "64810600010000000014"]
)
def test_what_is_no_command_is_an_error(octets: str) -> None:
    with pytest.raises(WireError):
        answer(IMAGE, bytes.fromhex(octets))


HEADS = st.tuples(st.sampled_from([*range(45, 65), *range(100, 128)]), st.integers(0, 255), st.binary(max_size=18))


@given(st.binary(max_size=60) | HEADS.map(lambda head: bytes((head[0], 1, head[1], 0, 1, 0)) + head[2]))
@settings(max_examples=150)
def test_any_message_is_answered_or_an_error_and_changes_nothing(octets: bytes) -> None:
    before = dict(IMAGE.state)
    try:
        found = answer(IMAGE, octets)
    except WireError:
        return
    finally:
        assert before == IMAGE.state
    assert found.first[0] == octets[0]
    assert bool(found.last) is (found.body is not None)
