"""What looks on and what runs beside the loop, on fakes."""

from __future__ import annotations

import asyncio

from caiso_ads.ports import Receipt
from tests.fakes import START, batch
from tests.rig import Rig


async def test_onlookers_see_each_event_and_what_runs_beside_starts_once_the_past_is_restored() -> None:
    rig = Rig()
    seen: list[tuple[str, bool]] = []
    started: list[list[str]] = []

    async def beside() -> None:
        started.append(list(rig.gateway.state.batches))

    rig.store.batches["A"] = Receipt("getDispatchBatch", "A", b"", START, batch("A"))
    rig.gateway.onlookers.append(lambda event, state: seen.append((type(event).__name__, "A" in state.batches)))
    rig.gateway.beside["beside"] = beside
    task = asyncio.create_task(rig.gateway.run())
    await rig.clock.advance(0.5)
    task.cancel()
    await asyncio.wait({task})
    assert started == [["A"]]
    assert seen[0] == ("BatchSeen", True)
    assert seen[-1][0] == "Stopping"
