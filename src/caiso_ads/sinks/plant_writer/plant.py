"""One controller as the machine sees it: items in MW, read and written over one connection.

Rule: it does what it is told, once, and repeats nothing. Of SunSpec the place and the scale factor are found again
with each new connection, because a controller that started again may be another one.
"""

from __future__ import annotations

from dataclasses import dataclass

from caiso_ads.sinks.plant_writer.client import Client
from caiso_ads.sinks.plant_writer.registers import Register
from caiso_ads.sinks.plant_writer.rules import Item, Reading
from caiso_ads.sinks.plant_writer.sunspec import find_704


@dataclass(frozen=True, slots=True)
class Coded:
    """A register that holds a whole number without a unit."""

    address: int


@dataclass(slots=True)
class Points:
    """Where each item stands. ``single`` writes one register by function 6; ``sunspec`` finds the rest by a scan."""

    powers: dict[Item, Register]
    coded: dict[Item, Coded]
    single: bool = False
    sunspec: bool = False

    def quantised(self, mw: float, low_mw: float, high_mw: float) -> float | None:
        """Return the power nearest to ``mw`` that the setpoint's register can hold between the limits."""
        register = self.powers.get(Item.SETPOINT)
        return None if register is None else register.quantised(mw, low_mw, high_mw)


class Plant:
    """A controller behind a connection."""

    def __init__(self, client: Client, points: Points) -> None:
        self._client, self._points = client, points

    async def read(self, pmax_mw: float | None) -> Reading:
        """Return everything. Raises PlantRefusedError or PlantUncertainError."""
        if self._points.sunspec and not self._client.is_open:
            await self._discover()
        found: dict[Item, float | None] = {}
        for item, register in self._points.powers.items():
            words = await self._client.read(register.address, register.count, register.function)
            found[item] = register.decode(words, pmax_mw)
        for item, coded in self._points.coded.items():
            found[item] = float((await self._client.read(coded.address, 1))[0])
        return found

    async def write(self, item: Item, value: float, pmax_mw: float | None) -> None:
        """Write one item, once. Raises PlantRefusedError, PlantUncertainError, or ValueError for what has no registers."""
        if item in self._points.coded:
            await self._client.write(self._points.coded[item].address, (int(value),), single=self._points.single)
            return
        register = self._points.powers[item]
        await self._client.write(register.address, register.encode(value, pmax_mw), single=self._points.single)

    def close(self) -> None:
        """Drop the connection."""
        self._client.close()

    async def _discover(self) -> None:
        base, scale = await find_704(self._client)
        self._points.powers[Item.SETPOINT] = Register(
            base.setpoint, "int32", scale=scale, unit="W", absent=-0x8000_0000
        )
        self._points.coded[Item.ENABLE] = Coded(base.enable)
        self._points.coded[Item.MODE] = Coded(base.mode)
