"""The gateway's side of a sink's process: starts it, feeds it the newest snapshot, raises when it ends or stalls.

Rule: whatever the process does, the gateway never waits for it and never dies with it; the supervisor starts it again.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from caiso_ads.core.points import Snapshot
from caiso_ads.errors import LocalError
from caiso_ads.ports import Feed
from caiso_ads.ports.evidence import SinkEvidence
from caiso_ads.sinks._child.wire import (
    LONGEST_TEXT,
    Bound,
    Caps,
    Failed,
    Line,
    Read,
    Refused,
    Reply,
    Seen,
    frame,
    packed,
    reply_of,
)
from caiso_ads.sinks._trust import believed
from caiso_ads.sinks._within import within

START_S, SHOW_S, STOP_S, SILENT_S = 60.0, 15.0, 5.0, 5.0
MOST_REPLIES = 10_000
"""Replies between two snapshots; beyond it the process is taken for out of its mind."""


class ChildError(LocalError):
    """The process of a sink ended, or does not answer."""


class Child:
    """One sink in a process of its own. ``bound`` is where it listens; ``pid`` is its process while it runs.

    ``program`` is what Python is started with, such as ``("-P", "-m", "package.module")``.
    """

    def __init__(self, name: str, program: Sequence[str], caps: Caps, evidence: SinkEvidence) -> None:
        self._name, self._program, self._caps, self._evidence = name, program, caps, evidence
        self._log = logging.getLogger(f"caiso_ads.sinks.{name}")
        self.bound: tuple[tuple[str, int], ...] = ()
        self.pid: int | None = None
        self._shown = -1
        self._news = asyncio.Event()
        self._replies = 0

    async def run(self, setup: msgspec.Struct, feed: Feed, started: Callable[[], None]) -> None:
        """Serve until cancelled. Raises OSError or ChildError when the process cannot serve any more."""
        self._shown, self._replies, self._news = -1, 0, asyncio.Event()
        process = await asyncio.create_subprocess_exec(sys.executable, *self._program, stdin=PIPE, stdout=PIPE)
        self.pid = process.pid
        hearing = asyncio.create_task(self._hear(process))
        feeding = asyncio.create_task(self._feed(process, setup, feed, started))
        try:
            await asyncio.wait((hearing, feeding), return_when=asyncio.FIRST_COMPLETED)
            for task in (hearing, feeding):  # why it ended is what it said last, if it said anything
                if task.done():
                    task.result()
        finally:
            self.bound = ()
            feeding.cancel()
            hearing.cancel()
            await asyncio.gather(feeding, hearing, return_exceptions=True)
            await _end(process)
            self.pid = None

    async def _feed(self, process: Process, setup: msgspec.Struct, feed: Feed, started: Callable[[], None]) -> None:
        snapshot, shown = feed.latest, believed(feed, SILENT_S)  # its own watch begins only when it starts
        first = await asyncio.to_thread(lambda: frame(self._caps) + frame(setup) + frame(packed(shown)))
        await self._send(process, first, START_S)
        await self._until(lambda: bool(self.bound) and self._shown >= snapshot.generation, START_S)
        started()
        while True:
            snapshot = await feed.after(snapshot.generation)
            await self._show(process, snapshot)

    async def _show(self, process: Process, snapshot: Snapshot) -> None:
        self._replies = 0
        await self._send(process, await asyncio.to_thread(lambda: frame(packed(snapshot))), SHOW_S)
        await self._until(lambda: self._shown >= snapshot.generation, SHOW_S)

    async def _send(self, process: Process, data: bytes, patience_s: float) -> None:
        assert process.stdin is not None
        try:
            process.stdin.write(data)
            async with asyncio.timeout(patience_s):
                await process.stdin.drain()
        except ConnectionError:
            await asyncio.sleep(STOP_S)  # the one that hears knows why, and ends this
            raise ChildError(f"the process of {self._name} takes no snapshots") from None
        except TimeoutError as error:
            raise ChildError(f"the process of {self._name} takes no snapshots") from error

    async def _until(self, condition: Callable[[], bool], patience_s: float) -> None:
        try:
            async with asyncio.timeout(patience_s):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError as error:
            raise ChildError(f"the process of {self._name} did not answer in {patience_s:g} s") from error

    async def _hear(self, process: Process) -> None:
        """Take what the process tells until it ends; raises why."""
        assert process.stdout is not None
        while True:
            try:
                text = await process.stdout.readline()
                if not text:
                    raise ChildError(f"the process of {self._name} ended with {await _status(process)}")
                self._take(reply_of(text))
            except ValueError as error:
                raise ChildError(f"the process of {self._name} says what means nothing") from error
            self._replies += 1
            if self._replies > MOST_REPLIES:
                raise ChildError(f"the process of {self._name} told {MOST_REPLIES} things and shows no snapshot")

    def _take(self, reply: Reply) -> None:
        match reply:
            case Bound(places):
                self.bound = tuple(places)
            case Seen(generation):
                self._shown, self._replies = max(self._shown, generation), 0
                self._evidence.seen(self._name, generation)
            case Read(client, unit, generation):
                self._evidence.read(self._name, client, unit, generation)
            case Refused(client, what):
                self._evidence.refused(self._name, client, what)
            case Line(level, text):
                self._log.log(level, "%s", text[:LONGEST_TEXT])
            case Failed(text, 0):
                raise ChildError(text[:LONGEST_TEXT])
            case Failed(text, number):
                raise OSError(number, text[:LONGEST_TEXT])
        self._news.set()


async def _status(process: Process) -> str:
    """Return with what the process ended; it may have closed its output only."""
    with suppress(TimeoutError):
        async with within(STOP_S):
            return str(await process.wait())
    return "its output closed"


async def _end(process: Process) -> None:
    """Close the pipe, which ends the process; kill it when it does not go."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with within(STOP_S):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):  # it went at the last moment
            process.kill()
        await process.wait()
    await _drain(process)


async def _drain(process: Process) -> None:
    """Read on to the end of its output: while some waits unread, the pipe stays open."""
    assert process.stdout is not None
    with suppress(TimeoutError, ValueError):  # it may have left the pipe to a process of its own
        async with within(STOP_S):
            while await process.stdout.read(1 << 16):
                pass
