"""What each command of a master is answered: interrogations and reads with values, everything else with a refusal.

Rule: monitor direction only. Nothing a master sends changes anything here: a control, a clock, a reset, a parameter
or a file is answered negatively and named in ``refused``. A message that cannot be one is a WireError. Spec: IEC
60870-5-101 §7.4, IEC 60870-5-104 §8.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from caiso_ads.errors import WireError
from caiso_ads.sinks.iec104 import asdu
from caiso_ads.sinks.iec104.asdu import BROADCAST, HEAD, Cause, Head, Object, Type
from caiso_ads.sinks.iec104.values import State

_GLOBAL, _GENERAL = 20, 5  # qualifiers: the whole station; all counters, read without freezing
_INTERROGATED, _COUNTERS = (Type.M_SP_NA_1, Type.M_ME_NC_1, Type.M_BO_NA_1), (Type.M_IT_NA_1,)
_SIZES = {  # octets of the one object after its address
    **dict.fromkeys((45, 46, 47), 1),
    48: 3,
    49: 3,
    50: 5,
    51: 4,
    **dict.fromkeys((58, 59, 60), 8),
    61: 10,
    62: 10,
    63: 12,
    64: 11,
    Type.C_IC_NA_1: 1,
    Type.C_CI_NA_1: 1,
    Type.C_RD_NA_1: 0,
    Type.C_CS_NA_1: 7,
    Type.C_TS_NA_1: 2,
    Type.C_RP_NA_1: 1,
    Type.C_TS_TA_1: 9,
    110: 3,
    111: 3,
    112: 5,
    113: 1,
}
_REFUSED = {
    **{kind: f"control (type {kind})" for kind in (*range(45, 52), *range(58, 65))},
    Type.C_CS_NA_1: "clock synchronisation",
    Type.C_RP_NA_1: "reset",
    **{kind: f"parameter (type {kind})" for kind in range(110, 114)},
    **{kind: f"file transfer (type {kind})" for kind in range(120, 128)},
}
_TO_ALL = (Type.C_IC_NA_1, Type.C_CI_NA_1, Type.C_CS_NA_1, Type.C_RP_NA_1)


@dataclass(frozen=True, slots=True)
class Answer:
    """The message to send; ``refused`` names an attempt to change something, ``read`` is the one object it holds.

    An interrogation goes on with the messages of ``body``, each made when it is taken, and ends with ``last``.
    """

    first: bytes
    refused: str = ""
    read: int | None = None
    body: Iterator[bytes] | None = None
    last: bytes = b""


class Map:
    """The objects of the station: the untimed type of each, and the addresses of each type."""

    def __init__(self, common_address: int, types: Mapping[int, Type]) -> None:
        self.common_address, self.types = common_address, types
        self.groups: dict[Type, list[int]] = {}
        for address, kind in types.items():
            self.groups.setdefault(kind, []).append(address)


@dataclass(frozen=True, slots=True)
class Image:
    """What the station says now. Never changed: an interrogation that runs tells one snapshot."""

    map: Map
    state: State

    def all(self, cause: Cause, kinds: Iterable[Type]) -> Iterator[bytes]:
        """Yield all objects of these types as messages of that cause."""
        for kind in kinds:
            addresses, most = self.map.groups.get(kind, []), asdu.room(kind)
            for first in range(0, len(addresses), most):
                objects = [Object(address, self.state[address]) for address in addresses[first : first + most]]
                yield asdu.pack(kind, cause, self.map.common_address, objects)


def initialised(common_address: int) -> bytes:
    """Return the message that tells of a start (cause: local power on)."""
    return asdu.encode_head(Head(Type.M_EI_NA_1, Cause.INITIALISED, common_address)) + bytes(4)


def busy(image: Image, request: bytes) -> bytes:
    """Return the refusal of an interrogation while others still run."""
    return _Request(request, image.map.common_address).no(Cause.ACTIVATION_CON)


def answer(image: Image, request: bytes) -> Answer:
    """Return what a message is answered; WireError when it cannot be one."""
    head = asdu.parse_head(request)
    refused = _REFUSED.get(head.type, "")
    if head.type not in _SIZES:
        return Answer(_no(request, Cause.UNKNOWN_TYPE), refused)
    if head.sequence or head.number != 1 or len(request) != HEAD + 3 + _SIZES[head.type]:
        raise WireError(f"{len(request)} octets, {head.number} objects: no command of type {head.type}", where="ASDU")
    to_all = head.common_address == BROADCAST and head.type in _TO_ALL
    if head.common_address != image.map.common_address and not to_all:
        return Answer(_no(request, Cause.UNKNOWN_COMMON_ADDRESS), refused)
    return _answer(image, head, _Request(request, image.map.common_address), refused)


@dataclass(frozen=True, slots=True)
class _Request:
    """A command with one object that is addressed to us."""

    octets: bytes
    common_address: int

    @property
    def address(self) -> int:
        return int.from_bytes(self.octets[HEAD : HEAD + 3], "little")

    def yes(self, cause: Cause) -> bytes:
        return asdu.mirrored(self.octets, cause, negative=False, common_address=self.common_address)

    def no(self, cause: Cause) -> bytes:
        return asdu.mirrored(self.octets, cause, negative=True, common_address=self.common_address)


def _no(request: bytes, cause: Cause) -> bytes:
    return asdu.mirrored(request, cause, negative=True)


def _answer(image: Image, head: Head, request: _Request, refused: str) -> Answer:
    if head.type == Type.C_RD_NA_1:
        return _read(image, head, request)
    if head.cause not in (Cause.ACTIVATION, Cause.DEACTIVATION):
        return Answer(request.no(Cause.UNKNOWN_CAUSE), refused)
    known = request.address in image.map.types if head.type not in tuple(Type) else request.address == 0
    if not known:
        return Answer(request.no(Cause.UNKNOWN_OBJECT_ADDRESS), refused)
    if head.cause == Cause.DEACTIVATION:
        return Answer(request.no(Cause.DEACTIVATION_CON), refused)
    if refused:
        return Answer(request.no(Cause.ACTIVATION_CON), refused)
    return _activate(image, head, request)


def _activate(image: Image, head: Head, request: _Request) -> Answer:
    qualifier = request.octets[-1]
    if head.type == Type.C_IC_NA_1 and qualifier == _GLOBAL:
        return _all(image, request, Cause.INTERROGATED, _INTERROGATED)
    if head.type == Type.C_CI_NA_1:
        if qualifier == _GENERAL:
            return _all(image, request, Cause.COUNTER_INTERROGATED, _COUNTERS)
        freezes = "counter freeze or reset" if qualifier & 0xC0 else ""
        return Answer(request.no(Cause.ACTIVATION_CON), freezes)
    if head.type in (Type.C_TS_NA_1, Type.C_TS_TA_1):
        return Answer(request.yes(Cause.ACTIVATION_CON))
    return Answer(request.no(Cause.ACTIVATION_CON))


def _all(image: Image, request: _Request, cause: Cause, kinds: Iterable[Type]) -> Answer:
    body, last = image.all(cause, kinds), request.yes(Cause.TERMINATION)
    return Answer(request.yes(Cause.ACTIVATION_CON), body=body, last=last)


def _read(image: Image, head: Head, request: _Request) -> Answer:
    if head.cause != Cause.REQUEST:
        return Answer(request.no(Cause.UNKNOWN_CAUSE))
    address = request.address
    if address not in image.map.types:
        return Answer(request.no(Cause.UNKNOWN_OBJECT_ADDRESS))
    told = [Object(address, image.state[address])]
    kind, own = image.map.types[address], image.map.common_address
    return Answer(asdu.pack(kind, Cause.REQUEST, own, told, head.originator), read=address)
