"""The frames of IEC 60870-5-104: bytes to I, S and U frames and back, pure.

Rule: any bytes are frames, the rest of a frame still to come, or a WireError; after a WireError no later byte of the
connection can be trusted. Spec: IEC 60870-5-104 §5.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from caiso_ads.errors import WireError

START = 0x68
MODULO = 2**15
LONGEST_ASDU = 249
_HEAD, _CONTROL, _LONGEST = 2, 4, 253


class U(IntEnum):
    """The unnumbered functions; the value is the first control octet."""

    STARTDT_ACT = 0x07
    STARTDT_CON = 0x0B
    STOPDT_ACT = 0x13
    STOPDT_CON = 0x23
    TESTFR_ACT = 0x43
    TESTFR_CON = 0x83


@dataclass(frozen=True, slots=True)
class IFrame:
    """Information: an ASDU with the number of this frame and of the next one expected."""

    sent: int
    received: int
    asdu: bytes


@dataclass(frozen=True, slots=True)
class SFrame:
    """Acknowledgement of every frame below ``received``."""

    received: int


@dataclass(frozen=True, slots=True)
class UFrame:
    """Control of the connection."""

    function: U


Frame = IFrame | SFrame | UFrame


def encode(frame: Frame) -> bytes:
    """Return the bytes of a frame."""
    match frame:
        case IFrame(sent, received, asdu):
            control = (sent << 1 | received << 17).to_bytes(4, "little")
            return bytes((START, _CONTROL + len(asdu))) + control + asdu
        case SFrame(received):
            return bytes((START, _CONTROL)) + (1 | received << 17).to_bytes(4, "little")
        case UFrame(function):
            return bytes((START, _CONTROL, function, 0, 0, 0))


def split(data: bytes) -> tuple[list[Frame], int]:
    """Return the whole frames at the front of the bytes and how many bytes they take; WireError for what is none."""
    frames: list[Frame] = []
    used = 0
    while len(data) > used:
        if data[used] != START:
            raise WireError(f"a frame begins with 0x68, not 0x{data[used]:02x}", where="APCI")
        if len(data) < used + _HEAD:
            break
        length = data[used + 1]
        if not _CONTROL <= length <= _LONGEST:
            raise WireError(f"a length of {length} is not within {_CONTROL}..{_LONGEST}", where="APCI")
        end = used + _HEAD + length
        if len(data) < end:
            break
        frames.append(_frame(data[used + _HEAD : end]))
        used = end
    return frames, used


def _frame(body: bytes) -> Frame:
    control = int.from_bytes(body[:_CONTROL], "little")
    received = control >> 17
    if not control & 1:
        if control >> 16 & 1:
            raise WireError("bit 0 of the third control octet must be 0", where="APCI")
        if len(body) == _CONTROL:
            raise WireError("an I frame without an ASDU", where="APCI")
        return IFrame((control & 0xFFFF) >> 1, received, body[_CONTROL:])
    if len(body) != _CONTROL:
        raise WireError("an S or U frame with an ASDU", where="APCI")
    if control & 0x1FFFF == 1:
        return SFrame(received)
    if control not in U.__members__.values():
        raise WireError(f"control octets {body.hex()} mean nothing", where="APCI")
    return UFrame(U(control))
