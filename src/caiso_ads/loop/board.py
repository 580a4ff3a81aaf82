"""The batches as they were seen last, whole: what an answer is checked against, before it is stored and before it leaves.

Rule: only what is durable stands here, and the newest revision of it. What is past is forgotten; no I/O.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from caiso_ads.core.happenings import BatchSeen, Event
from caiso_ads.core.model import DispatchBatch, Instruction
from caiso_ads.core.state import State
from caiso_ads.errors import CommandError

KEPT = timedelta(hours=6)
"""How long a batch stays after its start."""


class Board:
    """Remembers the batches that are folded."""

    def __init__(self) -> None:
        self._batches: dict[str, DispatchBatch] = {}

    def folded(self, event: Event, _: State) -> None:
        """Keep the batch of an event."""
        if isinstance(event, BatchSeen):
            self.see(event.batch, event.arrived.wall)

    def see(self, batch: DispatchBatch, now: datetime) -> None:
        """Keep a batch unless a newer revision of it stands here; forget those that are past."""
        known = self._batches.get(batch.batch_uid)
        if known is not None and known.revision_no > batch.revision_no:
            return
        self._batches = {uid: old for uid, old in self._batches.items() if old.start_time + KEPT > now}
        if batch.instructions and batch.start_time + KEPT > now:
            self._batches[batch.batch_uid] = batch

    def batch(self, batch_uid: str) -> DispatchBatch | None:
        """Return a batch as seen last."""
        return self._batches.get(batch_uid)

    @property
    def batches(self) -> Iterable[DispatchBatch]:
        """The batches as seen last."""
        return self._batches.values()

    def find(self, instruction_uid: str) -> tuple[DispatchBatch, Instruction]:
        """Return an instruction and its batch as seen last. Raises CommandError when there is none."""
        for batch in reversed(self._batches.values()):
            for instruction in batch.instructions:
                if instruction.instruction_uid == instruction_uid:
                    return batch, instruction
        raise CommandError(
            f"{instruction_uid!r} is not known, or past", field="instruction",
            cure="look with: caiso-ads instructions list",
        )  # fmt: skip
