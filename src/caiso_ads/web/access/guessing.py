"""Who tries passwords. Rule: the guesser waits longer and longer, and nobody outside can lock out who is known.

A failure counts for the address and for the name. The name's waiting does not hold at an address from which that name
has signed in before, and no waiting touches somebody who is signed in. Counts are kept in memory: after a restart the
guesser begins again with the few free tries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

FREE = {"address": 5, "name": 10}
"""Failures without waiting."""
LONGEST_S = {"address": 900.0, "name": 300.0}
FORGOTTEN_S = 3600.0
MOST = 4096
ALARM_EACH = 10
"""At so many tries that failed or had to wait, and at each multiple, the alarm is told."""

GOES_ON_S = 300.0


@dataclass(slots=True)
class _Count:
    failures: int = 0
    tries: int = 0
    until: float = 0.0
    last: float = 0.0


class Guessing:
    """Counts by address and by name. ``alarm`` hears "address" or "name", which, and how many tries."""

    def __init__(self, alarm: Callable[[str, str, int], None]) -> None:
        self._alarm = alarm
        self._counts: dict[tuple[str, str], _Count] = {}

    def begin(self, address: str, name: str, mono: float, *, known: bool) -> float:
        """Return how long to wait first (s); at 0 the try counts as failed until ``right`` is said.

        ``name`` is empty where the try names nobody we know. ``known``: that name signed in from there before.
        """
        keys = self._keys(address, name)
        counts = {key: self._count(key, mono) for key in keys}
        holding = [count for (kind, _), count in counts.items() if not (known and kind == "name")]
        wait = max(0.0, *(count.until - mono for count in holding))
        for (kind, which), count in counts.items():
            count.tries += 1
            if not wait:
                count.failures += 1
                over = count.failures - FREE[kind]
                count.until = mono + min(2.0 ** min(over, 20), LONGEST_S[kind]) if over >= 0 else 0.0
            if count.tries % ALARM_EACH == 0:
                self._alarm(kind, which, count.tries)
        return wait

    def right(self, address: str, name: str) -> None:
        """Take back what ``begin`` counted: it was no failure. What others failed stays."""
        for key in self._keys(address, name):
            if (count := self._counts.get(key)) is not None:
                count.failures, count.tries, count.until = max(0, count.failures - 1), max(0, count.tries - 1), 0.0

    def goes_on(self, mono: float) -> bool:
        """Whether somebody who failed so often has tried within the last five minutes."""
        return any(one.tries >= ALARM_EACH and mono - one.last < GOES_ON_S for one in self._counts.values())

    @staticmethod
    def _keys(address: str, name: str) -> list[tuple[str, str]]:
        return [("address", network_of(address)), *([("name", name)] if name else [])]

    def _count(self, key: tuple[str, str], mono: float) -> _Count:
        known = self._counts.get(key)
        if known is None or mono - known.last > FORGOTTEN_S:
            if known is None and len(self._counts) >= MOST:
                del self._counts[min(self._counts, key=lambda one: self._counts[one].last)]
            known = self._counts[key] = _Count()
        known.last = mono
        return known


def network_of(address: str) -> str:
    """Return what one guesser has: an IPv4 address, or a whole /64 of IPv6."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if ip.version == 6 and ip.ipv4_mapped is None:
        return str(ip_network(f"{ip}/64", strict=False))
    return str(ip if ip.version == 4 else ip.ipv4_mapped)
