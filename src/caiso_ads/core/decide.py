"""What to do next: which batches to look at again, and which side effects may be sent now. Pure functions.

Rule: a side effect may be sent only when what it acknowledges is in the newest published snapshot and every required
sink is serving. Interpretation: the ISO is not known to list a changed batch again, so open ones are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from caiso_ads.core.events import length_s
from caiso_ads.core.instant import Instant
from caiso_ads.core.state import BatchRef, State

INTERVAL_S = 300.0


def recheck(state: State, now: Instant, *, budget: int = 5) -> tuple[str, ...]:
    """Return the batches to re-check in this cycle, at most ``budget``, most urgent first.

    First those of which two contents are known, then open ones and those that govern the present or next interval of
    a configured resource, then the others that are not past, in rotation.
    """
    when = now.wall.timestamp()
    live = [ref for ref in state.batches.values() if ref.is_open or when < ref.end]
    ranked = sorted(live, key=lambda ref: (not ref.disputed, not _urgent(ref, when), ref.checked_mono, ref.batch_uid))
    return tuple(ref.batch_uid for ref in ranked[:budget])


def _urgent(ref: BatchRef, when: float) -> bool:
    current = ref.start <= when + INTERVAL_S and when < ref.start + length_s(ref.batch_type)
    return ref.is_open or (ref.visible and current)


@dataclass(frozen=True, slots=True)
class Queued:
    """An intent waiting to be sent: the generation it was published in, when it may be tried again, and until when."""

    intent_id: int
    batch_uid: str
    generation: int
    attempts: int
    not_before_mono: float
    give_up_mono: float


def sendable(queue: Iterable[Queued], *, published: int, serving: bool, now: Instant) -> tuple[Queued, ...]:
    """Return the intents that may be sent now, oldest first."""
    if not serving:
        return ()
    return tuple(item for item in queue if item.generation <= published and item.not_before_mono <= now.mono)


def retry_delay_s(attempts: int) -> float:
    """Return the wait after so many failed attempts: 10 s, doubling to 60 s."""
    return min(60.0, 10.0 * 2.0 ** min(attempts - 1, 6))
