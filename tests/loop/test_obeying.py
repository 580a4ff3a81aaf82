"""Each command goes to the handler of its kind; one that waits for the ISO holds up nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from caiso_ads.errors import CommandError, StoreError
from caiso_ads.loop.commands import Command, Result, Spool
from caiso_ads.loop.desk import Desk, Handlers
from caiso_ads.loop.obeying import handle, obey
from tests.fakes import START, FakeClock

HERE: dict[str, object] = {"at": START.isoformat(), "who": "alice", "host": "h"}
ACCEPT: dict[str, object] = {"kind": "accept", "instruction": "I", "revision": 0, **HERE}
CLEAR: dict[str, object] = {"kind": "clear", "resource": "A", "reason": "r", **HERE}


@dataclass
class Recorder:
    """A handler that keeps what it was given; it waits for ``until`` or raises ``error``."""

    slow: bool = False
    error: Exception | None = None
    until: asyncio.Event | None = None
    seen: list[Mapping[str, object]] = field(default_factory=list)

    async def __call__(self, command: Command, now: datetime) -> Result:
        self.seen.append(command.said)
        if self.until is not None:
            await self.until.wait()
        if self.error is not None:
            raise self.error
        return Result(done=True, text="did it")


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    made = Spool(tmp_path / "gateway.db")
    made.prepare()
    return made


async def once(spool: Spool, handlers: Handlers) -> None:
    """Take what waits and see all of it through."""
    async with asyncio.TaskGroup() as tasks:
        await handle(spool, FakeClock(), Desk(handlers, FakeClock()), tasks)


async def told(spool: Spool, handlers: Handlers, said: dict[str, object]) -> Result | None:
    """Return the answer to one command."""
    command_id = spool.submit(said)
    await once(spool, handlers)
    return spool.result(command_id)


async def test_the_handler_of_its_kind_gets_it_and_no_other(spool: Spool) -> None:
    accept, clear = Recorder(slow=True), Recorder()
    assert await told(spool, {"accept": accept, "clear": clear}, ACCEPT) == Result(done=True, text="did it")
    assert (len(accept.seen), clear.seen) == (1, [])


async def test_a_kind_without_a_handler_is_refused(spool: Spool) -> None:
    result = await told(spool, {}, ACCEPT)
    assert result == Result(done=False, text="kind: this gateway takes no command 'accept'")


@pytest.mark.parametrize("seconds", [-11, 11])
async def test_a_stale_command_reaches_no_handler(spool: Spool, seconds: int) -> None:
    handler = Recorder()
    result = await told(spool, {"accept": handler}, {**ACCEPT, "at": (START + timedelta(seconds=seconds)).isoformat()})
    assert result is not None
    assert "nobody waits for it" in result.text
    assert handler.seen == []


async def test_what_a_handler_refuses_and_what_the_store_does_not_take_is_told(spool: Spool) -> None:
    refused = await told(spool, {"accept": Recorder(error=CommandError("no", field="revision"))}, ACCEPT)
    broken = await told(spool, {"accept": Recorder(error=StoreError("no space left"))}, ACCEPT)
    assert refused == Result(done=False, text="revision: no")
    assert broken is not None
    assert broken.text.endswith("no space left; look with: caiso-ads instructions list")


async def test_a_slow_handler_holds_up_no_other_command(spool: Spool) -> None:
    slow, quick = Recorder(slow=True, until=asyncio.Event()), Recorder()
    handlers = {"accept": slow, "clear": quick}
    clock = FakeClock()
    first = spool.submit(ACCEPT)
    running = asyncio.create_task(obey(spool, clock, Desk(handlers, clock)))
    await until(lambda: bool(slow.seen), clock)
    second = spool.submit(CLEAR)
    await until(lambda: bool(quick.seen), clock)
    assert slow.until is not None
    slow.until.set()
    await until(lambda: not list(spool.folder.glob("*.taken")), clock)
    running.cancel()
    await asyncio.wait({running})
    assert [spool.result(each) for each in (first, second)] == [Result(done=True, text="did it")] * 2


async def until(done: object, clock: FakeClock) -> None:
    """Let the gateway look again and again, until something is so."""
    assert callable(done)
    async with asyncio.timeout(10):
        while not done():
            await clock.advance(0.5)
            await asyncio.sleep(0.001)
