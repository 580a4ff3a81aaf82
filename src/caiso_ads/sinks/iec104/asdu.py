"""The messages inside the frames: type, cause, addresses and information objects, to bytes and back, pure.

Rule: only what a read-only station speaks is here, with the fixed sizes of IEC 60870-5-104: cause 2 octets, common
address 2, object address 3. Bytes that are no message are a WireError. Spec: IEC 60870-5-101 §7, 60870-5-104 §7.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import NamedTuple

from caiso_ads.errors import WireError
from caiso_ads.sinks.iec104.apdu import LONGEST_ASDU

BROADCAST = 0xFFFF
HEAD = 6
MOST_OBJECTS = 127


class Type(IntEnum):
    """The types that may be sent or are understood."""

    M_SP_NA_1 = 1  # single point
    M_BO_NA_1 = 7  # 32 bits
    M_ME_NC_1 = 13  # short float
    M_IT_NA_1 = 15  # counter
    M_SP_TB_1 = 30  # the same four with CP56Time2a
    M_BO_TB_1 = 33
    M_ME_TF_1 = 36
    M_IT_TB_1 = 37
    M_EI_NA_1 = 70  # end of initialisation
    C_IC_NA_1 = 100  # interrogation
    C_CI_NA_1 = 101  # counter interrogation
    C_RD_NA_1 = 102  # read
    C_CS_NA_1 = 103  # clock synchronisation
    C_TS_NA_1 = 104  # test
    C_RP_NA_1 = 105  # reset process
    C_TS_TA_1 = 107  # test with time


class Cause(IntEnum):
    """Cause of transmission."""

    SPONTANEOUS = 3
    INITIALISED = 4
    REQUEST = 5
    ACTIVATION = 6
    ACTIVATION_CON = 7
    DEACTIVATION = 8
    DEACTIVATION_CON = 9
    TERMINATION = 10
    INTERROGATED = 20
    COUNTER_INTERROGATED = 37
    UNKNOWN_TYPE = 44
    UNKNOWN_CAUSE = 45
    UNKNOWN_COMMON_ADDRESS = 46
    UNKNOWN_OBJECT_ADDRESS = 47


TIMED = {
    Type.M_SP_NA_1: Type.M_SP_TB_1,
    Type.M_BO_NA_1: Type.M_BO_TB_1,
    Type.M_ME_NC_1: Type.M_ME_TF_1,
    Type.M_IT_NA_1: Type.M_IT_TB_1,
}
UNTIMED = {timed: plain for plain, timed in TIMED.items()}
_TIME = 7
_BODIES = {
    Type.M_SP_NA_1: struct.Struct("<B"),
    Type.M_BO_NA_1: struct.Struct("<IB"),
    Type.M_ME_NC_1: struct.Struct("<fB"),
    Type.M_IT_NA_1: struct.Struct("<IB"),
}


class Shown(NamedTuple):
    """What an object says: its value, and the bits of its quality octet."""

    value: float
    quality: int


class Object(NamedTuple):
    """An information object with its address; ``stamp`` is CP56Time2a or empty."""

    address: int
    shown: Shown
    stamp: bytes = b""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a message. ``number`` counts the objects."""

    type: int
    cause: int
    common_address: int
    number: int = 1
    sequence: bool = False
    negative: bool = False
    test: bool = False
    originator: int = 0


def parse_head(asdu: bytes) -> Head:
    """Return the head of a message; WireError for fewer octets than one has."""
    if len(asdu) < HEAD:
        raise WireError(f"{len(asdu)} octets are no ASDU", where="ASDU")
    kind, structure, cause, originator, low, high = asdu[:HEAD]
    return Head(
        type=kind,
        cause=cause & 0x3F,
        common_address=low | high << 8,
        number=structure & 0x7F,
        sequence=bool(structure & 0x80),
        negative=bool(cause & 0x40),
        test=bool(cause & 0x80),
        originator=originator,
    )


def encode_head(head: Head) -> bytes:
    """Return the octets of a head."""
    structure = head.number | head.sequence << 7
    cause = head.cause | head.negative << 6 | head.test << 7
    return struct.pack("<BBBBH", head.type, structure, cause, head.originator, head.common_address)


