"""What the arrival of something tells beside its values: that the market runs, or that the ISO contradicts itself.

Rule: only what is about the present is a sign of life. A server that sends yesterday again under new names is silent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from caiso_ads.core.events import PlantEvent, length_s
from caiso_ads.core.instant import Instant
from caiso_ads.core.model import DispatchBatch
from caiso_ads.core.setpoint import Target

LATE_S = 900.0
"""How long after its time what arrives is still about the present (s): an interval, and patience."""


def is_current(until: float, arrived: Instant) -> bool:
    """Whether what is about the time up to ``until`` (unix seconds) came while that was the present, or before."""
    return arrived.wall.timestamp() - until <= LATE_S


def content(targets: Iterable[Target], batch_uid: str, cutoff: float) -> set[Target]:
    """Return what the ISO said in one batch, of the time not yet forgotten (unix seconds), to compare two answers."""
    found = [target for target in targets if target.batch_uid == batch_uid and target.target >= cutoff]
    return {replace(target, disputed=False, reached_mw=None) for target in found}


def newest(batch: DispatchBatch, targets: Mapping[str, Sequence[Target]]) -> float:
    """Return the latest time a batch is about (unix seconds); ``targets`` are its own, by resource."""
    return max([batch.start_time.timestamp(), *(target.target for found in targets.values() for target in found)])


def end(
    batch: DispatchBatch, targets: Mapping[str, Sequence[Target]], events: Mapping[str, Sequence[PlantEvent]]
) -> float:
    """Return until when something in a batch holds, and so may still be withdrawn (unix seconds)."""
    ends = [target.target + target.cover_s for found in targets.values() for target in found]
    ends += [event.end for found_events in events.values() for event in found_events]
    return max([batch.start_time.timestamp() + length_s(batch.batch_type), *ends])
