"""Model 704 is found where SunSpec may stand, and nothing is guessed where it is not."""

from __future__ import annotations

import pytest

from caiso_ads.sinks.plant_writer.frames import PlantRefusedError, PlantUncertainError
from caiso_ads.sinks.plant_writer.sunspec import BASES, find_704


def image(base: int, scale: int = 3, *, length: int = 65, before: int = 66) -> dict[int, int]:
    """Return a map with models 1 and 704 and the end."""
    registers = {base: 0x5375, base + 1: 0x6E53, base + 2: 1, base + 3: before}
    at = base + 4 + before
    registers |= {at: 704, at + 1: length, at + 55: scale & 0xFFFF}
    registers |= {at + 2 + length: 0xFFFF, at + 3 + length: 0}
    return registers


class Registers:
    def __init__(self, registers: dict[int, int]) -> None:
        self.registers = registers

    async def read(self, address: int, count: int, function: int = 3) -> tuple[int, ...]:
        if address not in self.registers:
            raise PlantRefusedError(2)
        return tuple(self.registers.get(address + one, 0) for one in range(count))


@pytest.mark.parametrize("base", BASES)
async def test_it_is_found_at_each_base(base: int) -> None:
    place, factor = await find_704(Registers(image(base, -2)))
    assert place == (base + 70 + 22, base + 70 + 23, base + 70 + 24)
    assert factor == 0.01


@pytest.mark.parametrize(
    "registers",
    [
        {},
        {40_000: 1, 40_001: 2},
        image(40_000, -0x8000),
        image(40_000, 11),
        image(40_000, length=50),
        {40_000: 0x5375, 40_001: 0x6E53, 40_002: 0xFFFF, 40_003: 0},
        {40_000: 0x5375, 40_001: 0x6E53, 40_002: 1, 40_003: 65_000},
    ],
)
async def test_what_is_not_there_is_not_guessed(registers: dict[int, int]) -> None:
    with pytest.raises((PlantUncertainError, PlantRefusedError)):
        await find_704(Registers(registers))


async def test_a_map_without_an_end_is_not_followed_for_ever() -> None:
    endless = {40_000: 0x5375, 40_001: 0x6E53} | {40_002 + 2 * n: 1 for n in range(12_000)}
    with pytest.raises(PlantUncertainError, match="no model 704"):
        await find_704(Registers(endless))
