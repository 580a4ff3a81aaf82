"""The smallest DNP3 master for probes: reads class 0 and takes the g30v1 and g1v2 objects apart by the standard's table."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

from dnp3.datalink.builder import build_unconfirmed_user_data
from dnp3.datalink.parser import FrameParser

MASTER, OUTSTATION = 1, 10
CLASS_0, CLASS_1 = bytes((60, 1, 6)), bytes((60, 2, 6))


class Master:
    """One connection; ``request`` returns the application fragments of the answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer, self.sequence = reader, writer, 0
        self.frames = FrameParser()
        self.destination, self.source = OUTSTATION, MASTER

    @classmethod
    async def open(cls, host: str, port: int, local: str | None = None) -> Master:
        return cls(*await asyncio.open_connection(host, port, local_addr=(local, 0) if local else None))

    def send(self, fragment: bytes) -> None:
        frame = build_unconfirmed_user_data(
            destination=self.destination, source=self.source, dir_from_master=True, user_data=b"\xc0" + fragment
        )
        self.writer.write(frame.to_bytes())

    async def fragment(self) -> bytes:
        whole = b""
        while True:
            data = await asyncio.wait_for(self.reader.read(4096), 10)
            if not data:
                raise ConnectionError("closed")
            for frame in self.frames.feed(data):
                whole += frame.user_data[1:]
                if frame.user_data[0] & 0x80:
                    return whole

    async def request(self, function: int, objects: bytes, *, confirm: bool = True) -> list[bytes]:
        self.sequence = self.sequence + 1 & 0x0F
        self.send(bytes((0xC0 | self.sequence, function)) + objects)
        found: list[bytes] = []
        while True:
            found.append(await self.fragment())
            if not found[-1][0] & 0x20 or not confirm:
                return found
            self.send(bytes((0xC0 | found[-1][0] & 0x0F, 0)))

    async def read(self, objects: bytes = CLASS_0) -> dict[tuple[str, int], tuple[int, int]]:
        """Return (type, index) → (value, flags)."""
        found: dict[tuple[str, int], tuple[int, int]] = {}
        for part in await self.request(1, objects):
            found |= decode(part[4:])
        return found

    def close(self) -> None:
        self.writer.transport.abort()


def decode(data: bytes) -> dict[tuple[str, int], tuple[int, int]]:
    """Return the points of g1v2, g2v1, g30v1 and g32v1 objects."""
    found: dict[tuple[str, int], tuple[int, int]] = {}
    while data:
        group, _, qualifier = data[:3]
        size, kind = {1: (1, "BI"), 2: (1, "BI"), 30: (5, "AI"), 32: (5, "AI")}[group]
        data, indices = _indices(data[3:], qualifier)
        for index in indices:
            number = index
            if number is None:
                width = {0x17: 1, 0x28: 2}[qualifier]
                number, data = int.from_bytes(data[:width], "little"), data[width:]
            found[kind, number] = _value(data[:size])
            data = data[size:]
    return found


def _indices(data: bytes, qualifier: int) -> tuple[bytes, list[Any]]:
    if qualifier in (0x00, 0x01):
        first, last = struct.unpack_from("<BB" if qualifier == 0 else "<HH", data)
        return data[2 << qualifier :], list(range(first, last + 1))
    count = data[0] if qualifier == 0x17 else int.from_bytes(data[:2], "little")
    return data[1 if qualifier == 0x17 else 2 :], [None] * count


def _value(data: bytes) -> tuple[int, int]:
    return (data[0] >> 7, data[0] & 0x7F) if len(data) == 1 else (struct.unpack_from("<i", data, 1)[0], data[0])
