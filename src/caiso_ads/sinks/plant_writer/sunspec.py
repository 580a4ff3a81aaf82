"""Finds model 704 (DER AC controls) in a controller that speaks SunSpec, and the scale of its active power setpoint.

Spec: SunSpec Device Information Model, "SunS" at 40000, 0 or 50000, then one model behind the other; model 704:
WSetEna, WSetMod, WSet (int32, W) and WSet_SF. Rule: where anything is not as it must be, nothing is found.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from caiso_ads.sinks.plant_writer.frames import PlantRefusedError, PlantUncertainError

BASES = (40_000, 0, 50_000)
MODE_WATTS = 1

_SIGN = (0x5375, 0x6E53)  # "SunS"
_MODEL, _END = 704, 0xFFFF
_ENABLE, _MODE, _SETPOINT, _SCALE = 22, 23, 24, 55
_MOST_MODELS = 100
_SCALES = range(-10, 11)


class Place(NamedTuple):
    """The registers of the active power setpoint."""

    enable: int
    mode: int
    setpoint: int


class Reader(Protocol):
    """What reads registers."""

    async def read(self, address: int, count: int, function: int = 3) -> tuple[int, ...]:
        """Return so many registers."""


async def find_704(reader: Reader) -> tuple[Place, float]:
    """Return where it stands and the factor of WSet (W). Raises PlantUncertainError when it is not there."""
    for base in BASES:
        try:
            found = await reader.read(base, 2)
        except PlantRefusedError:
            continue  # nothing at this place
        if found == _SIGN:
            return await _model(reader, base + 2)
    raise PlantUncertainError("no SunSpec map at 40000, 0 or 50000")


async def _model(reader: Reader, address: int) -> tuple[Place, float]:
    for _ in range(_MOST_MODELS):
        if address + 2 > 65_536:
            break
        model, length = await reader.read(address, 2)
        if model == _END:
            break
        if model == _MODEL and length + 2 > _SCALE and address + _SCALE < 65_536:
            return Place(address + _ENABLE, address + _MODE, address + _SETPOINT), await _scale(
                reader, address + _SCALE
            )
        address += 2 + length
    raise PlantUncertainError("the SunSpec map has no model 704")


async def _scale(reader: Reader, address: int) -> float:
    (raw,) = await reader.read(address, 1)
    exponent = raw - 0x1_0000 if raw & 0x8000 else raw
    if exponent not in _SCALES:
        raise PlantUncertainError("SunSpec model 704 has no scale for WSet")
    return float(10.0**exponent)
