"""What the loop needs from the outside, as protocols; and Feed, the one place where published truth stands.

Rule: adapters know these and the nouns, never each other. Time comes from Clock only.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from caiso_ads.core.instant import Instant as Instant
from caiso_ads.core.model import DispatchBatch, TrajectoryBatch
from caiso_ads.core.override import Cleared, Override
from caiso_ads.core.points import Snapshot
from caiso_ads.errors import WireError
from caiso_ads.ports.evidence import UNWATCHED, SinkEvidence
from caiso_ads.wire.payload import BadItem

T_co = TypeVar("T_co", covariant=True)


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> Instant:
        """Return this instant."""

    async def sleep(self, seconds: float) -> None:
        """Wait; a fake clock returns when it has been moved that far."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> Instant:
        """Return this instant."""
        return Instant(datetime.now(UTC), time.monotonic())

    async def sleep(self, seconds: float) -> None:
        """Wait in real time."""
        await asyncio.sleep(seconds)


class ScaledClock:
    """Real time run ``speed`` times as fast from ``start``; the simulator and the demo share one."""

    def __init__(self, speed: float, start: datetime | None = None) -> None:
        self.speed = speed
        self._mono0 = time.monotonic()
        self._wall0 = start or datetime.now(UTC)

    def now(self) -> Instant:
        """Return this instant of scaled time."""
        elapsed = (time.monotonic() - self._mono0) * self.speed
        return Instant(self._wall0 + timedelta(seconds=elapsed), self._mono0 + elapsed)

    async def sleep(self, seconds: float) -> None:
        """Wait for so many scaled seconds."""
        await asyncio.sleep(seconds / self.speed)


@dataclass(frozen=True, slots=True)
class Receipt(Generic[T_co]):
    """One answer of the ISO: the payload exactly as received, and what it means or why it cannot be read.

    ``payload`` is the text of the SOAP ``result`` as UTF-8 (for a packed document its base64). ``argument`` is the
    UID that was asked with, exactly as sent. ``server_date`` is the HTTP Date header, for the clock guard.
    """

    operation: str
    argument: str
    payload: bytes
    received_at: datetime
    content: T_co | WireError
    server_date: datetime | None = None

    @property
    def digest(self) -> bytes:
        """SHA-256 of the payload."""
        return sha256(self.payload).digest()


class Source(Protocol):
    """The ISO's side. Every method raises a RemoteError when no readable SOAP answer came."""

    async def list_since(self, batch_uid: str) -> Receipt[Sequence[DispatchBatch | BadItem]]:
        """GetDispatchBatchesSinceUID: headers after that batch, in the ISO's order."""

    async def fetch_batch(self, batch_uid: str) -> Receipt[DispatchBatch]:
        """GetDispatchBatch: one batch with its visible instructions."""

    async def fetch_header(self, batch_uid: str) -> Receipt[DispatchBatch]:
        """GetBatchHeader: status and revision of one batch."""

    async def is_new_trajectory(self, batch_uid: str) -> bool:
        """IsNewTrajData."""

    async def fetch_trajectories(self, batch_uid: str) -> Receipt[Sequence[TrajectoryBatch | BadItem]]:
        """GetTrajectoryData: all trajectory batches after that one."""

    async def validate(self, batch_uid: str) -> None:
        """ValidateDispatchBatch: confirm receipt."""


@dataclass(frozen=True, slots=True)
class Cursors:
    """Where each stream stands; ``-1`` before the first batch. Two fields, never exchanged."""

    dispatch_uid: str = "-1"
    trajectory_uid: str = "-1"


@dataclass(frozen=True, slots=True)
class Intent:
    """One row of the outbox: a side effect decided, durable before it is sent."""

    intent_id: int
    kind: str
    batch_uid: str
    created_at: datetime
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Recorded:
    """What one commit did. ``fresh`` is False when this very content was stored before.

    ``conflict`` tells that a revision already stored came again with another content.
    """

    fresh: bool
    intent: Intent | None = None
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """What the store knows of the recent past, oldest first, to fold at start.

    ``unread`` is when the newest dispatch payload was received that could not or cannot be read; None without one.
    ``disputed`` are the UIDs of batches of which one revision is stored with two contents.
    """

    batches: Sequence[tuple[DispatchBatch, datetime]]
    trajectories: Sequence[tuple[TrajectoryBatch, datetime]]
    unread: datetime | None = None
    disputed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Redecoded:
    """What decoding again gave: the UIDs (or operations) now read, wholly or in part, and how many still cannot be."""

    readable: Sequence[str] = ()
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class StoredPayload:
    """One stored payload, for sinks that copy history: ``row`` grows; ``xml`` is the unpacked document."""

    row: int
    stream: str
    uid: str
    received_at: datetime
    xml: bytes


