"""When the next request may start, as a value that processes hand to each other through a file. Pure.

Rule: whatever the file or the clock says, no wait is shorter than the interval after a known start, and none is
endless: a time that lies too far ahead is a clock that was set back, and is cut to what it can mean at most.
Spec: none; the 5 s, and the quota for those who go on for hours, are third-party observations of OASIS.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields, replace

BACKOFF_S = 5.0
"""The least wait after a refusal (s): what the service's own page asks for."""
LONGEST_BACKOFF_S = 300.0
SLOW_FOR_S = 1800.0
"""How long the base rate stays lowered after a refusal (s)."""
SLOWEST_S = 60.0
"""The longest lowered interval between two starts (s)."""
YIELD_S = 2.0
"""How long history lets a live request that is due pass before it (s); a live request that died costs no more."""
_MOST_STRIKES = 30  # beyond this the doubling has long met its cap, and a float must not overflow


@dataclass(frozen=True, slots=True)
class Pace:
    """What all processes share; unix seconds. ``strikes`` counts refusals in a row, ``slow_s`` is the lowered rate."""

    last_start: float = 0.0
    blocked_until: float = 0.0
    strikes: int = 0
    slow_s: float = 0.0
    slow_until: float = 0.0
    live_until: float = 0.0


def interval_s(pace: Pace, now: float, least_s: float) -> float:
    """Return how far apart two starts must be now (s)."""
    return max(least_s, pace.slow_s) if now < pace.slow_until else least_s


def ask(pace: Pace, now: float, least_s: float, *, live: bool, own_wait_s: float = 0.0) -> tuple[Pace, float]:
    """Return the new pace and how long to wait before asking again (s); 0: this request starts now.

    ``own_wait_s`` is what the caller knows by its monotonic clock, for a wall clock that jumped ahead.
    """
    pace = _possible(pace, now)
    earliest = max(pace.last_start + interval_s(pace, now, least_s), pace.blocked_until)
    wait = max(earliest - now, own_wait_s)
    if live:
        if wait > 0:
            return replace(pace, live_until=now + wait + YIELD_S), wait
        return replace(pace, last_start=now, live_until=0.0), 0.0
    if wait > 0:
        return pace, wait
    if pace.live_until > now:
        return pace, pace.live_until - now
    return replace(pace, last_start=now), 0.0


def refused(pace: Pace, now: float, least_s: float, jitter: float) -> Pace:
    """Return the pace after a refusal: a wait that doubles each time, and a lower rate for a while.

    ``jitter`` in 0..1 spreads several boxes behind one address.
    """
    pace = _possible(pace, now)
    strikes = min(pace.strikes + 1, _MOST_STRIKES)
    wait = min(LONGEST_BACKOFF_S, BACKOFF_S * 2 ** (strikes - 1)) * (1 + jitter / 2)
    slow = min(SLOWEST_S, interval_s(pace, now, least_s) * 2)
    return replace(
        pace, blocked_until=max(pace.blocked_until, now + wait), strikes=strikes, slow_s=slow,
        slow_until=now + SLOW_FOR_S,
    )  # fmt: skip


def answered(pace: Pace) -> Pace:
    """Return the pace after an answer: the next refusal waits the least time again; a lowered rate stays."""
    return replace(pace, strikes=0)


def _possible(pace: Pace, now: float) -> Pace:
    return replace(
        pace,
        last_start=min(pace.last_start, now),
        blocked_until=min(pace.blocked_until, now + LONGEST_BACKOFF_S * 1.5),
        slow_until=min(pace.slow_until, now + SLOW_FOR_S),
        live_until=min(pace.live_until, now + LONGEST_BACKOFF_S * 1.5 + YIELD_S),
    )


BLOCK = 512
"""Length of the encoded form (bytes): always the same, so that one write replaces it whole."""


def encode(pace: Pace) -> bytes:
    """Return the form for the file."""
    return json.dumps(asdict(pace)).encode().ljust(BLOCK)


def decode(content: bytes, now: float) -> Pace:
    """Return what a file says. One that cannot be read is taken for a request that started just now."""
    if not content.strip():
        return Pace()
    try:
        found = json.loads(content)
        values = {each.name: float(found[each.name]) for each in fields(Pace)}
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return Pace(last_start=now)
    if not all(math.isfinite(value) for value in values.values()):
        return Pace(last_start=now)
    strikes = min(_MOST_STRIKES, max(0, int(values.pop("strikes"))))
    return Pace(strikes=strikes, **values)
