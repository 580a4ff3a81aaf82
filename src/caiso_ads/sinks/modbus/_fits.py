"""Whether all blocks, twins and units of a plan fit beside each other; ConfigError names the key that is wrong.

Rule: this is found at start, never by a master that reads one thing where it was told another.
"""

from __future__ import annotations

from dataclasses import dataclass

from caiso_ads.errors import ConfigError
from caiso_ads.sinks.modbus import layout, scaled, sunspec
from caiso_ads.sinks.modbus.layout import Plan

_REGISTERS = 65_536
_LAST_UNIT = 247  # Spec: MODBUS over serial line V1.02 §2.2; gateways and masters keep to it on TCP


@dataclass(frozen=True, slots=True)
class _Region:
    """So many blocks of one size for so many things, from a key's address on."""

    key: str
    name: str
    base: int
    size: int
    before: int  # blocks of the gateway itself
    things: int
    noun: str

    @property
    def end(self) -> int:
        return self.base + self.size * (self.before + self.things)


def check(plan: Plan, scaled_base: int, scaled_price_base: int) -> None:
    """Raise ConfigError where something reaches beyond the last register, lies in something else, or has no unit."""
    regions = _regions(plan, scaled_base, scaled_price_base)
    for index, one in enumerate(regions):
        if one.end > _REGISTERS:
            room = max(0, (_REGISTERS - one.base) // one.size - one.before)
            problem = f"{one.things} {one.noun} do not fit; from {one.base} there is room for {room}"
            raise _wrong(one.key, problem, f"lower {one.key} or split")
        for other in regions[:index]:
            if one.base < other.end and other.base < one.end:
                end = f"which ends before register {other.end}"
                problem = f"{one.base} lies within {other.name}, {end}"
                if one.base < other.base:
                    problem = f"from {one.base} its registers reach into {other.name}, {end}"
                raise _wrong(one.key, problem, f"set it to {other.end} or more")
    _check_units(plan)


def _regions(plan: Plan, scaled_base: int, scaled_price_base: int) -> list[_Region]:
    resources, nodes = len(plan.resource_ids), len(plan.node_ids)
    found = [_Region("native_base", "the native map", plan.native_base, layout.BLOCK, 1, resources, "resources")]
    if nodes:
        found.append(_Region("price_base", "the pricing nodes", plan.price_base, layout.BLOCK, 0, nodes, "nodes"))
    if plan.legacy:
        found.append(_Region("legacy_map", "the legacy map", 0, layout.LEGACY_REGISTERS, 1, 0, ""))
    size = scaled.BLOCKS
    if scaled_base:
        found.append(_Region("scaled_base", "the scaled values", scaled_base, size, 1, resources, "resources"))
    if scaled_price_base and nodes:
        name = "the scaled values of the nodes"
        found.append(_Region("scaled_price_base", name, scaled_price_base, size, 0, nodes, "nodes"))
    if any(isinstance(extra, sunspec.SunSpec) for extra in plan.extras):
        found.append(_Region("sunspec", "the SunSpec image", sunspec.BASE, sunspec.COUNT, 1, 0, ""))
    return found


def _check_units(plan: Plan) -> None:
    if plan.first_unit is None or not plan.resource_ids:
        return
    first, last = plan.first_unit, plan.unit_ids[-1]
    if last > _LAST_UNIT:
        problem = f"{len(plan.resource_ids)} units from {first} on end at {last}; the last unit ID is {_LAST_UNIT}"
        raise _wrong("first_unit", problem, "lower first_unit, or serve all resources in one unit")
    if first <= plan.unit_id <= last:
        problem = f"the units {first} to {last} of the resources hold unit_id {plan.unit_id}, which has the whole map"
        raise _wrong("first_unit", problem, f"set it beyond {plan.unit_id}, or unit_id beyond {last}")


def _wrong(key: str, problem: str, cure: str) -> ConfigError:
    return ConfigError(problem, table="sinks.modbus", key=key, cure=cure)
