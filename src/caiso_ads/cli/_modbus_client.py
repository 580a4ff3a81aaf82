"""A Modbus TCP master that reads and does nothing else, for looking at what a gateway serves.

Rule: every answer is data of the length asked for, or an error of our tree; there is no function here that writes.
Spec: MODBUS Application Protocol V1.1b3, Messaging on TCP/IP V1.0b.
"""

from __future__ import annotations

import socket
import struct
from types import TracebackType
from typing import Self

from caiso_ads.errors import UnreachableError, WireError

TIMEOUT_S = 5.0
_FUNCTIONS = {"register": 3, "bit": 2}
_ADU = struct.Struct(">HHHBBHH")
_MBAP = struct.Struct(">HHHB")
_LONGEST = 254
EXCEPTIONS = {
    1: "illegal function", 2: "no such address", 3: "illegal value", 4: "device failure", 10: "gateway path",
    11: "no such unit",
}  # fmt: skip


class ExceptionError(WireError):
    """The server answered with an exception; ``code`` is its number."""

    def __init__(self, code: int, where: str) -> None:
        self.code = code
        super().__init__(f"exception {code:02X}: {EXCEPTIONS.get(code, 'of no known meaning')}", where=where)


class Client:
    """One connection, as a context manager. Raises UnreachableError where there is none, or it breaks or is silent."""

    def __init__(self, host: str, port: int, timeout_s: float = TIMEOUT_S) -> None:
        self._where, self._transaction = f"Modbus {host}:{port}", 0
        try:
            self._socket = socket.create_connection((host, port), timeout_s)
        except OSError as error:
            raise UnreachableError(f"{self._where}: no connection: {error}") from error

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        self._socket.close()

    def read(self, unit_id: int, table: str, address: int, quantity: int) -> bytes:
        """Return so many registers (two bytes each), or bits (packed, the first lowest), from a PDU address on.

        Raises ExceptionError for an exception, WireError for what is no answer, UnreachableError.
        """
        function, self._transaction = _FUNCTIONS[table], self._transaction + 1 & 0xFFFF
        request = _ADU.pack(self._transaction, 0, 6, unit_id, function, address, quantity)
        where = f"unit {unit_id}, {table} {address}"
        try:
            self._socket.sendall(request)
            transaction, protocol, length, unit = _MBAP.unpack(self._exactly(_MBAP.size))
            if (transaction, protocol, unit) != (self._transaction, 0, unit_id) or not 3 <= length <= _LONGEST:
                raise WireError("an answer that is not to this request", where=where)
            answer = self._exactly(length - 1)
        except OSError as error:
            raise UnreachableError(f"{self._where}: {error}") from error
        if answer[0] == function | 0x80:
            raise ExceptionError(answer[1], where)
        size = 2 * quantity if table == "register" else (quantity + 7) // 8
        if answer[0] != function or answer[1] != size or len(answer) != 2 + size:
            raise WireError("an answer of the wrong function or length", where=where)
        return answer[2:]

    def _exactly(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            more = self._socket.recv(count - len(found))
            if not more:
                raise UnreachableError(f"{self._where}: the other side hung up")
            found += more
        return found
