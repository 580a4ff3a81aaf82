"""The synchronous twin of OasisClient. Rule: no logic of its own; every call is handed over to one thread.

That thread runs its own event loop, so the twin works in a plain script, in threads and inside Jupyter::

    with SyncOasisClient(DEFAULT_URL, clock=clock, pacer=pacer, ssl_context=context) as oasis:
        print(oasis.current(["TH_NP15_GEN-APND"]).prices)
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from caiso_ads.ads.blocking import Blocking
from caiso_ads.core.price import AffectedHour, Market, NodeInfo
from caiso_ads.oasis.client import OasisClient
from caiso_ads.oasis.download import Outcome, Progress, fetch_history, silent
from caiso_ads.oasis.pacer import Pacer
from caiso_ads.ports import Clock
from caiso_ads.ports.prices import PriceAnswer, PriceStore


class SyncOasisClient(Blocking[OasisClient]):
    """All operations of OasisClient, blocking; ``options`` are OasisClient's. Results and errors are the same.

    Close it, or use it in a ``with`` statement. It may be used from several threads.
    """

    def __init__(self, url: str, *, clock: Clock, pacer: Pacer, ssl_context: ssl.SSLContext, **options: Any) -> None:
        super().__init__(
            OasisClient(url, clock=clock, pacer=pacer, ssl_context=ssl_context, **options), "caiso-ads-oasis"
        )

    def current(self, nodes: Sequence[str]) -> PriceAnswer:
        """See ``OasisClient.current``."""
        return self._run(self._client.current(nodes))

    def history(
        self, market: Market, nodes: Sequence[str], start: datetime, end: datetime, *, live: bool = False
    ) -> PriceAnswer:
        """See ``OasisClient.history``."""
        return self._run(self._client.history(market, nodes, start, end, live=live))

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
