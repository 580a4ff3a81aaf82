"""Where commands are executed, whoever brought them: the folder of the command line, or the page.

Rule: one after the other, so that what stands is what was given last; only what waits for the ISO goes on beside the
others. A command that is refused, or that the store cannot write, is answered; it never ends the loop.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from caiso_ads.errors import CommandError, StoreError
from caiso_ads.loop.commands import Command, Result, where_to_look
from caiso_ads.ports import Clock

log = logging.getLogger("caiso_ads.commands")


class Handler(Protocol):
    """Executes the commands of some kinds. ``slow``: it waits for the ISO, and other commands do not wait for it."""

    @property
    def slow(self) -> bool:
        """Whether it may take longer than a commit."""

    async def __call__(self, command: Command, now: datetime) -> Result:
        """Check all of it again, commit, act. Raises CommandError naming the field, or StoreError: nothing done."""


Handlers = Mapping[str, Handler]


class Desk:
    """Executes commands by the handler of their kind."""

    def __init__(self, handlers: Handlers, clock: Clock) -> None:
        self._handlers, self._clock = handlers, clock
        self._turn = asyncio.Lock()

    def is_slow(self, kind: str) -> bool:
        """Whether commands of that kind wait for the ISO."""
        handler = self._handlers.get(kind)
        return handler is not None and handler.slow

    async def ask(self, said: Mapping[str, object], who: str, host: str) -> Result:
        """Execute what a person we know asks for, ``said`` without ``who``, ``at`` and ``host``; never raises for it.

        ``who`` is the person's name as checked by the caller, ``host`` where the person sits.
        """
        told = {**said, "who": who, "host": host, "at": self._clock.now().wall.isoformat()}
        return await self.execute(Command(secrets.token_hex(16), told, who))

    async def execute(self, command: Command) -> Result:
        """Execute one command and return what became of it."""
        try:
            result = await self._given(command)
        except CommandError as refused:
            result = Result(done=False, text=str(refused))
        except StoreError as problem:
            look = where_to_look(command.kind)
            result = Result(done=False, text=f"the store cannot write it: {problem}; {look}")
        log.warning("operator command %s by %s: %s", command.command_id, command.said["who"], result.text)
        return result

    async def _given(self, command: Command) -> Result:
        handler = self._handlers.get(command.kind)
        if handler is None:
            raise CommandError(f"this gateway takes no command {command.kind!r}", field="kind")
        if handler.slow:
            return await handler(command, self._clock.now().wall)
        async with self._turn:
            return await handler(command, self._clock.now().wall)
