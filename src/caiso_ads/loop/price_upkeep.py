"""Once a day: whether the ISO knows each configured node, and which of the stored prices it has corrected.

Rule: only the hours the ISO names are read again, only for our own nodes, and each once; what changed is stored beside
its old value and logged. A catalogue that could not be read accuses no node.
"""

from __future__ import annotations

import asyncio
import difflib
import logging
from collections.abc import Callable, Coroutine, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from caiso_ads.core.happenings import Event, NodesUnknown, PricesSeen
from caiso_ads.core.price import AffectedHour, Correction, Market, NodeInfo
from caiso_ads.core.price_state import HORIZON
from caiso_ads.errors import LocalError, OasisError, RemoteError, WireError
from caiso_ads.ports import Clock
from caiso_ads.ports.prices import PriceSource, PriceStore
from caiso_ads.wire.oasis.reports import CATALOGUES

log = logging.getLogger("caiso_ads.prices")

TRADE_DAYS = 15
"""For how long after a trade day its corrections are looked for (days)."""
_DAY = timedelta(days=1)
CATALOGUE_LASTS = _DAY
_STANDARD_TIME = timedelta(hours=8)  # behind UTC; in summer the trade day ends an hour earlier, which is no harm here


class Upkeep:
    """The daily look; ``accept`` folds an event into the gateway's state and publishes it."""

    def __init__(
        self,
        source: PriceSource,
        store: PriceStore,
        clock: Clock,
        nodes: Sequence[str],
        accept: Callable[[Event], None],
    ) -> None:
        self._source, self._store, self._clock = source, store, clock
        self._nodes, self._accept = tuple(nodes), accept
        self._read: set[AffectedHour] = set()
        self._named: set[str] = set()

    async def run_once(self) -> bool:
        """Look once; False when something was not answered and should be asked again before the day is over."""
        checked = await self._attempt("the catalogue of nodes", self.check_nodes)
        corrected = await self._attempt("the ISO's corrections", self.read_corrections)
        return checked and corrected

    async def _attempt(self, what: str, work: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        try:
            await work()
        except (RemoteError, LocalError) as error:
            log.warning("%s could not be read, later again: %s", what, error)
            return False
        return True

    async def check_nodes(self) -> None:
        """Compare the configured nodes with the ISO's catalogue. Raises RemoteError or LocalError."""
        listed = {kind: await self._catalogue(kind) for kind in CATALOGUES}
        if not listed["PNODE"] or not listed["APNODE"]:
            return
        known = {row.name for kind in ("PNODE", "APNODE") for row in listed[kind]}
        unknown = [node for node in self._nodes if node not in known]
        self._accept(NodesUnknown(frozenset(unknown)))
        resources = {row.name: row.node for row in listed["RESOURCE"]}
        for node in sorted(set(unknown) - self._named):
            self._named.add(node)
            # Beside the event loop, which the dispatch needs: 17,000 names are compared for a tenth of a second.
            hint = await asyncio.to_thread(_hint, node, known, resources)
            log.error("node %r is not in the ISO's catalogue%s", node, hint)

    async def _catalogue(self, kind: str) -> Sequence[NodeInfo]:
        """Return the catalogue, from the store while it is not older than a day."""
        now = self._clock.now().wall
        rows, fetched = await self._store.catalogue(kind)
        if rows and fetched is not None and timedelta(0) <= now - fetched < CATALOGUE_LASTS:
            return rows
        fresh = await self._source.catalogue(kind)
        if fresh:
            await self._store.record_catalogue(kind, fresh, now)
        return fresh or rows

    async def read_corrections(self) -> None:
        """Read again the hours the ISO corrected in the last trade days. Raises RemoteError or LocalError.

        A trade day that cannot be read keeps no other from being read.
        """
        today = (self._clock.now().wall - _STANDARD_TIME).date()
        oldest = self._clock.now().wall - (TRADE_DAYS + 2) * _DAY
        self._read = {hour for hour in self._read if hour.start >= oldest}
        failure: OasisError | WireError | None = None
        for trade_date in (today - back * _DAY for back in range(1, TRADE_DAYS + 1)):
            try:
                await self._read_day(trade_date)
            except (OasisError, WireError) as error:
                log.info("the corrections of %s cannot be read: %s", trade_date, error)
                failure = failure or error
        if failure is not None:
            raise failure

    async def _read_day(self, trade_date: date) -> None:
        hours = [hour for hour in await self._source.affected_hours(trade_date) if hour.market is Market.RTD]
        fresh = [hour for hour in hours if hour not in self._read]
        for start, end in spans(fresh):
            answer = await self._source.history(Market.RTD, self._nodes, start, end)
            for correction in await self._store.record_prices(answer):
                log.warning("%s", told(correction))
            if end > self._clock.now().wall - HORIZON:
                self._accept(PricesSeen(answer.prices, self._clock.now(), refused=answer.failed_checks))
            if answer.failed_checks:
                raise WireError(f"corrected prices were refused: {answer.failed_checks[0].text}")
            self._read.update(hour for hour in fresh if start <= hour.start < end)


def spans(hours: Sequence[AffectedHour]) -> list[tuple[datetime, datetime]]:
    """Return the hours as stretches of time without overlap, in order."""
    found: list[tuple[datetime, datetime]] = []
    for start, end in sorted((hour.start, hour.end) for hour in hours):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def told(correction: Correction) -> str:
    """Return a corrected price in words, for the log."""
    after = correction.after
    before = "not known" if correction.before is None else f"{correction.before.lmp_usd_per_mwh:.5f}"
    return (
        f"{after.node} {after.start:%Y-%m-%d %H:%M} UTC: corrected from {before} to {after.lmp_usd_per_mwh:.5f} USD/MWh"
    )


def _hint(node: str, known: set[str], resources: dict[str, str]) -> str:
    if resources.get(node):
        return f": it is a resource, whose node is {resources[node]!r}"
    near = difflib.get_close_matches(node, known, n=1, cutoff=0.7)
    return f"; did you mean {near[0]!r}?" if near else ""
