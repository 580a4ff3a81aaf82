"""One Modbus TCP connection to a plant controller: one request at a time, and closed when an answer is doubtful.

Rule: an answer that comes late can never be taken for that of a later request: after a timeout, a wrong answer or a
cancelled request the connection is gone, and so is whatever still travels on it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress

from caiso_ads.sinks._within import within
from caiso_ads.sinks.plant_writer import frames
from caiso_ads.sinks.plant_writer.frames import PlantRefusedError, PlantUncertainError


class Client:
    """A connection that opens when it is needed. ``timeout_s`` limits connecting and each request."""

    def __init__(self, host: str, port: int, unit: int, *, timeout_s: float, tls: ssl.SSLContext | None = None) -> None:
        self._host, self._port, self._unit, self._timeout_s, self._tls = host, port, unit, timeout_s, tls
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._transaction = 0
        self._turn = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._streams is not None

    async def read(self, address: int, count: int, function: int = frames.READ_HOLDING) -> tuple[int, ...]:
        """Return so many registers. Raises PlantRefusedError or PlantUncertainError."""
        return await self._ask(frames.read_request(function, address, count))

    async def write(self, address: int, words: Sequence[int], *, single: bool = False) -> None:
        """Write registers, once. Raises PlantRefusedError (not done) or PlantUncertainError (not known)."""
        await self._ask(frames.write_request(address, words, single=single))

    def close(self) -> None:
        """Drop the connection."""
        streams, self._streams = self._streams, None
        if streams is not None:
            with suppress(OSError, RuntimeError):  # it is gone already, or its loop is
                streams[1].close()

    async def _ask(self, pdu: bytes) -> tuple[int, ...]:
        async with self._turn:
            answered = False
            try:
                found = await self._exchange(pdu)
                answered = True
            except PlantRefusedError:
                answered = True
                raise
            except TimeoutError as error:
                raise PlantUncertainError(f"no answer in {self._timeout_s:g} s") from error
            except (OSError, UnicodeError, asyncio.IncompleteReadError) as error:  # ssl.SSLError is an OSError
                raise PlantUncertainError(f"the connection failed: {error}") from error
            finally:
                if not answered:
                    self.close()
            return found

    async def _exchange(self, pdu: bytes) -> tuple[int, ...]:
        async with within(self._timeout_s):
            if self._streams is None:
                self._streams = await asyncio.open_connection(self._host, self._port, ssl=self._tls)
            reader, writer = self._streams
            self._transaction = self._transaction % 0xFFFF + 1
            writer.write(frames.framed(self._transaction, self._unit, pdu))
            await writer.drain()
            length = frames.body_length(await reader.readexactly(frames.HEAD), self._transaction)
            return frames.answer(await reader.readexactly(length), self._unit, pdu)
