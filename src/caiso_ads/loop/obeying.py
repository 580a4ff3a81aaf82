"""The gateway obeys: each command that waits goes to the handler of its kind, and its answer back.

Rule: a command nobody waits for any more is refused. Commands are executed one after the other, so that what stands is
what was given last; only a handler that waits for the ISO goes on beside the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from caiso_ads.core.override import read_time
from caiso_ads.errors import CommandError, StoreError
from caiso_ads.loop.commands import Command, Result, Spool, where_to_look
from caiso_ads.ports import Clock

log = logging.getLogger("caiso_ads.commands")

LOOK_EVERY_S = 0.5
FRESH_S = 10.0
"""A command older or newer than this by the wall clock is refused: nobody waits for it any more."""


class Handler(Protocol):
    """Executes the commands of some kinds. ``slow``: it waits for the ISO, and other commands do not wait for it."""

    @property
    def slow(self) -> bool:
        """Whether it may take longer than a commit."""

    async def __call__(self, command: Command, now: datetime) -> Result:
        """Check all of it again, commit, act. Raises CommandError naming the field, or StoreError: nothing done."""


Handlers = Mapping[str, Handler]


async def obey(spool: Spool, clock: Clock, handlers: Handlers) -> None:
    """Take and execute commands until cancelled; apart from the beat: a slow commit must not stop it."""
    async with asyncio.TaskGroup() as tasks:
        while True:
            await handle(spool, clock, handlers, tasks)
            await clock.sleep(LOOK_EVERY_S)


async def handle(spool: Spool, clock: Clock, handlers: Handlers, tasks: asyncio.TaskGroup) -> None:
    """Execute the commands that wait, one after the other; those of slow handlers go on in ``tasks``."""
    for command in await asyncio.to_thread(spool.take):
        handler = handlers.get(command.kind)
        executing = _execute(spool, clock, command, handler)
        if handler is not None and handler.slow:
            tasks.create_task(executing, name=f"command {command.command_id}")
        else:
            await executing


async def _execute(spool: Spool, clock: Clock, command: Command, handler: Handler | None) -> None:
    """Let the handler do it, and answer. A store that cannot write refuses the command; it does not raise here."""
    try:
        result = await _checked(handler, command, clock.now().wall)
    except CommandError as refused:
        result = Result(done=False, text=str(refused))
    except StoreError as problem:
        look = where_to_look(command.kind)
        result = Result(done=False, text=f"the store cannot write it: {problem}; {look}")
    log.warning("operator command %s by %s: %s", command.command_id, command.said["who"], result.text)
    await asyncio.to_thread(spool.answer, command, result)


async def _checked(handler: Handler | None, command: Command, now: datetime) -> Result:
    if abs(now - read_time(str(command.said["at"]), "at")) > timedelta(seconds=FRESH_S):
        raise CommandError(f"given at {command.said['at']}, which is not now; nobody waits for it", field="at")
    if handler is None:
        raise CommandError(f"this gateway takes no command {command.kind!r}", field="kind")
    return await handler(command, now)
