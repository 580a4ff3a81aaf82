"""Fakes, not mocks: small real implementations of the ports, for tests only."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from caiso_ads.core.codes import BatchStatus, BatchType, DispatchMode, InstructionType
from caiso_ads.core.model import DispatchBatch, DispatchOperatingPoint, Instruction, TrajectoryBatch
from caiso_ads.core.override import Cleared, Override, after
from caiso_ads.errors import StoreError, WireError
from caiso_ads.ports import Cursors, Feed, History, Instant, Intent, Receipt, Recorded, Redecoded, StoredPayload
from caiso_ads.wire.payload import BadItem

START = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


class FakeClock:
    """A clock that moves only when told; sleepers wake in order of their deadlines."""

    def __init__(self, start: datetime = START) -> None:
        self._now = Instant(start, 1000.0)
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._tickets = count()

    def now(self) -> Instant:
        return self._now

    def jump_wall(self, seconds: float) -> None:
        """Set the wall clock without letting time pass."""
        self._now = Instant(self._now.plus(seconds).wall, self._now.mono)

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now.mono + seconds, next(self._tickets), future))
        await future

    async def advance(self, seconds: float) -> None:
        """Let time pass, waking each sleeper at its own moment."""
        end = self._now.plus(seconds)
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= end.mono:
            when, _, future = heapq.heappop(self._sleepers)
            self._now = self._now.plus(max(0.0, when - self._now.mono))
            if not future.done():
                future.set_result(None)
            await self.settle()
        self._now = Instant(end.wall, end.mono) if end.mono >= self._now.mono else self._now

    @staticmethod
    async def settle() -> None:
        """Let every ready task run."""
        for _ in range(30):
            await asyncio.sleep(0)


@dataclass
class ScriptedSource:
    """An ISO made of lists; ``fail`` maps an operation to the error it raises next.

    ``calls`` is the ledger; ``clock_ahead_s`` is how far its Date header is ahead of our clock, None for no header.
    """

    batches: list[DispatchBatch | BadItem] = field(default_factory=list)
    trajectories: list[TrajectoryBatch | BadItem] = field(default_factory=list)
    bodies: dict[str, DispatchBatch | WireError] = field(default_factory=dict)
    fail: dict[str, Exception] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    on_call: Callable[[str, str], Awaitable[None]] | None = None
    clock: FakeClock = field(default_factory=FakeClock)
    clock_ahead_s: float | None = None

    async def _called(self, operation: str, argument: str) -> None:
        self.calls.append((operation, argument))
        if self.on_call is not None:
            await self.on_call(operation, argument)
        if operation in self.fail:
            raise self.fail[operation]

    def _receipt(self, operation: str, argument: str, content: Any, payload: bytes = b"") -> Receipt[Any]:
        now = self.clock.now()
        date = None if self.clock_ahead_s is None else now.plus(self.clock_ahead_s).wall
        return Receipt(operation, argument, payload or repr(content).encode(), now.wall, content, date)

    @staticmethod
    def _uid(item: DispatchBatch | TrajectoryBatch | BadItem) -> str | None:
        return item.uid if isinstance(item, BadItem) else item.batch_uid

    def _after(self, items: Sequence[Any], uid: str) -> tuple[Any, ...]:
        uids = [self._uid(item) for item in items]
        return tuple(items[uids.index(uid) + 1 :]) if uid in uids else tuple(items)

    async def list_since(self, batch_uid: str) -> Receipt[Sequence[DispatchBatch | BadItem]]:
        await self._called("list", batch_uid)
        return self._receipt("getDispatchBatchesSinceUID", batch_uid, self._after(self.batches, batch_uid))

    async def fetch_batch(self, batch_uid: str) -> Receipt[DispatchBatch]:
        await self._called("batch", batch_uid)
        if f"batch {batch_uid}" in self.fail:
            raise self.fail[f"batch {batch_uid}"]
        return self._receipt("getDispatchBatch", batch_uid, self._body(batch_uid))

    async def fetch_header(self, batch_uid: str) -> Receipt[DispatchBatch]:
        await self._called("header", batch_uid)
        return self._receipt("getBatchHeader", batch_uid, self._body(batch_uid))

    def _body(self, uid: str) -> DispatchBatch | WireError:
        if uid in self.bodies:
            return self.bodies[uid]
        return next(item for item in self.batches if isinstance(item, DispatchBatch) and item.batch_uid == uid)

    async def is_new_trajectory(self, batch_uid: str) -> bool:
        await self._called("is_new", batch_uid)
        return bool(self._after(self.trajectories, batch_uid))

    async def fetch_trajectories(self, batch_uid: str) -> Receipt[Sequence[TrajectoryBatch | BadItem]]:
        await self._called("trajectories", batch_uid)
        return self._receipt("getTrajectoryData", batch_uid, self._after(self.trajectories, batch_uid))

    async def validate(self, batch_uid: str) -> None:
        await self._called("validate", batch_uid)


@dataclass
class MemoryStore:
    """A store that keeps everything in lists; ``broken`` makes every write fail. ``log`` is the order of commits."""

    broken: bool = False
    batches: dict[str, Receipt[DispatchBatch]] = field(default_factory=dict)
    trajectories: list[tuple[TrajectoryBatch, datetime]] = field(default_factory=list)
    lists: list[Receipt[Any]] = field(default_factory=list)
    intents: dict[int, Intent] = field(default_factory=dict)
    settled: list[tuple[int, str, bool]] = field(default_factory=list)
    log: list[tuple[str, str]] = field(default_factory=list)
    position: Cursors = field(default_factory=Cursors)
    overrides: tuple[Override, ...] = ()
    polls: list[datetime] = field(default_factory=list)
    outages: list[tuple[datetime, datetime, str]] = field(default_factory=list)
    ended: list[tuple[Override, datetime]] = field(default_factory=list)
    disturbances: list[tuple[object, ...]] = field(default_factory=list)
    disputed: frozenset[str] = frozenset()

    def _write(self, what: str, uid: str) -> None:
        if self.broken:
            raise StoreError("no space left on device")
        self.log.append((what, uid))

    async def cursors(self) -> Cursors:
        return self.position

    async def record_batch(self, receipt: Receipt[DispatchBatch], *, acknowledge: bool) -> Recorded:
        self._write("batch", receipt.argument)
        fresh = receipt.argument not in self.batches
        self.batches[receipt.argument] = receipt
        self.position = Cursors(receipt.argument, self.position.trajectory_uid)
        if not acknowledge or not fresh or isinstance(receipt.content, WireError):
            return Recorded(fresh)
        intent = Intent(len(self.intents) + 1, "validate", receipt.argument, receipt.received_at)
        self.intents[intent.intent_id] = intent
        return Recorded(fresh, intent)

    async def record_recheck(self, receipt: Receipt[DispatchBatch]) -> Recorded:
        self._write("recheck", receipt.argument)
        old, new = self.batches.get(receipt.argument), receipt.content
        self.batches[receipt.argument] = receipt
        before = None if old is None or isinstance(old.content, WireError) else old.content.revision_no
        other = old is None or old.content != new
        conflict = other and not isinstance(new, WireError) and new.revision_no == before
        if conflict:
            self.disputed |= {receipt.argument}
        return Recorded(fresh=other, conflict=conflict)

    async def record_trajectories(self, receipt: Receipt[Sequence[TrajectoryBatch | BadItem]]) -> Recorded:
        self._write("trajectories", receipt.argument)
        if isinstance(receipt.content, WireError):
            return Recorded(fresh=True)
        good = [item for item in receipt.content if isinstance(item, TrajectoryBatch)]
        self.trajectories += [(item, receipt.received_at) for item in good]
        uids = [uid for item in receipt.content if (uid := ScriptedSource._uid(item))]
        if uids:
            self.position = Cursors(self.position.dispatch_uid, uids[-1])
        return Recorded(fresh=True)

    async def record_unreadable_list(self, receipt: Receipt[Any]) -> None:
        self._write("list", receipt.argument)
        self.lists.append(receipt)

    async def history(self, since: datetime) -> History:
        good = [
            (receipt.content, receipt.received_at)
            for receipt in self.batches.values()
            if not isinstance(receipt.content, WireError) and receipt.received_at >= since
        ]
        bad = [one.received_at for one in self.batches.values() if isinstance(one.content, WireError)]
        unread = max((at for at in bad if at >= since), default=None)
        return History(good, [item for item in self.trajectories if item[1] >= since], unread, self.disputed)

    async def pending_intents(self) -> Sequence[Intent]:
        closed = {intent_id for intent_id, _, done in self.settled if done}
        return [intent for intent_id, intent in self.intents.items() if intent_id not in closed]

    async def settle_intent(self, intent_id: int, *, result: str, done: bool, at: datetime) -> None:
        self._write("settle", self.intents[intent_id].batch_uid)
        self.settled.append((intent_id, result, done))

    async def payloads_after(self, row: int, limit: int) -> Sequence[StoredPayload]:
        rows = [
            StoredPayload(number, "dispatch", uid, receipt.received_at, receipt.payload)
            for number, (uid, receipt) in enumerate(self.batches.items(), start=1)
        ]
        return [item for item in rows if item.row > row][:limit]

    async def record_override(self, override: Override, origin: Mapping[str, object]) -> None:
        self._write("override", override.resource_id)
        self.overrides = after(self.overrides, override)

    async def record_override_cleared(self, cleared: Cleared, origin: Mapping[str, object]) -> bool:
        if not any(item.resource_id == cleared.resource_id and item.until > cleared.at for item in self.overrides):
            return False
        self._write("cleared", cleared.resource_id)
        self.overrides = after(self.overrides, cleared)
        return True

    async def open_overrides(self) -> Sequence[Override]:
        return self.overrides

    async def record_ended(self, now: datetime) -> Sequence[Override]:
        if self.broken:
            raise StoreError("no space left on device")
        known = {item for item, _ in self.ended}
        over = [item for item in self.overrides if item.until <= now and item not in known]
        self.ended += [(item, now) for item in over]
        return over

    async def record_distrust(self, start: datetime, noticed: datetime, offset_s: float | None) -> None:
        self._write("distrust", "")
        self.disturbances.append(("distrust", start, noticed, offset_s))

    async def record_trust(self, at: datetime, offset_s: float | None) -> None:
        self._write("trust", "")
        self.disturbances.append(("trust", at, offset_s))

    async def record_store_failure(self, start: datetime, end: datetime) -> None:
        self._write("store failure", "")
        self.disturbances.append(("store", start, end))

    async def redecode(self, since: datetime, *, acknowledge: bool) -> Redecoded:
        return Redecoded()

    async def record_poll(self, at: datetime) -> None:
        self._write("poll", "")
        self.polls.append(at)

    async def last_poll(self) -> datetime | None:
        return self.polls[-1] if self.polls else None

    async def record_outage(self, start: datetime, end: datetime, reason: str) -> None:
        self._write("outage", "")
        if end > start:
            self.outages.append((start, end, reason))
        self.polls.append(end)

    async def probe(self) -> None:
        self._write("probe", "")

    async def close(self) -> None:
        self.log.append(("close", ""))


@dataclass
class KeptEvidence:
    """What sinks told of who could read what, in order."""

    shown: list[tuple[str, int]] = field(default_factory=list)
    reads: list[tuple[str, str, int, int]] = field(default_factory=list)
    refusals: list[tuple[str, str, str]] = field(default_factory=list)
    acts: list[tuple[str, str, str, Mapping[str, object]]] = field(default_factory=list)

    def seen(self, sink: str, generation: int) -> None:
        self.shown.append((sink, generation))

    def read(self, sink: str, client: str, unit: int, generation: int) -> None:
        self.reads.append((sink, client, unit, generation))

    def refused(self, sink: str, client: str, what: str) -> None:
        self.refusals.append((sink, client, what))

    def acted(self, sink: str, resource: str, text: str, detail: Mapping[str, object]) -> None:
        self.acts.append((sink, resource, text, detail))


@dataclass
class RecordingSink:
    """A sink that keeps the generations it saw; ``crash`` makes the next run raise."""

    seen: list[int] = field(default_factory=list)
    crash: Exception | None = None
    runs: int = 0

    async def run(self, feed: Feed, started: Callable[[], None]) -> None:
        self.runs += 1
        if self.crash is not None:
            crash, self.crash = self.crash, None
            raise crash
        started()
        generation = -1
        while True:
            snapshot = await feed.after(generation)
            generation = snapshot.generation
            self.seen.append(generation)


def batch(
    uid: str,
    *,
    dots: dict[str, float] | None = None,
    start: datetime = START,
    received: datetime = START,
    batch_type: BatchType = BatchType.FIVE_MINUTE,
    status: BatchStatus = BatchStatus.CLOSED,
    revision: int = 0,
) -> DispatchBatch:
    """Make a dispatch batch with one DOT instruction per resource, all with the batch's start as target time."""
    return DispatchBatch(
        batch_uid=uid, market_id="1", batch_status=status, batch_received=received, batch_type=batch_type,
        start_time=start, dispatch_mode=DispatchMode.INTERVAL, binding_flag="Y", revision_no=revision,
        instructions=tuple(
            Instruction(
                instruction_uid=f"{uid}-I{number}", batch_uid=uid, resource_id=resource_id, start_time=start, dot_mw=mw,
                instruction_type=InstructionType.DOT, revision_number=revision, status_code=BatchStatus.NEW,
            )
            for number, (resource_id, mw) in enumerate((dots or {}).items())
        ),
    )  # fmt: skip


def trajectory(
    uid: str, points: dict[str, list[tuple[datetime, float]]], *, received: datetime = START, binding: str | None = "Y"
) -> TrajectoryBatch:
    """Make a trajectory batch from (target time, MW) points per resource; sequence numbers follow list order."""
    return TrajectoryBatch(
        batch_uid=uid, batch_received=received, binding_flag=binding,
        dops=tuple(
            DispatchOperatingPoint(
                dop_uid=f"{uid}-D{resource_id}{number}", resource_id=resource_id, dop_mw=mw, target_time=when,
                sequence_number=number,
            )
            for resource_id, curve in points.items()
            for number, (when, mw) in enumerate(curve)
        ),
    )  # fmt: skip
