"""How one value becomes what a register holds, and which rows of a snapshot there are to be had.

Rule: what does not fit is None, so that a block shows it as "no value"; nothing is ever bent to fit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import Enum

from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS, Kind, Point, PointValue, Snapshot
from caiso_ads.core.quality import Directive, Quality

Value = float | int | datetime

U32 = 0xFFFFFFFF
_U16 = 0xFFFF
_FLOAT32_MAX = 3.4028234663852886e38


class Family(Enum):
    """The three kinds of block: the gateway itself, a resource, a pricing node."""

    GATEWAY = "gateway"
    RESOURCE = "resource"
    NODE = "node"


POINTS: dict[Family, tuple[Point, ...]] = {
    Family.GATEWAY: GATEWAY_POINTS,
    Family.RESOURCE: RESOURCE_POINTS,
    Family.NODE: NODE_POINTS,
}

_UNKNOWN_RESOURCE = tuple(
    PointValue({"directive": Directive.NO_DATA, "quality": Quality.INIT}.get(point.key), Quality.INIT)
    for point in RESOURCE_POINTS
)
_UNKNOWN_NODE = tuple(
    PointValue(Quality.INIT if point.key in ("quality", "published_quality") else None, Quality.INIT)
    for point in NODE_POINTS
)


def row_of(snapshot: Snapshot, family: Family, name: str) -> Sequence[PointValue]:
    """Return the points of one block; those of a resource or node the snapshot does not know are NO_DATA."""
    if family is Family.RESOURCE:
        return snapshot.resources.get(name, _UNKNOWN_RESOURCE)
    return snapshot.gateway if family is Family.GATEWAY else snapshot.nodes.get(name, _UNKNOWN_NODE)


def number(value: Value) -> float | int | None:
    """Return a number a float32 can hold."""
    if isinstance(value, datetime) or not abs(value) <= _FLOAT32_MAX:  # "not" also catches NaN
        return None
    return value


def count(value: Value) -> int | None:
    """Return the low 32 bits of a whole number, which may wrap."""
    return None if isinstance(value, datetime) or not 0 <= value < math.inf else int(value) & U32


def code(value: Value) -> int | None:
    """Return a code of one register."""
    return None if isinstance(value, datetime) or not 0 <= value < _U16 else int(value)


def time(value: Value) -> int | None:
    """Return the seconds since 1970 of an instant, UTC."""
    if not isinstance(value, datetime):
        return None
    seconds = int(value.timestamp())
    return seconds if 0 <= seconds < U32 else None


WHOLE: dict[Kind, Callable[[Value], int | None]] = {
    Kind.COUNT: count,
    Kind.BITS: count,
    Kind.TIME: time,
    Kind.CODE: code,
}
"""Of each kind but NUMBER: its whole number, or None."""


def scaled(value: Value | None, kind: Kind, exponent: int, limit: int) -> int | None:
    """Return the raw whole number for which value = raw * 10**exponent, rounded to the nearest.

    None where there is no value, or where the raw number is beyond ``limit`` on either side: it is never clamped.
    """
    if value is None:
        return None
    if kind is Kind.NUMBER:
        found = number(value)
        raw = None if found is None else round(found * 10**-exponent if exponent < 0 else found / 10**exponent)
    else:
        raw = WHOLE[kind](value)
    return raw if raw is not None and abs(raw) <= limit else None
