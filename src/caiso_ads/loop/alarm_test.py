"""The test button with notifiers: the test alarm is raised, and each notifier sends a message and says what became of it.

Rule: other commands do not wait for it, and a notifier that fails does not make the test of the alarm itself fail.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime

from caiso_ads.loop.commands import Command, Result
from caiso_ads.loop.desk import Handler

TryOut = Callable[[str], Awaitable[Sequence[str]]]
"""Tries every notifier for a person; gives a line for each."""


class AlarmTest:
    """The handler of ``alarm-test`` where there are notifiers; ``inner`` raises the alarm."""

    slow = True

    def __init__(self, inner: Handler, try_out: TryOut) -> None:
        self._inner, self._try_out = inner, try_out

    async def __call__(self, command: Command, now: datetime) -> Result:
        """Do it. Raises CommandError where the alarm itself is refused."""
        result = await self._inner(command, now)
        outcomes = await self._try_out(command.author)
        return replace(result, text="; ".join((result.text, *outcomes)))
