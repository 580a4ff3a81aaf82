"""Chance as a pure function of a seed and a name, so that any moment of the market can be computed on its own.

Rule: no generator with a state; the same seed and key give the same number whatever was asked before.
"""

from __future__ import annotations

import math
from functools import lru_cache
from hashlib import blake2b

_SCALE = float(1 << 64)


@lru_cache(maxsize=1 << 16)
def unit(seed: int, *key: str | int) -> float:
    """Return a number in [0, 1) that depends on seed and key only."""
    text = ":".join((str(seed), *map(str, key)))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") / _SCALE


def smooth(seed: int, key: str, minutes: float, knot_min: float) -> float:
    """Return a number in [0, 1) that wanders with time, with a free choice every ``knot_min`` minutes."""
    position = minutes / knot_min
    knot = math.floor(position)
    blend = (1 - math.cos(math.pi * (position - knot))) / 2
    return unit(seed, key, knot) * (1 - blend) + unit(seed, key, knot + 1) * blend


def between(low: float, high: float, chance: float) -> float:
    """Map a number in [0, 1) onto [low, high)."""
    return low + (high - low) * chance
