"""A gateway that obeys overrides once, for the tests of commands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from caiso_ads.core.override import Cleared, Limited, Override
from caiso_ads.loop import obeying
from caiso_ads.loop.commands import Spool
from caiso_ads.loop.desk import Desk
from caiso_ads.loop.overriding import Overriding
from caiso_ads.ports import Clock, Store


async def handle(
    spool: Spool,
    store: Store,
    clock: Clock,
    resources: Mapping[str, Limited],
    apply: Callable[[Override | Cleared], None],
) -> list[Override | Cleared]:
    """Execute the commands that wait, and return what was applied."""
    applied: list[Override | Cleared] = []

    def keep(change: Override | Cleared) -> None:
        apply(change)
        applied.append(change)

    try:
        async with asyncio.TaskGroup() as tasks:
            await obeying.handle(spool, clock, Desk(Overriding(store, resources, keep).handlers(), clock), tasks)
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from group
    return applied
