"""The nouns of the machine: what may be written, by which rules, and what it wants done next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Item(StrEnum):
    """What a controller holds. Powers are in MW; the others are register values."""

    SETPOINT = "setpoint"
    HIGH = "high limit"
    LOW = "low limit"
    ENABLE = "enable"
    MODE = "mode"
    HEARTBEAT = "heartbeat"
    ACTUAL = "actual"
    PERMIT = "permit"


class Phase(StrEnum):
    """Where one plant stands: nothing written, written to, left where it is, or being let go."""

    IDLE = "idle"
    ACTING = "acting"
    HOLDING = "holding"
    RELEASING = "releasing"


class OnRelease(StrEnum):
    """How a plant is let go: leave the value, write "off" to the enable register, or go to ``release_mw``."""

    HOLD = "hold"
    DISABLE = "disable"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Rules:
    """How to write to one plant. Powers in MW, times in seconds.

    ``quantised(mw, low, high)`` returns what the register can hold. ``fixed`` are registers that must have a value
    before anything else is written. ``on`` and ``off`` are those of the enable register, None without one; ``permit``
    is what the permit register must read, so that anything may be written.
    """

    quantised: Callable[[float, float, float], float | None]
    rate_mw_per_min: float
    tolerance_mw: float
    interval_s: float = 1.0
    deadband_mw: float = 0.0
    live: bool = False
    keep_on_hold: bool = False
    on_release: OnRelease = OnRelease.HOLD
    release_mw: float | None = None
    fixed: Mapping[Item, int] = field(default_factory=dict)
    limits: frozenset[Item] = frozenset()
    on: int | None = None
    off: int | None = None
    permit: int | None = None
    heartbeat: bool = False
    settle_s: float = 2.0
    backoff_max_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Read:
    """Ask the controller for everything."""


@dataclass(frozen=True, slots=True)
class Write:
    """Write one item."""

    item: Item
    value: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing to do for so long (s)."""

    seconds: float


Action = Read | Write | Pause
Reading = Mapping[Item, float | None]
