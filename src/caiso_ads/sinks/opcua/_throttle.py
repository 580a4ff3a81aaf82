"""How long a login that failed must wait, by address and by name: pure, with a bounded memory.

Rule: after FREE failures each further one doubles the wait. A name that once logged in from an address waits only for
its own failures there, so that a stranger can lock out nobody who works.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

FREE, FIRST_S, LONGEST_S = 3, 1.0, 60.0
FORGET_S = 900.0
MOST = 1000


class Throttle:
    """Failures of late. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._failures: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def __len__(self) -> int:
        """How much is remembered."""
        return len(self._failures) + len(self._known)

    def wait_s(self, address: str, name: str, now: float) -> float:
        """Return how long this login must still wait; 0 when it may be tried."""
        return max(self._left(key, now) for key in self._keys(address, name))

    def failed(self, address: str, name: str, now: float) -> None:
        """Remember a failure."""
        for key in (("pair", address, name), ("address", address), ("name", name)):
            count, last = self._failures.pop(key, (0, now))
            self._failures[key] = (1 if now - last > FORGET_S else count + 1, now)
        while len(self._failures) > MOST:
            self._failures.popitem(last=False)

    def succeeded(self, address: str, name: str) -> None:
        """Forget the failures of this name from there, and remember that it is at home there."""
        self._failures.pop(("pair", address, name), None)
        self._known.pop((address, name), None)
        self._known[address, name] = None
        if len(self._known) > MOST:
            self._known.popitem(last=False)

    def _keys(self, address: str, name: str) -> list[Hashable]:
        own: list[Hashable] = [("pair", address, name)]
        return own if (address, name) in self._known else [*own, ("address", address), ("name", name)]

    def _left(self, key: Hashable, now: float) -> float:
        count, last = self._failures.get(key, (0, now))
        if count <= FREE or now - last > FORGET_S:
            return 0.0
        return max(0.0, last + min(LONGEST_S, FIRST_S * 2.0 ** min(count - FREE - 1, 10)) - now)
