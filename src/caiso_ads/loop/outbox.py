"""The outbox: side effects towards the ISO, sent one at a time and only when the plant already sees their cause.

Rule: an intent is durable before it gets here; validation is at least once (doing it twice is harmless: Spec: ADS API
v7 §2.7), its result is recorded, and failures are retried with back-off until the ISO's cache has forgotten the batch.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from caiso_ads.core.decide import Queued, retry_delay_s, sendable
from caiso_ads.errors import CaisoAdsError, LocalError, RemoteError, SoapFaultError, StoreError
from caiso_ads.ports import Clock, Feed, Intent, Source, Store
from caiso_ads.ports.answers import Fact, dismiss

log = logging.getLogger("caiso_ads.outbox")

REFUSALS_BEFORE_GIVING_UP = 5
GIVE_UP_AFTER_S = 24 * 3600.0


class Outbox:
    """The queue of intents whose cause has been published."""

    def __init__(
        self, source: Source, store: Store, clock: Clock, serving: Callable[[], bool],
        note: Callable[[Fact], None] = dismiss,
    ) -> None:  # fmt: skip
        self._source, self._store, self._clock, self._serving, self._note = source, store, clock, serving, note
        self._queue: dict[int, Queued] = {}
        self._due = asyncio.Event()
        self._blocked = False

    @property
    def waiting(self) -> int:
        """How many intents have no result yet."""
        return len(self._queue)

    def add(self, intent: Intent, generation: int) -> None:
        """Queue an intent whose cause is in that generation of the feed."""
        age = (self._clock.now().wall - intent.created_at).total_seconds()
        give_up = self._clock.now().mono - age + GIVE_UP_AFTER_S
        self._queue[intent.intent_id] = Queued(
            intent.intent_id, intent.batch_uid, generation, intent.attempts, not_before_mono=0.0, give_up_mono=give_up
        )
        self.wake()

    def wake(self) -> None:
        """Look at the queue again: something was published, or a second has passed."""
        self._due.set()

    async def run(self, feed: Feed) -> None:
        """Send what may be sent, each time something is published, until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            await self.send_due(feed)

    async def send_due(self, feed: Feed) -> None:
        """Send every intent that may be sent now."""
        serving = self._serving()
        if self._queue and serving is self._blocked:
            self._blocked = not serving
            log.warning("acknowledging %s", "resumed" if serving else "stopped: a required sink is not serving")
        now = self._clock.now()
        published = feed.latest.generation
        for item in sendable(self._queue.values(), published=published, serving=serving, now=now):
            await self._send(item)

    async def _send(self, item: Queued) -> None:
        try:
            await self._source.validate(item.batch_uid)
        except (RemoteError, LocalError) as error:
            await self._failed(item, error)
        else:
            text = "receipt confirmed to the ISO"
            self._note(Fact("acknowledged", self._clock.now().wall, "caiso-ads", text, uid=item.batch_uid))
            await self._settle(item, "sent", done=True)

    async def _failed(self, item: Queued, error: CaisoAdsError) -> None:
        attempts = item.attempts + 1
        now = self._clock.now()
        refused = isinstance(error, SoapFaultError) and attempts >= REFUSALS_BEFORE_GIVING_UP
        ours = isinstance(error, LocalError)  # such as the UID of a trajectory: asking again would not help
        done = ours or refused or now.mono >= item.give_up_mono
        if attempts == 1 or done:
            outcome = "given up" if done else "will be tried again"
            log.warning("receipt of %s not confirmed, %s: %s", item.batch_uid, outcome, error)
        self._queue[item.intent_id] = replace(
            item, attempts=attempts, not_before_mono=now.mono + retry_delay_s(attempts)
        )
        await self._settle(self._queue[item.intent_id], f"{type(error).__name__}: {error}", done=done)

    async def _settle(self, item: Queued, result: str, *, done: bool) -> None:
        """Record the result; while the store cannot, the intent stays queued and is sent again later."""
        now = self._clock.now()
        try:
            await self._store.settle_intent(item.intent_id, result=result, done=done, at=now.wall)
        except StoreError as error:
            log.error("result of %s not recorded: %s", item.batch_uid, error)  # noqa: TRY400 - the text says it all
            self._queue[item.intent_id] = replace(item, not_before_mono=now.mono + retry_delay_s(item.attempts + 1))
            return
        if done:
            del self._queue[item.intent_id]
