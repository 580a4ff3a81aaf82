"""The state of the simulated ADS: what has arrived until now, and what has become of it.

Rule: time moves only in ``advance``; everything due until then happens in order of its due time, so that the same seed,
clock and requests give the same state. The arrivals come from Schedule, their content from Builder.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeAlias

from caiso_ads.core.codes import BatchStatus, BatchType
from caiso_ads.core.model import DispatchBatch, Instruction, TrajectoryBatch
from caiso_ads.ports import Clock
from caiso_ads.simulator import hourly
from caiso_ads.simulator.answered import Revisions
from caiso_ads.simulator.batches import Builder
from caiso_ads.simulator.fleet import Fleet
from caiso_ads.simulator.ledger import CHANGE, ISSUE, Ledger
from caiso_ads.simulator.profiles import Profiles
from caiso_ads.simulator.schedule import Arrival, Disturbance, Kind, Schedule
from caiso_ads.simulator.shelf import KEEPING_TIME, Entry, Shelf
from caiso_ads.simulator.switches import Switches
from caiso_ads.simulator.uids import make_uid

DispatchEntry: TypeAlias = Entry[DispatchBatch, DispatchBatch]
TrajectoryEntry: TypeAlias = Entry[None, TrajectoryBatch]


class Market:
    """One ISO. ``dispatches`` and ``trajectories`` are its two streams."""

    def __init__(
        self,
        fleet: Fleet,
        clock: Clock,
        ledger: Ledger,
        *,
        seed: int,
        switches: Switches,
        disturbances: tuple[Disturbance, ...] = (),
        history: timedelta = KEEPING_TIME,
    ) -> None:
        self.fleet, self.clock, self.ledger, self.seed, self.switches = fleet, clock, ledger, seed, switches
        self.profiles = Profiles(seed)
        self.revisions = Revisions()
        self.builder = Builder(fleet, self.profiles, seed, switches)
        self.dispatches: Shelf[DispatchBatch, DispatchBatch] = Shelf()
        self.trajectories: Shelf[None, TrajectoryBatch] = Shelf()
        self.started = clock.now().wall
        self._schedule = Schedule(seed, switches.trajectory_delay_s, disturbances)
        self._reached = self.started - history
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []
        self._planned = 0

    def advance(self) -> datetime:
        """Let everything happen that is due by now; return that now."""
        now = self.clock.now().wall
        if now > self._reached:
            for arrival in self._schedule.arrivals(self._reached, now):
                self.at(arrival.received, partial(self._arrive, arrival))
            self._reached = now
        while self._due and self._due[0][0] <= now:
            heapq.heappop(self._due)[2]()
        self.dispatches.forget_before(now - KEEPING_TIME)
        self.trajectories.forget_before(now - KEEPING_TIME)
        return now

    def at(self, when: datetime, action: Callable[[], None]) -> None:
        """Plan something; what is due at one time happens in the order it was planned."""
        self._planned += 1
        heapq.heappush(self._due, (when, self._planned, action))

    def disturb(self, disturbance: Disturbance) -> None:
        """Lose or delay arrivals of a stretch of time that lies ahead."""
        self._schedule = self._schedule.with_disturbances([disturbance])

    def newest(
        self, batch_type: BatchType | int = BatchType.FIVE_MINUTE, resource_id: str = ""
    ) -> DispatchEntry | None:
        """Return the newest batch of that type, holding that resource where one is named."""
        for entry in reversed(list(self.dispatches)):
            if entry.header.batch_type == batch_type and (
                not resource_id or any(i.resource_id == resource_id for i in entry.full().instructions)
            ):
                return entry
        return None

    def issue(self, header: Mapping[str, Any], rows: list[dict[str, Any]], *, when: datetime | None = None) -> str:
        """Put a batch out of turn into the stream and return its UID; ``header`` and ``rows`` are fields of the nouns.

        Instructions are numbered here; identifiers, numbers and status codes need not be given.
        """
        received = when or self.clock.now().wall
        uid = make_uid("DISP", received, seed=self.seed, salt=f"extra{len(self.ledger)}", mode=self.switches.uid_mode)
        base = self.builder.header(Arrival(Kind.FIVE_MINUTE, received, received), uid)
        batch = self.builder.numbered(replace(base, **header), rows)
        self._shelve(Entry(uid, received, replace(batch, instructions=()), lambda: batch), received)
        return uid

    def change(
        self,
        uid: str,
        header: Mapping[str, Any],
        instructions: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        wall: datetime | None = None,
    ) -> None:
        """Change a batch and some of its instructions, bumping the revisions of both; raises KeyError if not kept."""
        entry = self.dispatches.get(uid)
        if entry is None:
            raise KeyError(uid)
        batch, changed = entry.full(), instructions or {}
        rows = tuple(
            replace(i, revision_number=i.revision_number + 1, **changed[i.instruction_uid])
            if i.instruction_uid in changed
            else i
            for i in batch.instructions
        )
        self.put(entry, replace(batch, revision_no=batch.revision_no + 1, instructions=rows, **header))
        self.ledger.record(CHANGE, uid, wall=wall)
        if self.switches.relist_changed:
            self.dispatches.list_again(uid)

    def put(self, entry: DispatchEntry, batch: DispatchBatch) -> None:
        """Replace a batch without saying that it changed."""
        entry.content = batch
        entry.header = replace(batch, instructions=())

    def cancel(self, uid: str) -> None:
        """Emergency-cancel a batch; its instructions too, by switch. Raises KeyError if not kept."""
        self._withdraw(uid, BatchStatus.EMERGENCY_CANCELLED)

    def defer(self, uid: str) -> None:
        """Defer a batch. Raises KeyError if not kept."""
        self._withdraw(uid, BatchStatus.DEFERRED)

    def revise(self, uid: str, resource_id: str, dot_mw: float) -> None:
        """Give a resource another DOT in a batch; SUPP takes the difference. Raises KeyError if not there."""
        entry = self.dispatches.get(uid)
        rows = [i for i in entry.full().instructions if i.resource_id == resource_id] if entry else []
        if not rows:
            raise KeyError(f"{resource_id} in {uid}")
        self.change(uid, {}, {i.instruction_uid: _with_dot(i, dot_mw) for i in rows})

    def _withdraw(self, uid: str, status: BatchStatus) -> None:
        entry = self.dispatches.get(uid)
        if entry is None:
            raise KeyError(uid)
        touched = entry.full().instructions if self.switches.cancel_instructions else ()
        now = self.clock.now().wall.replace(microsecond=0)
        self.change(
            uid,
            {"batch_status": status, "batch_expires": now},
            {i.instruction_uid: {"status_code": status} for i in touched},
        )

    def _arrive(self, arrival: Arrival) -> None:
        if arrival.kind is Kind.TRAJECTORY:
            uid = self._uid("TRAJ", arrival)
            build = partial(self.builder.trajectory, arrival, uid)
            self.trajectories.add(Entry(uid, arrival.received, None, build))
            self.ledger.record(ISSUE, uid, wall=arrival.received)
            return
        if arrival.kind is Kind.EXCEPTIONAL and not self.builder.has_exceptional(arrival.target):
            return
        uid = self._uid("DISP", arrival)
        header = self.builder.header(arrival, uid)
        self._shelve(
            Entry(uid, arrival.received, header, partial(self.builder.dispatch, arrival, uid)), arrival.received
        )
        if arrival.kind is Kind.HOURLY:
            hourly.plan(self, uid)

    def _uid(self, stream: Any, arrival: Arrival) -> str:
        salt = f"{arrival.kind}{arrival.target.isoformat()}"
        return make_uid(stream, arrival.received, seed=self.seed, salt=salt, mode=self.switches.uid_mode)

    def _shelve(self, entry: DispatchEntry, received: datetime) -> None:
        self.dispatches.add(entry)
        self.ledger.record(ISSUE, entry.uid, wall=received)


def _with_dot(instruction: Instruction, dot_mw: float) -> dict[str, Any]:
    change = dot_mw - (instruction.dot_mw or 0.0)
    detail = tuple(
        replace(part, mw=round((part.mw or 0.0) + change, 2)) if part.service_type == "SUPP" else part
        for part in instruction.detail
    )
    return {"dot_mw": dot_mw, "accept_dot_mw": dot_mw, "detail": detail}