class Store(Protocol):
    """Durable memory. A method that returns has committed; it raises StoreError and nothing else."""

    async def cursors(self) -> Cursors:
        """Return both cursors."""

    async def record_batch(self, receipt: Receipt[DispatchBatch], *, acknowledge: bool) -> Recorded:
        """Commit payload, rows or error, dispatch cursor (= ``receipt.argument``) and intent, in one transaction.

        No intent is made for a payload that cannot be decoded.
        """

    async def record_recheck(self, receipt: Receipt[DispatchBatch]) -> Recorded:
        """Commit a changed version of a batch we have; the cursor stays."""

    async def record_trajectories(self, receipt: Receipt[Sequence[TrajectoryBatch | BadItem]]) -> Recorded:
        """Commit payload, rows and the trajectory cursor (= the last UID of the list that could be read)."""

    async def record_unreadable_list(self, receipt: Receipt[Any]) -> None:
        """Keep a list answer that could not be read, once per content."""

    async def history(self, since: datetime) -> History:
        """Return what was received since then and may still matter."""

    async def pending_intents(self) -> Sequence[Intent]:
        """Return intents without a result, oldest first."""

    async def settle_intent(self, intent_id: int, *, result: str, done: bool, at: datetime) -> None:
        """Record an attempt; ``done`` closes the intent."""

    async def payloads_after(self, row: int, limit: int) -> Sequence[StoredPayload]:
        """Return decoded payloads with a larger row number, in order."""

    async def record_override(self, override: Override, origin: Mapping[str, object]) -> None:
        """Commit an operator's override and its audit row; it takes the place of one for the same resource."""

    async def record_override_cleared(self, cleared: Cleared, origin: Mapping[str, object]) -> bool:
        """Commit the early end of an override and its audit row; False, and nothing written, when none stands."""

    async def open_overrides(self) -> Sequence[Override]:
        """Return the overrides not cleared and not long ended, oldest first; ``active`` says which stand."""

    async def record_ended(self, now: datetime) -> Sequence[Override]:
        """Commit an audit row for each override whose time has passed and that nothing ended before; return them."""

    async def record_distrust(self, start: datetime, noticed: datetime, offset_s: float | None) -> None:
        """Note that our clock is not trusted: from its last trusted time; ``offset_s`` (s) is the ISO's minus ours."""

    async def record_trust(self, at: datetime, offset_s: float | None) -> None:
        """Note that our clock is trusted again; ends what ``record_distrust`` began, in this life or the last."""

    async def record_store_failure(self, start: datetime, end: datetime) -> None:
        """Note a time in which the store took no writes."""

    async def redecode(self, since: datetime, *, acknowledge: bool) -> Redecoded:
        """Decode again what was received since then and could not be read; commit each one that can be read now.

        One transaction holds the rows, the end of the error and, when acknowledging, the intent. Cursors stay.
        """

    async def record_poll(self, at: datetime) -> None:
        """Note the time of a complete poll; only the first and the last are kept."""

    async def last_poll(self) -> datetime | None:
        """Return the time of the last complete poll that was noted; None when there is none."""

    async def record_outage(self, start: datetime, end: datetime, reason: str) -> None:
        """Note a time without a complete poll, and that one was complete at its end."""

    async def probe(self) -> None:
        """Write and commit one marker; raises StoreError while the store cannot write."""

    async def close(self) -> None:
        """Finish the last commit and release the files."""


class Feed:
    """The newest snapshot, and nothing else: a slow reader misses old ones and blocks nobody.

    ``mono`` is the machine's own time (s): a stopped loop is noticed in real time, also in a simulation that runs fast.
    """

    def __init__(self, first: Snapshot, mono: Callable[[], float] = time.monotonic) -> None:
        self.latest = first
        self.mono, self._published = mono, mono()
        self._changed = asyncio.Event()

    def publish(self, snapshot: Snapshot) -> None:
        """Replace the newest snapshot; the generation must grow."""
        if snapshot.generation <= self.latest.generation:
            raise ValueError(f"generation {snapshot.generation} does not follow {self.latest.generation}")
        self.latest, self._published = snapshot, self.mono()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def silent(self, limit_s: float) -> bool:
        """Whether nothing has been published for longer than that (s): the newest snapshot is then not to be trusted."""
        return self.mono() > self.silent_at(limit_s)

    def silent_at(self, limit_s: float) -> float:
        """Return from when on, by ``mono``, that is so while nothing newer comes: for who asks often."""
        return self._published + limit_s

    async def after(self, generation: int) -> Snapshot:
        """Return the newest snapshot as soon as it is newer than that generation."""
        while self.latest.generation <= generation:
            await self._changed.wait()
        return self.latest


@dataclass(frozen=True, slots=True)
class SinkContext:
    """What a sink may know beside the feed: the served resources in configured order, the past, and the clock.

    ``nodes`` are the pricing nodes in served order, ``node_names`` their names for people, ``node_of`` the node of a
    resource that has one. ``evidence`` hears of each snapshot shown or read; by default nobody does. ``sinks`` tells how
    every sink fares, as plain values: by its name ``health``, ``restarts``, ``last_error`` and ``counts``.
    ``fallback_mw`` is the setpoint (MW) of a resource whose policy ends in a value when our link is lost.
    """

    resource_ids: tuple[str, ...]
    names: Mapping[str, str]
    environment: str
    store: Store
    clock: Clock
    nodes: tuple[str, ...] = ()
    node_names: Mapping[str, str] = field(default_factory=dict)
    node_of: Mapping[str, str] = field(default_factory=dict)
    evidence: SinkEvidence = UNWATCHED
    sinks: Callable[[], Mapping[str, Mapping[str, object]]] = dict
    fallback_mw: Mapping[str, float] = field(default_factory=dict)


@runtime_checkable
class Counting(Protocol):
    """What a sink may offer beside serving: counts for the status, such as requests and refusals."""

    def counts(self) -> Mapping[str, int]:
        """Return the counts by name. It may be called from another thread, and never waits."""


class Sink(Protocol):
    """One way for the plant to read. ``run`` serves until cancelled; ``started`` is called once it listens.

    The gateway supervises: when ``run`` returns or raises, it is started again with back-off.
    """

    async def run(self, feed: Feed, started: Callable[[], None]) -> None:
        """Serve."""
