"""The registers and bits of the 2018 scripts, for plants that already poll them.

Rule: no quality travels with these floats; what is not confirmed, or is not the active price, is NaN. Low word first,
whatever the word order of the rest.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

from caiso_ads.core.points import NODE_POINTS, RESOURCE_POINTS, PointValue, values_of
from caiso_ads.core.quality import Quality
from caiso_ads.sinks.modbus import layout
from caiso_ads.sinks.modbus.encode import Value, number

Values = Sequence[Value | None]
"""The values of one resource, in the order of the catalogue."""
_RESOURCE = {point.key: index for index, point in enumerate(RESOURCE_POINTS)}
_NODE = {point.key: index for index, point in enumerate(NODE_POINTS)}


def registers(rows: Sequence[Sequence[PointValue]], nodes: Sequence[Sequence[PointValue]]) -> bytes:
    """Return the 100 registers for these resources and nodes; those beyond the old map's room are left out."""
    floats = [math.nan] * (layout.LEGACY_REGISTERS // 2)
    for index, items in enumerate(map(values_of, rows[: layout.LEGACY_RESOURCES])):
        for base, key in ((0, "dop_mw"), (layout.LEGACY_SUPPLEMENTAL // 2, "supplemental_mw")):
            value = items[_RESOURCE[key]]
            field = None if value is None else number(value)
            if field is not None:
                floats[base + index] = field
    first = layout.LEGACY_PRICES // 2
    for index, node in enumerate(nodes[: layout.LEGACY_NODES]):
        floats[first + 2 * index], floats[first + 2 * index + 1] = _prices(node)
    # low word first: all words of the little-endian form in order, each turned to big-endian bytes
    words = struct.unpack(f"<{layout.LEGACY_REGISTERS}H", struct.pack(f"<{len(floats)}f", *floats))
    return struct.pack(f">{layout.LEGACY_REGISTERS}H", *words)


def _prices(items: Sequence[PointValue]) -> tuple[float, float]:
    """Return published and active. No quality travels with them: what was not confirmed, or is not active, is NaN."""
    published, active = items[_NODE["published_lmp_usd_per_mwh"]], items[_NODE["active_lmp_usd_per_mwh"]]
    return (
        math.nan if items[_NODE["answer_age_s"]].value is None else _float_or_nan(published),
        _float_or_nan(active) if active.quality is Quality.GOOD else math.nan,
    )


def _float_or_nan(item: PointValue) -> float:
    field = None if item.value is None else number(item.value)
    return math.nan if field is None else float(field)


def _has(items: Values, key: str) -> bool:
    value = items[_RESOURCE[key]]
    return value is not None and number(value) is not None


def is_good(row: Sequence[PointValue]) -> bool:
    """Whether a resource has a good setpoint that a register can hold."""
    items = values_of(row)
    return items[_RESOURCE["quality"]] == Quality.GOOD and _has(items, "setpoint_mw")


def _young(items: Values, key: str) -> bool:
    age = items[_RESOURCE[key]]
    return isinstance(age, int | float) and age < layout.LEGACY_AGE_LIMIT_S


def bits(rows: Sequence[Sequence[PointValue]], nodes: Sequence[Sequence[PointValue]]) -> int:
    """Return the discrete inputs of a living loop, bit n at 2**n: the old ones, and one for each resource."""
    goods = [is_good(row) for row in rows]
    old = [values_of(row) for row in rows[: layout.LEGACY_RESOURCES]]
    flags = (
        bool(old) and all(good and _has(items, "dop_mw") for good, items in zip(goods, old, strict=False)),
        True,
        bool(old) and all(_young(items, "trajectory_age_s") for items in old),
        bool(old) and all(_young(items, "dispatch_age_s") for items in old),
    )
    found = sum(1 << index for index, flag in enumerate(flags) if flag)
    if nodes and not math.isnan(_prices(nodes[0])[1]):
        found |= 1 << layout.PRICE_BIT
    for index, good in enumerate(goods):
        if good:
            found |= 1 << (layout.RESOURCE_BITS + index)
    return found
