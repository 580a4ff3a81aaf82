"""Running something until it is told to stop, the same way on Linux and Windows.

Rule: Ctrl-C, SIGTERM and (on Windows) Ctrl-Break end it in order; the second signal is left to the system.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine
from typing import Any


def run_until_stopped(main: Coroutine[Any, Any, None]) -> None:
    """Run the coroutine; return normally when a stop signal cancelled it, raise what it raised otherwise."""
    try:
        asyncio.run(_cancelled_by_signals(main))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return


async def _cancelled_by_signals(main: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(main)
    loop = asyncio.get_running_loop()
    if sys.platform == "win32":
        # The Proactor loop has no add_signal_handler; Ctrl-Break is what a service manager sends.
        signal.signal(signal.SIGBREAK, lambda *_: loop.call_soon_threadsafe(task.cancel))
    else:
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
        loop.add_signal_handler(signal.SIGINT, task.cancel)
    await task
