"""What alarms are read from beside the published points: sinks, certificates, answers, passwords, the test button.

Rule: asked each second, so nothing here reads a disk or waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from caiso_ads.core.alarm_reading import Extra
from caiso_ads.core.answering import closes_at, is_silent
from caiso_ads.core.instant import Instant
from caiso_ads.core.model import DispatchBatch
from caiso_ads.loop.supervisor import SinkHealth, SupervisedSink

CLOSING = timedelta(minutes=5)
"""How long before the end of its window an unanswered hourly instruction is an alarm."""
TEST_S = 10.0
"""How long a test alarm holds (s)."""
_SERVES = {SinkHealth.SERVING: True, SinkHealth.FAILED: False, SinkHealth.STARTING: None}


@dataclass(slots=True)
class Sources:
    """Where each of them is asked. ``expiries``: end of validity of each of our certificates.

    ``guessing``: whether somebody is guessing passwords. ``batches`` and ``configured``: what may still be answered, and
    for which resources; ``answered``: whether an answer of ours to that instruction stands.
    """

    sinks: Callable[[], Sequence[SupervisedSink]] = tuple
    expiries: Mapping[str, datetime] = field(default_factory=dict)
    role_refused: Callable[[], bool | None] = bool
    guessing: Callable[[], bool] = bool
    batches: Callable[[], Iterable[DispatchBatch]] = tuple
    configured: frozenset[str] = frozenset()
    answered: Callable[[str], bool] = lambda _uid: False
    _test_until: float = float("-inf")

    def test(self, now: Instant) -> None:
        """Let the test alarm hold for a while."""
        self._test_until = now.mono + TEST_S

    def __call__(self, now: Instant) -> Extra:
        """Return what holds now."""
        return Extra(
            sinks={one.name: (one.required, _SERVES[one.health]) for one in self.sinks()},
            certificates={name: (end - now.wall).days for name, end in self.expiries.items()},
            role_refused=self.role_refused(),
            guessing=self.guessing(),
            closing=frozenset(self._closing(now.wall)),
            testing=now.mono < self._test_until,
        )

    def _closing(self, now: datetime) -> Iterable[str]:
        for batch in self.batches():
            end = closes_at(batch)
            if end is None or not timedelta() < end - now <= CLOSING:
                continue
            for one in batch.instructions:
                if one.resource_id in self.configured and is_silent(one) and not self.answered(one.instruction_uid):
                    yield one.instruction_uid
