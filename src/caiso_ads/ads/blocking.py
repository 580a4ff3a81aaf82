"""A client of asyncio for callers without a loop: its calls run on one thread of its own.

Rule: no logic; what is called, its result and its errors are the client's. The thread runs its own event loop, so this
works in a plain script, in threads and where a loop is already running.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

CLOSING_S = 0.1
"""How long the loop runs on after closing (s): a TLS connection is let go some turns of the loop later."""


class Closable(Protocol):
    """What a client must have."""

    async def close(self) -> None:
        """Close all connections."""


_T = TypeVar("_T")
_C = TypeVar("_C", bound=Closable)


class Blocking(Generic[_C]):
    """Holds one client and its thread. Close it, or use it in a ``with`` statement; several threads may use it."""

    def __init__(self, client: _C, thread_name: str) -> None:
        self._client = client
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=thread_name, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections and end the thread; a second call does nothing."""
        if self._loop.is_closed():
            return
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        await self._client.close()
        await asyncio.sleep(CLOSING_S)

    def _run(self, call: Coroutine[Any, Any, _T]) -> _T:
        future = asyncio.run_coroutine_threadsafe(call, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # Ctrl-C while waiting: do not leave the call running behind the caller's back
            raise
