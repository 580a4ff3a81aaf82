"""A sink that listens, tells all it can, and does on command what a bad one would: started as a process by the tests."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from caiso_ads.errors import ConfigError
from caiso_ads.ports import Feed
from caiso_ads.ports.evidence import SinkEvidence
from caiso_ads.sinks._child.process import main


class Setup(msgspec.Struct, frozen=True):
    """``does`` is what it does with generation 2; ``port`` where it listens."""

    does: str = ""
    port: int = 0
    notes: str = ""


class Echo:
    """The sink."""

    def __init__(self, setup: Setup, evidence: SinkEvidence) -> None:
        self.setup, self.evidence = setup, evidence
        self.bound: tuple[tuple[str, int], ...] = ()

    async def run(self, feed: Feed, started: Callable[[], None]) -> None:
        """Serve."""
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", self.setup.port)
        self.bound = (server.sockets[0].getsockname()[:2],)
        started()
        generation = -1
        while True:
            snapshot = await feed.after(generation)
            generation = snapshot.generation
            if self.setup.notes:
                await asyncio.to_thread(Path(self.setup.notes).write_text, f"{snapshot.resources!r}", "utf-8")
            if generation == 2:
                await self.act()
            self.evidence.read("echo", "10.0.0.9", 7, generation)
            self.evidence.refused("echo", "10.0.0.9", "write")
            logging.getLogger("echo").warning("shown %d", generation)
            self.evidence.seen("echo", generation)

    async def act(self) -> None:
        """Be bad."""
        match self.setup.does:
            case "raise":
                raise RuntimeError("out of luck")
            case "config":
                raise ConfigError("is wrong", table="sinks.echo", key="port")
        held: list[object] = []
        while self.setup.does:
            match self.setup.does:
                case "eat":
                    held.append(bytes(1 << 22))
                case "open":
                    held.append(Path(__file__).open("rb"))  # noqa: SIM115, ASYNC230 - until there are no more
                case "stuck":
                    time.sleep(1)  # noqa: ASYNC251 - a loop that is stuck is the point
                case _:
                    self.evidence.refused("echo", "10.0.0.9", "write")
                    await asyncio.sleep(0)


if __name__ == "__main__":
    main(Setup, Echo)
