"""When to ask for prices: a moment of each 5-minute interval, learned from when new intervals were seen before. Pure.

Rule: about one request an interval once the moment is known, never more than one in 30 s, and never less than one in
5 minutes. Interpretation: when the ISO posts a real-time price is not documented (before or after the interval begins),
so the lag may be negative and is measured, not assumed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median

INTERVAL_S = 300.0
KEPT = 12
"""Lags remembered: an hour of intervals."""
EARLIER_S = 5.0
"""How much before the usual moment we ask (s), so that we notice when the ISO becomes quicker."""
UNLEARNED_S = 60.0
"""Time between two requests before the moment is known (s)."""
MISSED_S = (30.0, 60.0, 120.0)
"""Wait after the first, second and later answers without a new interval (s)."""
FAILED_S = (30.0, 60.0, 120.0, 240.0)
"""Wait after failed requests in a row (s)."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What was learned. ``newest`` is the begin of the newest interval seen; ``misses`` answers in a row had no newer."""

    newest: datetime | None = None
    lags_s: tuple[float, ...] = ()
    misses: int = 0
    failures: int = 0

    @property
    def offset_s(self) -> float | None:
        """Usual time from the begin of an interval to its first sight (s); None while nothing is learned."""
        return median(self.lags_s) if self.lags_s else None


def answered(timing: Timing, newest: datetime | None, at: datetime) -> Timing:
    """Return the timing after an answer. A lag counts only where the interval before had been the newest just before.

    Else nobody knows when it appeared: it may have stood there for long when we first asked, or while we could not.
    """
    if newest is None or (timing.newest is not None and newest <= timing.newest):
        return replace(timing, misses=timing.misses + 1, failures=0)
    followed = timing.newest is not None and newest - timing.newest == timedelta(seconds=INTERVAL_S)
    if not followed or timing.failures:
        return Timing(newest, timing.lags_s)
    return Timing(newest, (*timing.lags_s, (at - newest).total_seconds())[-KEPT:])


def skipped(timing: Timing, newest: datetime | None) -> bool:
    """Whether nobody saw what lies before the newest interval of an answer: it is the first, or some were left out."""
    if newest is None or timing.newest is None:
        return newest is not None
    return newest - timing.newest > timedelta(seconds=INTERVAL_S)


def failed(timing: Timing) -> Timing:
    """Return the timing after a request without an answer."""
    return replace(timing, failures=timing.failures + 1)


def wait_s(timing: Timing, at: datetime) -> float:
    """Return how long to wait before the next request (s)."""
    if timing.failures:
        return FAILED_S[min(timing.failures, len(FAILED_S)) - 1]
    offset = timing.offset_s
    if offset is None or timing.newest is None:
        return UNLEARNED_S
    expected = timing.newest + timedelta(seconds=INTERVAL_S + offset - EARLIER_S)
    least = MISSED_S[min(timing.misses, len(MISSED_S)) - 1] if timing.misses else MISSED_S[0]
    return min(INTERVAL_S, max(least, (expected - at).total_seconds()))
