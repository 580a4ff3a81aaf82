"""Requests in, replies out: the Modbus TCP protocol without a socket, and with no way to write.

Rule: whole frames are answered in order, each by data or by the right exception; a broken frame header ends the
conversation, since no later byte can be trusted. Spec: MODBUS Application Protocol V1.1b3, Messaging on TCP/IP V1.0b.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection
from dataclasses import dataclass

from caiso_ads.sinks.modbus.image import Image
from caiso_ads.sinks.modbus.layout import MAX_REGISTERS

MAX_BITS = 2000
MAX_PDU = 253
BUFFER_SIZE = 2048  # of one connection; must hold more than one frame of 260 bytes

ILLEGAL_FUNCTION = 0x01
ILLEGAL_ADDRESS = 0x02
ILLEGAL_VALUE = 0x03
NO_SUCH_UNIT = 0x0B

_WRITES = frozenset({5, 6, 15, 16, 21, 22, 23})
_MBAP = struct.Struct(">HHH")
_READ = struct.Struct(">HH")
_REPLY = struct.Struct(">HHHBBB")
_BASIC_OBJECTS = 2  # the last object ID of the basic category
_REGULAR_WITH_INDIVIDUAL_ACCESS = 0x82


@dataclass(slots=True)
class Counters:
    """What happened since start."""

    requests: int = 0
    exceptions: int = 0
    writes_refused: int = 0
    broken_frames: int = 0
    connections: int = 0
    connections_refused: int = 0
    connections_dropped: int = 0
    handshakes_failed: int = 0
    roles_refused: int = 0


class Responder:
    """Answers for the units of a plan. ``image`` gives the newest image; ``audit`` hears of each attempt to write."""

    def __init__(
        self,
        image: Callable[[], Image],
        *,
        units: Collection[int],
        identity: dict[int, bytes],
        answer_foreign_units: bool = True,
        audit: Callable[[int, str], None],
    ) -> None:
        self.counters = Counters()
        self._image = image
        self._units = frozenset(units)
        self._identity = identity
        self._answer_foreign = answer_foreign_units
        self._audit = audit

    def answer(self, buffer: bytearray, end: int, peer: str = "") -> tuple[list[bytes], int, bool]:
        """Answer the whole frames in ``buffer[:end]``.

        Return the replies in order, how many bytes are used up, and whether what follows can still be a frame.
        """
        replies: list[bytes] = []
        start = 0
        while end - start >= 6:
            transaction, protocol, length = _MBAP.unpack_from(buffer, start)
            if protocol or not 2 <= length <= MAX_PDU + 1:
                self.counters.broken_frames += 1
                return replies, start, False
            stop = start + 6 + length
            if stop > end:
                break
            self.counters.requests += 1
            if reply := self._one(transaction, buffer, start + 6, length, peer):
                replies.append(reply)
            start = stop
        return replies, start, True

    def _one(self, transaction: int, buffer: bytearray, at: int, length: int, peer: str) -> bytes:
        unit, function = buffer[at], buffer[at + 1]
        if unit not in self._units:
            return self._refuse(transaction, unit, function, NO_SUCH_UNIT) if self._answer_foreign else b""
        if 1 <= function <= 4:
            data = self._read(unit, function, buffer, at + 2, length)
            if isinstance(data, bytes):
                size = len(data)
                return _REPLY.pack(transaction, 0, 3 + size, unit, function, size) + data
            return self._refuse(transaction, unit, function, data)
        if function == 0x2B:
            answer = self._identify(bytes(buffer[at + 2 : at + length]))
            if isinstance(answer, bytes):
                return _MBAP.pack(transaction, 0, 2 + len(answer)) + bytes((unit, function)) + answer
            return self._refuse(transaction, unit, function, answer)
        if function in _WRITES:
            self._tell_write(function, peer)
        return self._refuse(transaction, unit, function, ILLEGAL_FUNCTION)

    def _tell_write(self, function: int, peer: str) -> None:
        self.counters.writes_refused += 1
        self._audit(function, peer)

    def _refuse(self, transaction: int, unit: int, function: int, code: int) -> bytes:
        self.counters.exceptions += 1
        return _REPLY.pack(transaction, 0, 3, unit, function | 0x80, code)

    def _read(self, unit: int, function: int, buffer: bytearray, at: int, length: int) -> bytes | int:
        """Return the data, or the exception code: the order of checks is the specification's."""
        if length != 6:
            return ILLEGAL_VALUE
        address, quantity = _READ.unpack_from(buffer, at)
        if function >= 3:
            if not 1 <= quantity <= MAX_REGISTERS:
                return ILLEGAL_VALUE
            data = self._image().units[unit].registers(address, quantity)
        else:
            if not 1 <= quantity <= MAX_BITS:
                return ILLEGAL_VALUE
            data = self._image().units[unit].discrete(address, quantity)
        return ILLEGAL_ADDRESS if data is None else data

    def _identify(self, request: bytes) -> bytes | int:
        """Read device identification, function 43 type 14: basic and regular objects, by stream or one by one."""
        if not request or request[0] != 0x0E:
            return ILLEGAL_FUNCTION
        if len(request) != 3 or not 1 <= request[1] <= 4:
            return ILLEGAL_VALUE
        access, first = request[1], request[2]
        if access == 4:
            if first not in self._identity:
                return ILLEGAL_ADDRESS
            return _identity_reply(access, [(first, self._identity[first])], 0)
        last = _BASIC_OBJECTS if access == 1 else max(self._identity)
        wanted = [(number, text) for number, text in sorted(self._identity.items()) if number <= last]
        if first in dict(wanted):  # any other begins again at the first object
            wanted = [item for item in wanted if item[0] >= first]
        return _identity_page(access, wanted)


class Refuser(Responder):
    """Answers every request with exception 01, for a master whose certificate gives it no right to read.

    It counts and audits with the responder it stands in for. Spec: MODBUS/TCP Security V2.1, role-based authorisation.
    """

    def __init__(self, instead_of: Responder) -> None:
        self.counters, self._audit = instead_of.counters, instead_of._audit  # noqa: SLF001 - of the same class

    def _one(self, transaction: int, buffer: bytearray, at: int, length: int, peer: str) -> bytes:  # noqa: ARG002 - its parent's
        unit, function = buffer[at], buffer[at + 1]
        if function in _WRITES:
            self._tell_write(function, peer)
        return self._refuse(transaction, unit, function, ILLEGAL_FUNCTION)


def _identity_page(access: int, wanted: list[tuple[int, bytes]]) -> bytes:
    room = MAX_PDU - 7
    page: list[tuple[int, bytes]] = []
    for number, text in wanted:
        room -= 2 + len(text)
        if room < 0:
            return _identity_reply(access, page, number)
        page.append((number, text))
    return _identity_reply(access, page, 0)


def _identity_reply(access: int, page: list[tuple[int, bytes]], following: int) -> bytes:
    more = 0xFF if following else 0
    head = bytes((0x0E, access, _REGULAR_WITH_INDIVIDUAL_ACCESS, more, following, len(page)))
    return head + b"".join(bytes((number, len(text))) + text for number, text in page)
