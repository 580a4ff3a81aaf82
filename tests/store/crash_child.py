"""A process that stores batches until it is killed; prints "stored UID" only after the commit returned.

Arguments: database, first batch, number of batches, and the statement at which it kills itself (0: never).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from caiso_ads.errors import StoreError
from caiso_ads.store.sqlite import SqlStore
from tests.store.making import StillClock, a_batch, answer


class Fuse:
    """Kills this process in front of the n-th statement or commit after it was lit."""

    def __init__(self, length: int) -> None:
        self.left = length

    def burn(self, *_: Any) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def main(path: Path, first: int, count: int, fuse: int) -> None:
    store = await SqlStore.open(path, StillClock())
    if fuse:
        lit = Fuse(fuse)
        event.listen(Engine, "before_cursor_execute", lit.burn)
        event.listen(Engine, "commit", lit.burn)
    for number in range(first, first + count):
        try:
            done = await store.record_batch(answer(a_batch(f"DISP-{number}", resources=8)), acknowledge=True)
            assert done.intent is not None
            await store.settle_intent(done.intent.intent_id, result="ok", done=True, at=StillClock().now().wall)
        except StoreError as problem:
            say(f"failed DISP-{number} {problem}")
        else:
            say(f"stored DISP-{number}")
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *(int(text) for text in sys.argv[2:5])))
