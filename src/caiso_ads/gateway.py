"""The loop: poll, record, fold, publish, acknowledge. Start reading here.

The rule of the whole product stands in ``_record_batch``: a batch is stored, then seen, then acknowledged. Everything
published is a pure function of what is stored and the time; a batch that cannot be decoded is kept, reported, not
acknowledged, and stops nobody. Unexpected exceptions are not caught: the process ends and its supervisor restarts it.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass

from caiso_ads.core import happenings as facts
from caiso_ads.core.decide import recheck
from caiso_ads.core.directive import DEFAULT_LIMITS, AgeLimits, LinkFault
from caiso_ads.core.model import DispatchBatch, TrajectoryBatch
from caiso_ads.core.override import Cleared, Override, after, usable
from caiso_ads.core.points import Snapshot
from caiso_ads.core.snapshot import snapshot
from caiso_ads.core.state import State, fold
from caiso_ads.core.still import Memory
from caiso_ads.errors import HttpStatusError, RemoteError, SoapFaultError, StoreError, TlsError, TlsReason, WireError
from caiso_ads.loop.clockwatch import ClockWatch
from caiso_ads.loop.journal import Journal
from caiso_ads.loop.outbox import Outbox
from caiso_ads.loop.polls import PollLog
from caiso_ads.loop.redecoding import read_again
from caiso_ads.loop.telling import Teller
from caiso_ads.loop.watch import AlarmWatch
from caiso_ads.ports import Clock, Cursors, Feed, Instant, Receipt, Source, Store
from caiso_ads.ports.answers import Fact, dismiss
from caiso_ads.wire.payload import BadItem

log = logging.getLogger("caiso_ads.gateway")

PARALLEL_FETCHES = 8
FETCH_TRAJECTORY_ANYWAY_S = 300.0
RESYNC_PAUSE_S = 600.0
FAULTS_BEFORE_SKIP = 3
SILENT_LIST_S = 1800.0
RESTORE_S = 24 * 3600.0
KNOWN_UIDS = 4000
ERROR_DELAYS_S = (10.0, 20.0, 40.0, 60.0)


@dataclass(frozen=True, slots=True)
class Settings:
    """How the loop runs. ``acknowledge`` tells the ISO that batches were received."""

    poll_interval_s: float = 10.0
    acknowledge: bool = False
    limits: AgeLimits = DEFAULT_LIMITS
    clock_limit_s: float = facts.CLOCK_LIMIT_S


class Gateway:
    """One gateway: a source, a store, a feed. ``serving`` says whether every required sink serves.

    ``note`` takes facts for the evidence chain; ``shown`` hears of each stored batch and of the first snapshot that holds
    it, before a sink can see that one. ``onlookers`` are shown each event and the state after it; what is in ``beside``
    runs with the loop, once the past is restored.
    """

    def __init__(
        self, source: Source, store: Store, clock: Clock, state: State, settings: Settings, serving: Callable[[], bool],
        note: Callable[[Fact], None] = dismiss,
        shown: Callable[[DispatchBatch, int], None] = lambda _batch, _generation: None,
    ) -> None:  # fmt: skip
        self.state, self.settings = state, settings
        self._source, self._store, self._clock, self._shown = source, store, clock, shown
        self.onlookers: list[Callable[[facts.Event, State], None]] = []
        self.beside: dict[str, Callable[[], Coroutine[None, None, None]]] = {}
        self._heartbeat, self._memory = 0, Memory()
        self._outbox, self.alarms = Outbox(source, store, clock, serving, note), AlarmWatch(note)
        self.feed = Feed(self._snapshot(0))
        self._cursors = Cursors()
        self._failures = 0
        self._fetch_faults: Counter[str] = Counter()
        self._trajectory_mono: float | None = None
        self._resync_mono: float | None = None
        self._batch_mono: float | None = None
        self._known: dict[str, None] = {}
        self._teller = Teller()
        self._clock_watch = ClockWatch(clock.now(), settings.clock_limit_s)
        self._polls, self._journal = PollLog(store), Journal(store)

    async def run(self) -> None:
        """Restore, then poll, tick and acknowledge until cancelled; raises what it did not expect."""
        await self.restore()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._poll_forever(), name="poll")
                tasks.create_task(self._tick_forever(), name="tick")
                tasks.create_task(self._outbox.run(self.feed), name="acknowledge")
                tasks.create_task(self._journal.run(lambda: self.state, self._clock), name="journal")
                for name, run in self.beside.items():
                    tasks.create_task(run(), name=name)
        finally:
            self._fold(facts.Stopping())
            self.publish()

    async def restore(self) -> None:
        """Load the cursors, fold the recent past, publish it as restored, and queue what was not yet acknowledged."""
        now = self._clock.now()
        self._cursors = await self._store.cursors()
        await self._polls.restore()
        await read_again(self._store, now.plus(-RESTORE_S).wall, acknowledge=self.settings.acknowledge)
        history = await self._store.history(now.plus(-RESTORE_S).wall)
        for trajectory, received in history.trajectories:
            self._fold(facts.TrajectorySeen(trajectory, now.at_wall(received), restored=True))
        for batch, received in history.batches:
            disputed = batch.batch_uid in history.disputed
            self._fold(facts.BatchSeen(batch, now.at_wall(received), restored=True, disputed=disputed))
            self._known[batch.batch_uid] = None
        if history.unread is not None:
            self._fold(facts.PayloadUnreadable(now.at_wall(history.unread), dispatch=True, restored=True))
        overrides = usable(await self._store.open_overrides(), self.state.configured)
        self._fold(facts.OverridesChanged(tuple(overrides)))
        self.publish()
        for intent in await self._store.pending_intents() if self.settings.acknowledge else ():
            self._outbox.add(intent, self.feed.latest.generation)

    async def poll_once(self) -> float:
        """Run one cycle and return how long to wait before the next (s)."""
        started = self._clock.now()
        try:
            await self._ensure_store()
            unread = await self._poll_trajectories(started)
            await self._poll_dispatch(started)
            await self._recheck(started)
            if unread is not None:
                raise unread  # there is a newer curve than the one shown: such a cycle is not complete
            await self._polls.completed(started.wall)
        except StoreError as error:
            return self._store_failed(error)
        except RemoteError as error:
            return self._link_failed(error)
        return self._completed(started)

    def publish(self) -> None:
        """Publish the state of this instant as the next generation, having looked at the clock."""
        self._fold_clock(self._clock_watch.beat(self._clock.now()))
        self.feed.publish(self._snapshot(self.feed.latest.generation + 1))
        self._outbox.wake()

    # --- one cycle -------------------------------------------------------------------------------------------------

    async def _poll_trajectories(self, started: Instant) -> WireError | None:
        """Fetch the curve first: after an outage the present matters before the past. Return why it cannot be read."""
        last = self._trajectory_mono
        due = last is None or started.mono - last >= FETCH_TRAJECTORY_ANYWAY_S
        if not due and not await self._source.is_new_trajectory(self._cursors.trajectory_uid):
            return None
        receipt = await self._source.fetch_trajectories(self._cursors.trajectory_uid)
        if isinstance(receipt.content, WireError):
            await self._store.record_trajectories(receipt)
            self._unreadable(receipt.content, "trajectory", dispatch=False)
            return receipt.content
        self._trajectory_mono = started.mono
        if not receipt.content:
            return None
        await self._store.record_trajectories(receipt)
        uids = [uid for item in receipt.content if (uid := _uid(item))]
        if uids:
            self._cursors = Cursors(self._cursors.dispatch_uid, uids[-1])
        arrived = self._clock.now()
        for item in receipt.content:
            if isinstance(item, TrajectoryBatch):
                self._fold(facts.TrajectorySeen(item, arrived))
            else:
                self._unreadable(item.error, f"trajectory {item.uid}", dispatch=False)
        self.publish()
        for item in receipt.content:
            if isinstance(item, TrajectoryBatch):
                self._teller.news(item, self.state.foreign)
        return None

    async def _poll_dispatch(self, started: Instant) -> None:
        receipt = await self._list(started)
        self._fold_clock(self._clock_watch.beat(self._clock.now()))
        self._fold_clock(self._clock_watch.answer(receipt, self._clock.now()))
        if isinstance(receipt.content, WireError):
            await self._store.record_unreadable_list(receipt)
            raise receipt.content
        uids = [uid for item in receipt.content if (uid := _uid(item))]
        if len(uids) < len(receipt.content):
            await self._store.record_unreadable_list(receipt)
            self._unreadable(WireError("an item without a readable batchUID"), "batch list")
        unknown = [uid for uid in uids if uid not in self._known]
        async for batch in self._fetch_in_order(unknown):
            await self._record_batch(batch)

    async def _list(self, started: Instant) -> Receipt[Sequence[DispatchBatch | BadItem]]:
        """Ask for the list; where the stored cursor is refused or has long been silent, read the ISO's whole cache.

        Interpretation: what the ISO answers for a cursor it has forgotten is not known: a fault or an empty list.
        """
        cursor = self._cursors.dispatch_uid
        last = self._resync_mono
        may_resync = cursor != "-1" and (last is None or started.mono - last >= RESYNC_PAUSE_S)
        try:
            receipt = await self._source.list_since(cursor)
        except SoapFaultError as fault:
            if not may_resync:
                raise
            log.warning("the ISO refused the stored cursor (%s): reading its whole cache", fault.text)
        else:
            silent = self._batch_mono is None or started.mono - self._batch_mono >= SILENT_LIST_S
            if receipt.content or not (may_resync and silent):
                return receipt
            log.info("no batch after the stored cursor for long: reading the whole cache")
        self._resync_mono = started.mono
        return await self._source.list_since("-1")

    async def _fetch_in_order(self, uids: Sequence[str]) -> AsyncIterator[Receipt[DispatchBatch]]:
        """Fetch several at a time, yield strictly in list order; the first failure ends the cycle."""
        waiting = list(reversed(uids))
        running: list[asyncio.Task[Receipt[DispatchBatch]]] = []
        try:
            while waiting or running:
                while waiting and len(running) < PARALLEL_FETCHES:
                    running.append(asyncio.create_task(self._fetch(waiting.pop())))
                yield await running.pop(0)
        finally:
            for task in running:
                task.cancel()
            for task in running:
                with suppress(RemoteError, asyncio.CancelledError):
                    await task

    async def _fetch(self, uid: str) -> Receipt[DispatchBatch]:
        """Fetch one batch; one that is refused several cycles long is kept as unreadable so that the rest goes on."""
        try:
            return await self._source.fetch_batch(uid)
        except SoapFaultError as fault:
            self._fetch_faults[uid] += 1
            if self._fetch_faults[uid] < FAULTS_BEFORE_SKIP:
                raise
            del self._fetch_faults[uid]
            error = WireError(f"the ISO refused it {FAULTS_BEFORE_SKIP} times: {fault.text}", where="getDispatchBatch")
            return Receipt("getDispatchBatch", uid, fault.text.encode(), self._clock.now().wall, error)

    async def _record_batch(self, receipt: Receipt[DispatchBatch]) -> None:
        """Store it, then show it, then let it be acknowledged: never in another order."""
        recorded = await self._store.record_batch(receipt, acknowledge=self.settings.acknowledge)
        self._cursors = Cursors(receipt.argument, self._cursors.trajectory_uid)
        self._remember(receipt.argument)
        self._teller.conflict(receipt.argument, recorded)
        if isinstance(receipt.content, WireError):
            self._unreadable(receipt.content, f"batch {receipt.argument}")
            return
        self._fold_clock(self._clock_watch.batch(receipt, receipt.content, self._clock.now()))
        self._fold(facts.BatchSeen(receipt.content, self._clock.now()))
        self.publish()
        self._shown(receipt.content, self.feed.latest.generation)
        if recorded.intent is not None:
            self._outbox.add(recorded.intent, self.feed.latest.generation)
        self._teller.news(receipt.content, self.state.foreign)

    async def _recheck(self, started: Instant) -> None:
        for uid in recheck(self.state, started):
            try:
                await self._recheck_batch(uid)
            except SoapFaultError as fault:
                log.debug("batch %s cannot be re-checked: %s", uid, fault.text)
            self._fold(facts.BatchChecked(uid, self._clock.now()))

    async def _recheck_batch(self, uid: str) -> None:
        known = self.state.batches.get(uid)  # None where what was read again just now made it forgotten
        if known is None or not known.disputed:
            header = await self._source.fetch_header(uid)
            if isinstance(header.content, WireError) or not self._changed(header.content):
                return
        receipt = await self._source.fetch_batch(uid)
        self._teller.conflict(uid, await self._store.record_recheck(receipt))
        if isinstance(receipt.content, WireError):
            self._unreadable(receipt.content, f"batch {uid}")
            return
        self.accept(facts.BatchSeen(receipt.content, self._clock.now()))
        self._shown(receipt.content, self.feed.latest.generation)

    def _changed(self, header: DispatchBatch) -> bool:
        known = self.state.batches.get(header.batch_uid)
        return known is None or header.revision_no > known.revision_no or header.batch_status != known.status

    # --- what a cycle ends in --------------------------------------------------------------------------------------

    async def _ensure_store(self) -> None:
        if self.state.store_ok:
            return
        await self._store.probe()
        log.warning("the store takes writes again")
        self._fold(facts.StoreChanged(ok=True))

    def _completed(self, started: Instant) -> float:
        if self._failures:
            log.warning("ADS answers again after %d failed cycles", self._failures)
        self._failures = 0
        self._fold(facts.PollCompleted(started))
        self.publish()
        self.alarms.look(self.feed.latest, self._clock.now())
        return self.settings.poll_interval_s

    def _store_failed(self, error: StoreError) -> float:
        self._polls.failed("store failed")
        if self.state.store_ok:
            log.error("the store cannot write, nothing is acknowledged: %s", error)
        self.accept(facts.StoreChanged(ok=False))
        return max(self.settings.poll_interval_s, ERROR_DELAYS_S[0])

    def _link_failed(self, error: RemoteError) -> float:
        self._polls.failed("ADS did not answer")
        if not self._failures:
            log.warning("ADS poll failed: %s", error)
        delay = ERROR_DELAYS_S[min(self._failures, len(ERROR_DELAYS_S) - 1)]
        self._failures += 1
        self.accept(facts.PollFailed(_fault(error)))
        if isinstance(error, HttpStatusError) and error.retry_after_s is not None:
            delay = max(delay, min(60.0, error.retry_after_s))
        return max(self.settings.poll_interval_s, delay * random.uniform(0.9, 1.1))  # noqa: S311 - jitter, no secret

    def _unreadable(self, error: WireError, what: str, *, dispatch: bool = True) -> None:
        log.error("kept but not readable, not acknowledged: %s: %s", what, error)
        self.accept(facts.PayloadUnreadable(self._clock.now(), dispatch))

    def _remember(self, uid: str) -> None:
        """Keep in mind which batches are stored, so that reading the whole cache fetches only the others."""
        self._batch_mono = self._clock.now().mono
        self._known[uid] = None
        while len(self._known) > KNOWN_UIDS:
            del self._known[next(iter(self._known))]

    # --- state and time --------------------------------------------------------------------------------------------

    def _fold_clock(self, event: facts.ClockSampled | facts.ClockStepped | None) -> None:
        if event is not None:
            self._fold(event)

    def _fold(self, event: facts.Event) -> None:
        self.state = fold(self.state, event)
        self._journal.folded(event, self.state, self._clock.now())
        for look in self.onlookers:
            look(event, self.state)

    def _snapshot(self, generation: int) -> Snapshot:
        return snapshot(
            self.state, self._clock.now(), self.settings.limits,
            generation=generation, heartbeat=self._heartbeat, unacknowledged=self._outbox.waiting, memory=self._memory,
            alarms=self.alarms.counts,
        )  # fmt: skip

    async def _poll_forever(self) -> None:
        while True:
            await self._clock.sleep(await self.poll_once())

    async def _tick_forever(self) -> None:
        while True:
            await self._clock.sleep(1.0)
            self.tick()

    def force(self, change: Override | Cleared) -> None:
        """Fold an operator's override, or its end, that the store has, and publish."""
        self.accept(facts.OverridesChanged(after(self.state.overrides, change)))

    def accept(self, event: facts.Event) -> None:
        """Fold what a task beside the loop has stored, and publish."""
        self._fold(event)
        self.publish()

    def tick(self) -> None:
        """Beat once and publish: a setpoint moves along its ramp and quality decays with no event at all."""
        self._heartbeat += 1
        self.publish()
        self.alarms.look(self.feed.latest, self._clock.now())


def _uid(item: DispatchBatch | TrajectoryBatch | BadItem) -> str | None:
    return item.uid if isinstance(item, BadItem) else item.batch_uid


def _fault(error: RemoteError) -> LinkFault:
    if isinstance(error, TlsError):
        own = error.reason is TlsReason.OWN_CERTIFICATE
        return LinkFault.CERTIFICATE if own else LinkFault.UNREACHABLE
    return LinkFault.ANSWER if isinstance(error, (SoapFaultError, WireError)) else LinkFault.UNREACHABLE
