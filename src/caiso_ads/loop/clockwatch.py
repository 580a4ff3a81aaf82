"""Is our clock the ISO's? Rule: it is trusted until something speaks against it, and again only by the ISO's word.

Three witnesses: the Date header of each answer (whole seconds, on average half a second old), a batch received in our
future where there is no such header, and our own monotonic clock, against which the wall clock must not jump.
"""

from __future__ import annotations

import logging

from caiso_ads.core.happenings import ClockSampled, ClockStepped
from caiso_ads.core.instant import Instant
from caiso_ads.core.model import DispatchBatch
from caiso_ads.ports import Receipt

log = logging.getLogger("caiso_ads.clock")

STEP_S = 1.0


class ClockWatch:
    """Turns what it sees into events to fold, and logs each change of trust once."""

    def __init__(self, now: Instant, limit_s: float) -> None:
        self._beat, self._limit_s = now, limit_s
        self._trusted = True

    def answer(self, receipt: Receipt[object], now: Instant) -> ClockSampled | None:
        """Compare the Date header of an answer with when it came."""
        if receipt.server_date is None:
            return None
        return self._sampled((receipt.server_date - receipt.received_at).total_seconds() + 0.5, now)

    def batch(self, receipt: Receipt[DispatchBatch], batch: DispatchBatch, now: Instant) -> ClockSampled | None:
        """Notice a batch the ISO received in our future: our clock is behind by at least so much."""
        ahead = (batch.batch_received - receipt.received_at).total_seconds()
        if receipt.server_date is not None or ahead <= self._limit_s:
            return None
        return self._sampled(ahead, now)

    def beat(self, now: Instant) -> ClockStepped | None:
        """Notice a wall clock that jumped between two beats."""
        before, self._beat = self._beat, now
        jumped = (now.wall - before.wall).total_seconds() - (now.mono - before.mono)
        if abs(jumped) <= STEP_S:
            return None
        self._tell(trusted=False, what=f"our clock jumped by {jumped:.1f} s")
        return ClockStepped(now, before)

    def _sampled(self, offset_s: float, now: Instant) -> ClockSampled:
        self._tell(trusted=abs(offset_s) <= self._limit_s, what=f"our clock is {offset_s:.1f} s from the ISO's")
        return ClockSampled(offset_s, now, self._limit_s)

    def _tell(self, *, trusted: bool, what: str) -> None:
        if trusted and not self._trusted:
            log.warning("%s: trusted again", what)
        elif self._trusted and not trusted:
            log.error("%s: targets are frozen until it is right", what)
        self._trusted = trusted
