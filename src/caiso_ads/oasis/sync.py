"""The synchronous twin of OasisClient. Rule: no logic of its own; every call is handed over to one thread.

That thread runs its own event loop, so the twin works in a plain script, in threads and inside Jupyter::

    with SyncOasisClient(DEFAULT_URL, clock=clock, pacer=pacer, ssl_context=context) as oasis:
        print(oasis.current(["TH_NP15_GEN-APND"]).prices)
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Coroutine, Sequence
from datetime import date, datetime
from types import TracebackType
from typing import Any, Self, TypeVar

from caiso_ads.core.price import AffectedHour, Market, NodeInfo
from caiso_ads.oasis.client import OasisClient
from caiso_ads.oasis.download import Outcome, Progress, fetch_history, silent
from caiso_ads.oasis.pacer import Pacer
from caiso_ads.ports import Clock
from caiso_ads.ports.prices import PriceAnswer, PriceStore

_T = TypeVar("_T")
CLOSING_S = 0.1
"""How long the loop runs on after closing (s): a TLS connection is let go some turns of the loop later."""


class SyncOasisClient:
    """All operations of OasisClient, blocking; ``options`` are OasisClient's. Results and errors are the same.

    Close it, or use it in a ``with`` statement. It may be used from several threads.
    """

    def __init__(self, url: str, *, clock: Clock, pacer: Pacer, ssl_context: ssl.SSLContext, **options: Any) -> None:
        self._client = OasisClient(url, clock=clock, pacer=pacer, ssl_context=ssl_context, **options)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="caiso-ads-oasis", daemon=True)
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

    def current(self, nodes: Sequence[str]) -> PriceAnswer:
        """See ``OasisClient.current``."""
        return self._run(self._client.current(nodes))

    def history(self, market: Market, nodes: Sequence[str], start: datetime, end: datetime) -> PriceAnswer:
        """See ``OasisClient.history``."""
        return self._run(self._client.history(market, nodes, start, end))

    def affected_hours(self, trade_date: date) -> Sequence[AffectedHour]:
        """See ``OasisClient.affected_hours``."""
        return self._run(self._client.affected_hours(trade_date))

    def catalogue(self, kind: str) -> Sequence[NodeInfo]:
        """See ``OasisClient.catalogue``."""
        return self._run(self._client.catalogue(kind))

    def fetch_history(
        self, store: PriceStore, market: Market, nodes: Sequence[str], start: datetime, end: datetime,
        progress: Progress = silent,
    ) -> Outcome:  # fmt: skip
        """See ``download.fetch_history``; ``progress`` is called on the client's thread."""
        return self._run(fetch_history(self._client, store, market, nodes, start, end, progress))
