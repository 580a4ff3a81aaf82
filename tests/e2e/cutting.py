"""A TCP proxy that counts bytes and cuts: between two ends that speak TLS, which it passes on and cannot read."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

TO_SERVER, TO_CLIENT = "to the server", "to the client"


@dataclass(frozen=True)
class Cut:
    """Pass so many bytes in one direction, then end both; ``reset`` by RST instead of FIN."""

    direction: str
    after: int
    reset: bool = False


@dataclass
class Passage:
    """One connection: its cut, and the bytes that went through."""

    cut: Cut | None
    passed: dict[str, int] = field(default_factory=lambda: {TO_SERVER: 0, TO_CLIENT: 0})
    done: bool = False


@dataclass
class CuttingProxy:
    """Each connection takes the next of ``plan``; without one it is passed on whole.

    ``watch`` sees each piece after it was passed on.
    """

    target: int
    plan: deque[Cut] = field(default_factory=deque)
    passages: list[Passage] = field(default_factory=list)
    watch: Callable[[Passage], None] | None = None
    port: int = 0
    running: set[asyncio.Task[None]] = field(default_factory=set)
    ends: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.running.add(task)
        task.add_done_callback(self.running.discard)
        passage = Passage(self.plan.popleft() if self.plan else None)
        self.passages.append(passage)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except BaseException:
            writer.transport.abort()
            raise
        self.ends += (writer, far_writer)
        pumps = {
            asyncio.ensure_future(self._pump(passage, TO_SERVER, reader, far_writer)),
            asyncio.ensure_future(self._pump(passage, TO_CLIENT, far_reader, writer)),
        }
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for end in (writer, far_writer):
                _end(end, reset=passage.cut is not None and passage.cut.reset)
            passage.done = True
            for end in (writer, far_writer):
                with contextlib.suppress(OSError):
                    await end.wait_closed()

    async def _pump(
        self, passage: Passage, direction: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        cut = passage.cut if passage.cut is not None and passage.cut.direction == direction else None
        with contextlib.suppress(ConnectionError):
            while cut is None or passage.passed[direction] < cut.after:
                left = 65536 if cut is None else cut.after - passage.passed[direction]
                data = await reader.read(min(left, 65536))
                if not data:
                    return
                writer.write(data)
                await writer.drain()
                passage.passed[direction] += len(data)
                if self.watch is not None:
                    self.watch(passage)


def _end(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    if reset:
        raw: socket.socket = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    else:
        writer.close()


@asynccontextmanager
async def proxy_to(port: int) -> AsyncIterator[CuttingProxy]:
    """Run a proxy to that port of this machine."""
    proxy = CuttingProxy(port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in tuple(proxy.running):
            task.cancel()
        await asyncio.gather(*proxy.running, return_exceptions=True)
        for end in proxy.ends:
            end.transport.abort()  # one whose peer takes no more would wait for it, longer than this loop lives
        await asyncio.sleep(0)  # an ended transport lets go of its socket in the next turn of the loop
        await asyncio.sleep(0)


def cuts(lengths: dict[str, int], *, step: int, edge: int = 4) -> Iterable[Cut]:
    """Return a cut at every ``step``-th byte of both directions, and at each of the first and last ``edge`` bytes."""
    for direction, length in lengths.items():
        places = {*range(0, length, step), *range(edge), *range(length - edge, length + 1)}
        for place in sorted(places):
            yield Cut(direction, place, reset=place % 2 == 1)
