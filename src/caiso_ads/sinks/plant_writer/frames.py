"""Modbus TCP as a client speaks it: requests to bytes, and a reply's bytes to values. Pure; knows no socket.

Rule: a reply is either exactly the answer to the request it is held against, or an error; nothing is read leniently.
Spec: Modbus Application Protocol V1.1b3, functions 3, 4, 6 and 16; Modbus Messaging on TCP/IP V1.0b, MBAP header.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from caiso_ads.errors import RemoteError

HEAD = 6
LONGEST = 254
MOST_READ, MOST_WRITTEN = 125, 123
READ_HOLDING, READ_INPUT, WRITE_ONE, WRITE_MANY = 3, 4, 6, 16

_REFUSED = 0x80
_CODES = {
    1: "illegal function",
    2: "illegal address",
    3: "illegal value",
    4: "device failure",
    5: "acknowledge",
    6: "busy",
    10: "no path to the device",
    11: "the device does not answer",
}
_NOT_DONE = (1, 2, 3, 6, 10)
"""The exceptions to a write that say it was not begun: 4 is a failure on the way, 5 a promise, 11 a silence behind."""


class PlantRefusedError(RemoteError):
    """The controller answered with an exception; ``code`` is its number. What was asked was not done."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the controller refuses: exception {code:02X} ({_CODES.get(code, 'unknown')})")
        self.code = code


class PlantUncertainError(RemoteError):
    """No answer, or none that fits: whether a write took effect is not known."""


def read_request(function: int, address: int, count: int) -> bytes:
    """Return the PDU that reads ``count`` registers; ValueError for what no controller can hold."""
    if not (address >= 0 and 0 < count <= MOST_READ and address + count <= 65_536):
        raise ValueError(f"{count} registers at {address} cannot be read")
    return struct.pack(">BHH", function, address, count)


def write_request(address: int, words: Sequence[int], *, single: bool = False) -> bytes:
    """Return the PDU that writes the words; ``single`` uses function 6 where there is one word."""
    if not (address >= 0 and 0 < len(words) <= MOST_WRITTEN and address + len(words) <= 65_536):
        raise ValueError(f"{len(words)} registers at {address} cannot be written")
    if single and len(words) == 1:
        return struct.pack(">BHH", WRITE_ONE, address, words[0])
    count = len(words)
    return struct.pack(f">BHHB{count}H", WRITE_MANY, address, count, 2 * count, *words)


def framed(transaction: int, unit: int, pdu: bytes) -> bytes:
    """Return a whole request."""
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


def body_length(head: bytes, transaction: int) -> int:
    """Return how many bytes follow the first six of a reply. Raises PlantUncertainError where they are not of ours."""
    theirs, protocol, length = struct.unpack(">HHH", head)
    if theirs != transaction:
        raise PlantUncertainError(f"answers transaction {theirs}, asked was {transaction}")
    if protocol != 0 or not 3 <= length <= LONGEST:
        raise PlantUncertainError("what answers does not speak Modbus TCP")
    return int(length)


def answer(body: bytes, unit: int, asked: bytes) -> tuple[int, ...]:
    """Return the registers a read was answered with, nothing for a write.

    ``body`` is unit and PDU. Raises PlantRefusedError for an exception, PlantUncertainError for all else.
    """
    if body[0] != unit:
        raise PlantUncertainError(f"answers as unit {body[0]}, asked was {unit}")
    pdu, function = body[1:], asked[0]
    if pdu[0] == function | _REFUSED and len(pdu) == 2:
        if function in (WRITE_ONE, WRITE_MANY) and pdu[1] not in _NOT_DONE:
            raise PlantUncertainError(f"{PlantRefusedError(pdu[1])}, which does not say that nothing was done")
        raise PlantRefusedError(pdu[1])
    if pdu[0] != function:
        raise PlantUncertainError(f"answers function {pdu[0]}, asked was {function}")
    if function in (WRITE_ONE, WRITE_MANY):
        if pdu != asked[:5]:
            raise PlantUncertainError("the answer to a write does not repeat what was written")
        return ()
    count = int.from_bytes(asked[3:5])
    if len(pdu) != 2 + 2 * count or pdu[1] != 2 * count:
        raise PlantUncertainError(f"the answer does not hold {count} registers")
    return struct.unpack_from(f">{count}H", pdu, 2)
