"""The gateway obeys the command line: each command that waits in the folder goes to the desk, and its answer back.

Rule: a command nobody waits for any more is refused. Commands are executed one after the other; only one that waits
for the ISO goes on beside the others.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from caiso_ads.core.override import read_time
from caiso_ads.errors import CommandError
from caiso_ads.loop.commands import Command, Result, Spool
from caiso_ads.loop.desk import Desk
from caiso_ads.ports import Clock

LOOK_EVERY_S = 0.5
FRESH_S = 10.0
"""A command older or newer than this by the wall clock is refused: nobody waits for it any more."""


async def obey(spool: Spool, clock: Clock, desk: Desk) -> None:
    """Take and execute commands until cancelled; apart from the beat: a slow commit must not stop it."""
    async with asyncio.TaskGroup() as tasks:
        while True:
            await handle(spool, clock, desk, tasks)
            await clock.sleep(LOOK_EVERY_S)


async def handle(spool: Spool, clock: Clock, desk: Desk, tasks: asyncio.TaskGroup) -> None:
    """Execute the commands that wait, one after the other; those of slow handlers go on in ``tasks``."""
    for command in await asyncio.to_thread(spool.take):
        executing = _execute(spool, clock, command, desk)
        if desk.is_slow(command.kind):
            tasks.create_task(executing, name=f"command {command.command_id}")
        else:
            await executing


async def _execute(spool: Spool, clock: Clock, command: Command, desk: Desk) -> None:
    """Have it done, and answer. What is too old is refused without asking the desk."""
    try:
        _refuse_old(command, clock.now().wall)
    except CommandError as refused:
        result = Result(done=False, text=str(refused))
    else:
        result = await desk.execute(command)
    await asyncio.to_thread(spool.answer, command, result)


def _refuse_old(command: Command, now: datetime) -> None:
    if abs(now - read_time(str(command.said["at"]), "at")) > timedelta(seconds=FRESH_S):
        raise CommandError(f"given at {command.said['at']}, which is not now; nobody waits for it", field="at")
