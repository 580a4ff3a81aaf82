"""A process that writes ends of overrides and decodes again until it is killed.

Arguments: database, and the statement or commit at which it kills itself (0: never).
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine, event

from caiso_ads.store.sqlite import SqlStore
from tests.store.crash_child import Fuse
from tests.store.making import NOON, StillClock


async def main(path: Path, fuse: int) -> None:
    store = await SqlStore.open(path, StillClock())
    if fuse:
        lit = Fuse(fuse)
        event.listen(Engine, "before_cursor_execute", lit.burn)
        event.listen(Engine, "commit", lit.burn)
    await store.record_ended(NOON + timedelta(hours=2))
    await store.redecode(NOON - timedelta(hours=24), acknowledge=True)
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
