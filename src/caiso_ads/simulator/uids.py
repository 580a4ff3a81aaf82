"""Batch identifiers: time-based as observed in captures, or random so that a client cannot lean on their order.

Rule: an identifier depends on seed, arrival and kind only. The time-based form puts 100-ns ticks since 1970 into the
first three groups like a version-1 UUID and may drop leading zeros of the first group, as captured identifiers do.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from caiso_ads.simulator.grid import EPOCH
from caiso_ads.simulator.noise import unit

Stream = Literal["DISP", "TRAJ"]
_HOST = "0A28D0F1"  # captured identifiers seem to end in a private address and a process number


def make_uid(stream: Stream, received: datetime, *, seed: int, salt: str, mode: Literal["time", "random"]) -> str:
    """Return ``DISP-`` or ``TRAJ-`` and five groups of hex digits."""
    tail = int(unit(seed, "uid", salt, received.isoformat()) * (1 << 32))
    if mode == "random":
        head = int(unit(seed, "uid-head", salt, received.isoformat()) * (1 << 60))
        return _join(stream, head, tail)
    ticks = (received - EPOCH) // timedelta(microseconds=1) * 10
    return _join(stream, ticks, tail)


def ticks_of(uid: str) -> int:
    """Return the 100-ns ticks inside a time-based identifier; raises ValueError for any other text."""
    _, low, mid, high, *_ = uid.split("-")
    return (int(high, 16) & 0xFFF) << 48 | int(mid, 16) << 32 | int(low, 16)


def _join(stream: Stream, head: int, tail: int) -> str:
    low, mid, high = head & 0xFFFFFFFF, head >> 32 & 0xFFFF, head >> 48 & 0xFFF
    return f"{stream}-{low:X}-{mid:04X}-4{high:03X}-{tail >> 16 & 0xFFFF:04X}-{_HOST}{tail & 0xFFFF:04X}"
