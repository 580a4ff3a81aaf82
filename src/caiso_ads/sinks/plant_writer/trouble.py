"""What is wrong with one plant: told once, waited for longer each time, and over only when a write is read back right.

Rule: whoever meets trouble waits; the wait doubles up to a limit and is forgotten only after a calm minute.
"""

from __future__ import annotations

from collections.abc import Mapping

from caiso_ads.sinks.plant_writer.gather import Note
from caiso_ads.sinks.plant_writer.rules import Rules

_MOST_KINDS = 64

CALM_S = 60.0
REPEAT_S = 600.0
"""Trouble that comes back within this time is counted and not told again."""


class Trouble:
    """The trouble of one plant (monotonic s). ``notes`` is the list it tells into."""

    def __init__(self, rules: Rules, notes: list[Note]) -> None:
        self._rules, self._notes = rules, notes
        self.now = ""
        self.silent_until = float("-inf")
        """No request before; the connection is being waited for."""
        self._not_before = float("-inf")
        self._strikes = 0
        self._last = float("-inf")
        self._without_contact = False
        self._met: dict[str, tuple[float, int]] = {}
        self._shown = False

    def backing_off(self, now: float) -> bool:
        """Whether nothing is to be written yet."""
        return now < self._not_before

    def strike(self, now: float, what: str, detail: Mapping[str, object] | None = None) -> None:
        """Meet trouble with a write: wait before the next one."""
        self.tell(now, what, detail, again=True)
        self._not_before = self._later(now)

    def tell(self, now: float, what: str, detail: Mapping[str, object] | None = None, *, again: bool = False) -> None:
        """Note trouble when it is new; what lasts or keeps coming back is told once in a while, with its count."""
        if self.now == what and not again:
            return
        self.now = what
        told_at, times = self._met.get(what, (float("-inf"), 0))
        if now - told_at < REPEAT_S:
            self._met[what] = (told_at, times + 1)
            return
        if len(self._met) > _MOST_KINDS:
            self._met.clear()
        self._met[what], self._shown = (now, 0), True
        mode = {"mode": "live" if self._rules.live else "dry-run"}
        more = {"times_since_last_told": times} if times else {}
        self._notes.append(Note(what, {**mode, **(detail or {}), **more}, trouble=True))

    def no_contact(self, now: float, problem: str) -> None:
        """Meet a controller that cannot be read: wait before asking again."""
        if not self._without_contact:
            self._without_contact = True
            self._notes.append(Note(f"no contact: {problem}", trouble=True))
        self.silent_until = self._later(now)

    def contact(self) -> None:
        """Read an answer."""
        if self._without_contact:
            self._without_contact = False
            self._notes.append(Note("the controller answers again"))

    def well(self, now: float) -> None:
        """See a write read back as it was written."""
        if self.now and self._shown:
            self._notes.append(Note("the controller holds what was written"))
        self.now, self._shown = "", False
        if now - self._last > CALM_S:
            self._strikes = 0

    def pardon(self, now: float) -> None:
        """Wait no longer: the plant is to be let go at once."""
        self._strikes, self._not_before, self.silent_until = 0, now, min(self.silent_until, now)

    def _later(self, now: float) -> float:
        self._strikes += 1
        wait_s = self._rules.interval_s * 2.0 ** min(self._strikes, 16)
        self._last = now + min(wait_s, self._rules.backoff_max_s)
        return self._last
