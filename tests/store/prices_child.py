"""A process that stores prices until it is killed; prints "stored N" only after the commit of round N returned.

Round 0 inserts, each later one corrects every price of the round before. Arguments: database, number of rounds, and
the statement or commit at which it kills itself (0: never).
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from sqlalchemy import Engine, event

from caiso_ads.core.price import Market, NodeInfo
from caiso_ads.core.price_grid import PATIENCE
from caiso_ads.store.sqlite import SqlStore
from tests.store.crash_child import Fuse, say
from tests.store.making import NOON, StillClock
from tests.store.pricing import DAY, FIVE, NODES, an_hour


async def main(path: Path, rounds: int, fuse: int) -> None:
    store = await SqlStore.open(path, StillClock())
    if fuse:
        lit = Fuse(fuse)
        event.listen(Engine, "before_cursor_execute", lit.burn)
        event.listen(Engine, "commit", lit.burn)
    for n in range(rounds):
        at = NOON + DAY + n * FIVE
        await store.record_prices(an_hour(30.0 + n, at=at))
        await store.record_asked(Market.RTD, NODES, NOON - n * FIVE, NOON, NOON + PATIENCE + n * FIVE)
        await store.record_catalogue("PNODE", [NodeInfo("PNODE", f"NODE_{n}_{k}") for k in range(3)], at)
        say(f"stored {n}")
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *(int(text) for text in sys.argv[2:4])))
