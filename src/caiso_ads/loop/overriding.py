"""What the commands ``set`` and ``clear`` do: an operator's override, or its early end.

Rule: check again, commit, apply (fold and publish), answer; in this order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from caiso_ads.core.override import Cleared, Limited, Override, read_clear, read_override
from caiso_ads.errors import CommandError
from caiso_ads.loop.commands import Command, Result
from caiso_ads.loop.desk import Handlers
from caiso_ads.ports import Store


class Overriding:
    """The handler of both kinds; ``apply`` makes the change seen."""

    slow = False

    def __init__(
        self, store: Store, resources: Mapping[str, Limited], apply: Callable[[Override | Cleared], None]
    ) -> None:
        self._store, self._resources, self._apply = store, resources, apply

    def handlers(self) -> Handlers:
        """Return what to register."""
        return {"set": self, "clear": self}

    async def __call__(self, command: Command, now: datetime) -> Result:
        """Do it. Raises CommandError naming the field, or StoreError: then nothing changed."""
        read = read_override if command.kind == "set" else read_clear
        change: Override | Cleared = read(
            command.said, now=now, resources=self._resources, who=str(command.said["who"])
        )
        if isinstance(change, Override):
            await self._store.record_override(change, command.origin)
        elif not await self._store.record_override_cleared(change, command.origin):
            raise CommandError(f"nothing is forced for {change.resource_id}", field="resource")
        self._apply(change)
        return Result(done=True, text=told(change))


def told(change: Override | Cleared) -> str:
    """Return a change in words."""
    if isinstance(change, Cleared):
        return f"{change.resource_id}: the override is cleared"
    what = f"{change.setpoint_mw} MW" if change.directive is None else change.directive.name
    return f"{change.resource_id}: forced to {what} until {change.until:%Y-%m-%d %H:%M:%S} UTC"
