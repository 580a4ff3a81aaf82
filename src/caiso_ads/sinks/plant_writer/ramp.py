"""The way of a setpoint to its target: from what the controller holds, never faster than the rate. Pure.

Rule: the position moves at the rate while time passes; what is written is the position as the register can hold it.
It never starts from a guess: it is anchored to a value that was read, or it is not known and nothing is written.
"""

from __future__ import annotations

from caiso_ads.sinks.plant_writer.permit import Wish
from caiso_ads.sinks.plant_writer.rules import Rules


class Ramp:
    """One plant's position (MW) between what was read and its target."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._mw: float | None = None
        self._moved_at = 0.0
        self._turn: float | None = None
        self._limits: tuple[float, float] | None = None
        self.fits = True
        """Whether the register could hold the last step."""

    @property
    def known(self) -> bool:
        """Whether there is a position."""
        return self._mw is not None

    def forget(self) -> None:
        """Begin anew from what is read next."""
        self._mw = None

    def inside(self, mw: float) -> bool:
        """Whether a power is inside the limits; a register outside of them is never left so."""
        return self._limits is not None and self._limits[0] - 1e-9 <= mw <= self._limits[1] + 1e-9

    def anchor(self, now: float, read_mw: float | None, wish: Wish) -> None:
        """Begin from a value that was read. One outside the limits begins at the nearer limit: a start-up."""
        if wish.pmin_mw is not None and wish.pmax_mw is not None:
            self._limits = (wish.pmin_mw, wish.pmax_mw)
        if read_mw is not None and self._limits is not None:
            low_mw, high_mw = self._limits
            self._mw = min(max(read_mw, low_mw), high_mw)
            self._moved_at, self._turn = now, None

    def step(self, now: float, target_mw: float | None, turn: float) -> float | None:
        """Move once in each ``turn`` and return what to write; None for nothing. Long waits do not add up to a jump."""
        if self._mw is None or self._limits is None or target_mw is None:
            return None
        low_mw, high_mw = self._limits
        if not low_mw <= target_mw <= high_mw:
            return None
        if turn != self._turn:
            passed_s = min(max(0.0, now - self._moved_at), self._rules.interval_s)
            most = self._rules.rate_mw_per_min * passed_s / 60.0
            self._mw = min(max(target_mw, self._mw - most), self._mw + most)
            self._moved_at, self._turn = now, turn
        found = self._rules.quantised(self._mw, low_mw, high_mw)
        self.fits = found is not None
        return found
