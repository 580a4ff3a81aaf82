"""How many requests one address may make. Rule: far above what a page needs, far below what slows the gateway."""

from __future__ import annotations

from dataclasses import dataclass

from caiso_ads.web.access.guessing import network_of

READS_A_SECOND, READS_AT_ONCE = 500.0, 2000.0
WRITES_A_SECOND, WRITES_AT_ONCE = 20.0, 200.0
MOST = 1024


@dataclass(slots=True)
class _Left:
    reads: float
    writes: float
    last: float


class Rates:
    """What is left for each address; ``times`` as much as a page needs."""

    def __init__(self, times: float = 1.0) -> None:
        self._times = times
        self._left: dict[str, _Left] = {}

    def take(self, address: str, mono: float, *, unsafe: bool) -> bool:
        """Count a request and return whether it may go on."""
        key = network_of(address)
        most = _Left(READS_AT_ONCE * self._times, WRITES_AT_ONCE * self._times, mono)
        left = self._left.pop(key, most)
        past = max(0.0, mono - left.last)
        left.reads = min(most.reads, left.reads + past * READS_A_SECOND * self._times)
        left.writes = min(most.writes, left.writes + past * WRITES_A_SECOND * self._times)
        left.last = mono
        if len(self._left) >= MOST:  # the one silent for longest has all of it left again
            del self._left[next(iter(self._left))]
        self._left[key] = left
        enough = left.writes >= 1.0 if unsafe else left.reads >= 1.0
        if enough:
            left.writes, left.reads = left.writes - unsafe, left.reads - (not unsafe)
        return enough
