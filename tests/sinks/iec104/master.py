"""A small master made of our codec's reading side, for what needs no foreign client."""

from __future__ import annotations

import asyncio

from caiso_ads.sinks.iec104 import apdu, asdu
from caiso_ads.sinks.iec104.apdu import Frame, IFrame, SFrame, U, UFrame
from caiso_ads.sinks.iec104.asdu import Cause, Head, Object, Type

Seen = dict[int, tuple[float, int]]


def command(kind: int, body: bytes, *, cause: int = Cause.ACTIVATION, address: int = 0, station: int = 1) -> bytes:
    """Return a message with one object."""
    return asdu.encode_head(Head(kind, cause, station)) + address.to_bytes(3, "little") + body


INTERROGATION = command(Type.C_IC_NA_1, b"\x14")
COUNTERS = command(Type.C_CI_NA_1, b"\x05")


class Master:
    """One connection. ``confirm`` turns acknowledging off; ``told`` holds all changes that came, ``bytes`` all bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._buffer = b""
        self._frames: list[Frame] = []
        self._sent = self.received = 0
        self.confirm = True
        self.told: list[Object] = []
        self.bytes = bytearray()

    @classmethod
    async def open(cls, host: str, port: int, *, start: bool = True) -> Master:
        """Connect, and start data unless told otherwise."""
        made = cls(*await asyncio.open_connection(host, port))
        if start:
            await made.control(U.STARTDT_ACT, U.STARTDT_CON)
        return made

    async def frame(self) -> Frame:
        """Return the next frame; ConnectionError when the other side has ended."""
        async with asyncio.timeout(10):
            while not self._frames:
                data = await self._reader.read(65_536)
                if not data:
                    raise ConnectionError("the station has ended the connection")
                self.bytes += data
                self._frames, used = apdu.split(self._buffer + data)
                self._buffer = (self._buffer + data)[used:]
        frame = self._frames.pop(0)
        if isinstance(frame, IFrame):
            assert frame.sent == self.received % apdu.MODULO
            self.received += 1
            if self.confirm:
                self.write(SFrame(self.received % apdu.MODULO))
        elif frame == UFrame(U.TESTFR_ACT):
            self.write(UFrame(U.TESTFR_CON))
        return frame

    def write(self, *frames: Frame) -> None:
        """Write frames as they are."""
        self.raw(b"".join(map(apdu.encode, frames)))

    def raw(self, data: bytes) -> None:
        """Write bytes as they are."""
        self._writer.write(data)

    def send(self, message: bytes) -> None:
        """Send a message with the right numbers."""
        self.write(IFrame(self._sent, self.received % apdu.MODULO, message))
        self._sent += 1

    async def control(self, ask: U, expect: U) -> None:
        """Ask for a U function and await its confirmation."""
        self.write(UFrame(ask))
        while await self.frame() != UFrame(expect):
            pass

    async def message(self) -> bytes:
        """Return the next message."""
        while True:
            if isinstance(frame := await self.frame(), IFrame):
                if asdu.parse_head(frame.asdu).cause == Cause.SPONTANEOUS:
                    self.told += asdu.unpack(frame.asdu)[1]
                return frame.asdu

    async def ask(self, request: bytes) -> Head:
        """Return the head of the next message that answers a command or a read."""
        self.send(request)
        while (head := asdu.parse_head(await self.message())).cause in (Cause.SPONTANEOUS, Cause.INITIALISED):
            pass
        return head

    async def interrogate(self, request: bytes = INTERROGATION) -> Seen:
        """Return what an interrogation of all objects, or of all counters, gives."""
        head = await self.ask(request)
        assert (head.cause, head.negative) == (Cause.ACTIVATION_CON, False), head
        seen: Seen = {}
        while True:
            message = await self.message()
            head = asdu.parse_head(message)
            if head.cause == Cause.TERMINATION:
                return seen
            if head.cause in (Cause.INTERROGATED, Cause.COUNTER_INTERROGATED):
                seen |= {one.address: one.shown for one in asdu.unpack(message)[1]}

    async def spontaneous(self) -> tuple[Head, list[Object]]:
        """Return the next message of changes."""
        while True:
            message = await self.message()
            if asdu.parse_head(message).cause == Cause.SPONTANEOUS:
                return asdu.unpack(message)

    async def change_of(self, address: int) -> Object:
        """Return the next change of that object."""
        while True:
            _, objects = await self.spontaneous()
            for one in objects:
                if one.address == address:
                    return one

    async def ended(self) -> bool:
        """Whether the station ends the connection."""
        try:
            while True:
                await self.frame()
        except ConnectionError:
            return True

    def close(self) -> None:
        """End."""
        self._writer.transport.abort()
