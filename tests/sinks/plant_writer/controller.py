"""A simulated plant controller: Modbus TCP with registers, and every way a real one has been seen to fail."""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

WRITES = (6, 16)


@dataclass
class Controller:
    """Holding registers from 0 on. ``log`` holds each request: function, address, words or count.

    Faults are set on the fields; ``once`` names those that clear themselves after they struck.
    """

    registers: dict[int, int] = field(default_factory=dict)
    log: list[tuple[int, int, tuple[int, ...]]] = field(default_factory=list)
    refuse_writes: int = 0
    clip: Callable[[int, tuple[int, ...]], tuple[int, ...]] | None = None
    drop_on_write: str = ""  # "before" or "after" it takes effect
    silent_on_write: str = ""
    late_s: float = 0.0
    wrong: str = ""  # "transaction", "unit", "protocol", "echo", "function", "length"
    deaf: bool = False
    once: bool = False
    port: int = 0
    connections: int = 0
    most_at_once: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def writes(self) -> list[tuple[int, tuple[int, ...]]]:
        return [(address, words) for function, address, words in self.log if function in WRITES]

    def restart(self, **registers: int) -> None:
        """Forget everything and drop everybody."""
        self.registers = {int(key[1:]): value for key, value in registers.items()}
        self.hang_up()

    def hang_up(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        self.most_at_once = max(self.most_at_once, len(self._writers))
        try:
            while True:
                head = await reader.readexactly(6)
                transaction, _, length = struct.unpack(">HHH", head)
                body = await reader.readexactly(length)
                await self._answer(writer, transaction, body)
        except (asyncio.IncompleteReadError, ConnectionError, OSError):
            pass  # the other side, or a fault of ours, has closed it
        finally:
            self._writers.discard(writer)
            writer.close()

    def _struck(self, name: str) -> Any:
        value = getattr(self, name)
        if value and self.once:
            setattr(self, name, type(value)())
        return value

    async def _answer(self, writer: asyncio.StreamWriter, transaction: int, body: bytes) -> None:
        unit, pdu = body[0], body[1:]
        writing = pdu[0] in WRITES
        if self.deaf:
            return
        if writing and self.drop_on_write:
            when = self._struck("drop_on_write")
            if when == "after":
                self._do(pdu)
            else:
                self._note(pdu)
            writer.transport.abort()
            raise ConnectionError
        if writing and self.silent_on_write:
            if self._struck("silent_on_write") == "after":
                self._do(pdu)
            else:
                self._note(pdu)
            return
        reply = self._do(pdu)
        if self.late_s:
            await asyncio.sleep(self._struck("late_s"))
        wrong = self._struck("wrong") if self.wrong and (writing or self.wrong != "echo") else ""
        writer.write(_spoilt(transaction, unit, reply, wrong))
        await writer.drain()

    def _note(self, pdu: bytes) -> tuple[int, tuple[int, ...]]:
        function, address = pdu[0], int.from_bytes(pdu[1:3])
        if function == 6:
            words: tuple[int, ...] = struct.unpack(">H", pdu[3:5])
        elif function == 16:
            words = struct.unpack(f">{pdu[5] // 2}H", pdu[6:])
        else:
            words = struct.unpack(">H", pdu[3:5])
        self.log.append((function, address, words))
        return address, words

    def _do(self, pdu: bytes) -> bytes:
        address, words = self._note(pdu)
        if pdu[0] in (3, 4):
            wanted = range(address, address + words[0])
            if any(one not in self.registers for one in wanted):
                return bytes((pdu[0] | 0x80, 2))
            return struct.pack(f">BB{words[0]}H", pdu[0], 2 * words[0], *(self.registers[one] for one in wanted))
        if self.refuse_writes:
            return bytes((pdu[0] | 0x80, self._struck("refuse_writes")))
        held = words if self.clip is None else self.clip(address, words)
        self.registers.update(enumerate(held, start=address))
        return pdu[:5]


def _spoilt(transaction: int, unit: int, pdu: bytes, wrong: str) -> bytes:
    if wrong == "echo":
        pdu = pdu[:-1] + bytes((pdu[-1] ^ 1,))
    if wrong == "function":
        pdu = b"\x2b" + pdu[1:]
    if wrong == "length":
        pdu += b"\0\0"
    transaction = (transaction + 1) & 0xFFFF if wrong == "transaction" else transaction
    head = struct.pack(">HHH", transaction, 7 if wrong == "protocol" else 0, len(pdu) + 1)
    return head + bytes((unit + 1 if wrong == "unit" else unit,)) + pdu


@asynccontextmanager
async def controller(*, tls: ssl.SSLContext | None = None, **registers: int) -> AsyncIterator[Controller]:
    """Serve a controller whose registers are given as ``r100=5``."""
    one = Controller({int(key[1:]): value for key, value in registers.items()})
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0, ssl=tls)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        one.hang_up()
