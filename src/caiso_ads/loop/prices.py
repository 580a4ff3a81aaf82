"""The prices beside the dispatch: asked for once an interval, stored, then folded and published.

Rule: stored before shown; and nothing that fails here touches the dispatch: a failure of the price service, of the
store or of the file that keeps the pace is logged, shown in the quality of the prices, and tried again. What nobody
expected is logged with its trace and begun anew after a pause: a price must not end the dispatch.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta

from caiso_ads.core import price_timing as timing
from caiso_ads.core.happenings import Event, PricesFailed, PricesSeen
from caiso_ads.core.price import Market
from caiso_ads.core.price_state import AHEAD, CLOCK_OFF_S, HORIZON
from caiso_ads.errors import LocalError, NotSoapError, OasisError, RemoteError, StoreError, ThrottledError, WireError
from caiso_ads.loop.price_upkeep import Upkeep, told
from caiso_ads.ports import Clock
from caiso_ads.ports.prices import FailedCheck, PriceAnswer, PriceSource, PriceStore

log = logging.getLogger("caiso_ads.prices")

UPKEEP_AFTER_S = 30.0
"""How long after start the first look at catalogue and corrections waits, so that the newest prices come first (s)."""
UPKEEP_EVERY_S = 24 * 3600.0
UPKEEP_AGAIN_S = 3600.0

GAP = timedelta(minutes=20)
"""How far back is read what was missed."""
FILL_AGAIN_S = 60.0
ANEW_AFTER_S = 60.0
MOST_TOLD = 500
"""Reasons remembered, so that each is logged once."""

UNREACHABLE, UNREADABLE, OURS, THROTTLED = 1, 2, 3, 429


class PriceLoop:
    """Keeps the prices of the nodes. ``accept`` folds an event into the gateway's state and publishes it."""

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
        self._timing = timing.Timing()
        self._failing = ""
        self._clock_off = False
        self._gap = asyncio.Event()
        self._told: dict[str, None] = {}
        self._upkeep = Upkeep(source, store, clock, self._nodes, accept)

    async def run(self) -> None:
        """Restore, then ask until cancelled; after what it did not expect, begin anew."""
        while True:
            try:
                await self._ask()
            except Exception:
                log.exception("the prices stopped and will be begun anew in %.0f s", ANEW_AFTER_S)
                self._accept(PricesFailed(OURS, self._clock.now()))
            await self._clock.sleep(ANEW_AFTER_S)

    async def _ask(self) -> None:
        await self.restore()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._poll_forever(), name="prices")
            tasks.create_task(self._fill_forever(), name="price gaps")
            tasks.create_task(self._keep_forever(), name="price upkeep")

    async def restore(self) -> None:
        """Show what the store knows, as restored: none of it is good before the price service has answered."""
        now = self._clock.now()
        try:
            stored = await self._store.prices(Market.RTD, self._nodes, now.wall - HORIZON, now.wall + AHEAD)
        except StoreError as error:
            log.warning("the stored prices cannot be read: %s", error)
            return
        self._accept(PricesSeen(tuple(item.price for item in stored), now, restored=True))

    async def poll_once(self) -> float:
        """Ask once for the newest prices and return how long to wait before the next time (s)."""
        try:
            answer = await self._source.current(self._nodes)
            await self._take(answer, _clock_offset_s(answer))
        except (RemoteError, LocalError) as error:
            return self._failed(error)
        if self._failing:
            log.warning("the price service answers again")
            self._failing = ""
        now = self._clock.now()
        newest = max((price.start for price in answer.prices if price.start <= now.wall + AHEAD), default=None)
        if timing.skipped(self._timing, newest):
            self._gap.set()
        self._timing = timing.answered(self._timing, newest, now.wall)
        return timing.wait_s(self._timing, now.wall)

    async def fill_once(self) -> bool:
        """Read the intervals just past, which no answer may have had; False when it did not succeed.

        The target of now may belong to one of them.
        """
        now = self._clock.now()
        try:
            await self._take(await self._source.history(Market.RTD, self._nodes, now.wall - GAP, now.wall, live=True))
        except (RemoteError, LocalError) as error:
            log.info("the prices just past could not be read, later again: %s", error)
            return False
        return True

    async def _take(self, answer: PriceAnswer, offset: float | None = None) -> None:
        """Store what an answer says, then show it. Raises StoreError, and then shows nothing.

        ``offset`` is what a quick answer says of our clock (s); one that may have taken long says nothing.
        """
        corrections = await self._store.record_prices(answer)
        self._accept(PricesSeen(answer.prices, self._clock.now(), False, answer.failed_checks, offset))
        self._tell_clock(offset)
        self._tell(answer.failed_checks)
        for correction in corrections:
            log.warning("%s", told(correction))

    def _failed(self, error: RemoteError | LocalError) -> float:
        kind = type(error).__name__
        if kind != self._failing:
            log.warning("no new prices: %s", error)
        self._failing = kind
        now = self._clock.now()
        self._accept(PricesFailed(code_of(error), now))
        self._timing = timing.failed(self._timing)
        return timing.wait_s(self._timing, now.wall)

    def _tell(self, failed: Sequence[FailedCheck]) -> None:
        """Log each reason once; the oldest are forgotten, so that a new one is always told."""
        for check in failed:
            if check.text not in self._told:
                log.error("a price was refused: %s", check.text)
            self._told[check.text] = self._told.pop(check.text, None)
        while len(self._told) > MOST_TOLD:
            del self._told[next(iter(self._told))]

    def _tell_clock(self, offset_s: float | None) -> None:
        off = self._clock_off if offset_s is None else abs(offset_s) > CLOCK_OFF_S
        if off and not self._clock_off:
            log.error("our clock is %.0f s from the price service's: no price is taken for that of now", offset_s)
        elif self._clock_off and not off:
            log.warning("our clock agrees with the price service's again")
        self._clock_off = off

    async def _poll_forever(self) -> None:
        while True:
            await self._clock.sleep(await self.poll_once())

    async def _fill_forever(self) -> None:
        """Fill gaps apart from the newest price: history is asked for patiently, which may take minutes."""
        while True:
            await self._gap.wait()
            self._gap.clear()
            if not await self.fill_once():
                await self._clock.sleep(FILL_AGAIN_S)
                self._gap.set()

    async def _keep_forever(self) -> None:
        await self._clock.sleep(UPKEEP_AFTER_S)
        while True:
            done = await self._upkeep.run_once()
            await self._clock.sleep(UPKEEP_EVERY_S if done else UPKEEP_AGAIN_S)


def _clock_offset_s(answer: PriceAnswer) -> float | None:
    """Return their clock minus ours; the Date header has whole seconds, so that it is half a second old on average."""
    if answer.server_date is None:
        return None
    return (answer.server_date - answer.received_at).total_seconds() + 0.5


def code_of(error: RemoteError | LocalError) -> int:
    """Return the number a failure is published as; see ``PricesFailed``."""
    if isinstance(error, OasisError):
        return error.code
    if isinstance(error, LocalError):
        return OURS
    if isinstance(error, ThrottledError):
        return THROTTLED
    return UNREADABLE if isinstance(error, (WireError, NotSoapError)) else UNREACHABLE