def mirrored(asdu: bytes, cause: Cause, *, negative: bool, common_address: int | None = None) -> bytes:
    """Return a command as its answer: all as it came but the cause, and the address a broadcast stood for."""
    second = (asdu[2] & 0x80) | negative << 6 | cause
    address = asdu[4:6] if common_address is None else common_address.to_bytes(2, "little")
    return asdu[:2] + bytes((second, asdu[3])) + address + asdu[6:]


def pack(kind: Type, cause: Cause, common_address: int, objects: Sequence[Object], originator: int = 0) -> bytes:
    """Return one message of monitored objects; all have a stamp or none, as the type says."""
    plain = UNTIMED.get(kind, kind)
    body = _BODIES[plain]
    parts = [encode_head(Head(kind, cause, common_address, len(objects), originator=originator))]
    for address, (value, quality), stamp in objects:
        parts.append(address.to_bytes(3, "little"))
        parts.append(body.pack(quality | int(value)) if plain is Type.M_SP_NA_1 else body.pack(value, quality))
        parts.append(stamp)
    return b"".join(parts)


def room(kind: Type) -> int:
    """Return how many objects one message of that type holds."""
    size = 3 + _BODIES[UNTIMED.get(kind, kind)].size + (_TIME if kind in UNTIMED else 0)
    return min(MOST_OBJECTS, (LONGEST_ASDU - HEAD) // size)


def unpack(asdu: bytes) -> tuple[Head, list[Object]]:
    """Return a message of monitored objects as it was packed; WireError for any other bytes."""
    head = parse_head(asdu)
    kind = Type(head.type) if head.type in (*TIMED, *UNTIMED) else None
    if kind is None or head.sequence:
        raise WireError(f"type {head.type} is not one of single objects", where="ASDU")
    plain, stamp = UNTIMED.get(kind, kind), _TIME if kind in UNTIMED else 0
    body = _BODIES[plain]
    size = 3 + body.size + stamp
    if not head.number or len(asdu) != HEAD + size * head.number:
        raise WireError(f"{len(asdu)} octets for {head.number} objects of type {kind.name}", where="ASDU")
    return head, list(_objects(asdu, range(HEAD, len(asdu), size), body, stamp))


def _objects(asdu: bytes, starts: Iterable[int], body: struct.Struct, stamp: int) -> Iterator[Object]:
    for start in starts:
        address = int.from_bytes(asdu[start : start + 3], "little")
        fields = body.unpack_from(asdu, start + 3)
        shown = Shown(fields[0], fields[1]) if len(fields) > 1 else Shown(fields[0] & 1, fields[0] & 0xFE)
        end = start + 3 + body.size
        yield Object(address, shown, asdu[end : end + stamp])


def stamp_of(moment: datetime, *, invalid: bool = False) -> bytes:
    """Return an instant as CP56Time2a, in UTC, summer time bit 0; ``invalid`` marks a clock not to be trusted.

    Spec: IEC 60870-5-4 §6.8. Its year has two digits: 2000 to 2099.
    """
    utc = moment.astimezone(UTC)
    milliseconds = utc.second * 1000 + utc.microsecond // 1000
    day = utc.day | utc.isoweekday() << 5
    return struct.pack("<HBBBBB", milliseconds, utc.minute | invalid << 7, utc.hour, day, utc.month, utc.year % 100)


def moment_of(stamp: bytes) -> tuple[datetime, bool]:
    """Return the instant of a CP56Time2a taken as UTC, and whether it is marked invalid; WireError for no time."""
    try:
        milliseconds, minute, hour, day, month, year = struct.unpack("<HBBBBB", stamp)
        second, rest = divmod(milliseconds, 1000)
        moment = datetime(
            2000 + (year & 0x7F), month & 0xF, day & 0x1F, hour & 0x1F, minute & 0x3F, second, rest * 1000, UTC
        )
    except (struct.error, ValueError) as error:
        raise WireError(f"{stamp.hex()} is no time: {error}", where="CP56Time2a") from error
    return moment, bool(minute & 0x80)
