"""One unit for each resource: the same addresses in each, nothing of another resource, and what else may stand there."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from caiso_ads.core.points import Snapshot
from caiso_ads.core.quality import Quality
from caiso_ads.sinks.modbus import Config
from caiso_ads.sinks.modbus.image import Renderer
from caiso_ads.sinks.modbus.layout import Row
from tests.sinks.modbus.snapshots import IDS, resource, snapshot

MIXED = snapshot({IDS[0]: resource(), IDS[1]: resource(Quality.BAD_STALE, setpoint_mw=-7.5)}, generation=6)


def views(**keys: Any) -> Any:
    plan = Config(units="per-resource", unit_id=1, **keys).plan(IDS, ("N",))
    return Renderer(plan).render(MIXED).units


def test_each_unit_has_the_header_and_its_own_block_at_the_addresses_of_the_first() -> None:
    units = views()
    whole = units[1].registers(1000, 120) + units[1].registers(1120, 120) + units[1].registers(1240, 60)
    assert units[2].registers(1000, 100) == units[3].registers(1000, 100) == whole[:200]
    assert units[2].registers(1100, 100) == whole[200:400]
    assert units[3].registers(1100, 100) == whole[400:600]
    assert units[3].registers(1090, 20) == whole[180:200] + whole[400:420]


@pytest.mark.parametrize("address", [0, 99, 999, 1200, 30_000, 30_099])
def test_a_resource_unit_has_nothing_of_the_rest(address: int) -> None:
    units = views()
    assert (units[1].registers(address, 1) is None) == (address == 999)
    assert units[2].registers(address, 1) is None


def test_the_bit_of_each_unit_is_its_resources_own() -> None:
    units = views()
    assert units[1].discrete(100, 2) == b"\x01"
    assert [units[n].discrete(100, 1) for n in (2, 3)] == [b"\x01", b"\x00"]
    assert [units[2].discrete(address, n) for address, n in ((0, 1), (99, 2), (101, 1), (100, 2))] == [None] * 4


def test_a_unit_the_plan_does_not_have_has_no_view() -> None:
    with pytest.raises(KeyError):
        views()[4]


def test_without_the_loop_no_unit_is_good() -> None:
    plan = Config(units="per-resource").plan(IDS)
    units = Renderer(plan).render(MIXED, live=False).units
    assert [units[n].discrete(100, 1) for n in (1, 2, 3)] == [b"\0"] * 3
    assert struct.unpack_from(">I", units[2].registers(1100, 100) or b"", 28) == (0,)


@dataclass(eq=False)
class Own:
    """An extra that says how often it was made."""

    unit_id: int
    base: int
    table: str
    count: int
    data: bytes
    made: list[Snapshot] = field(default_factory=list)

    def rows(self) -> list[Row]:
        return []

    def render(self, snapshot: Snapshot) -> bytes:
        self.made.append(snapshot)
        return self.data


def test_an_extra_is_made_on_its_first_read_and_once_for_a_snapshot() -> None:
    own = Own(1, 1300, "register", 2, b"\x01\x02\x03\x04")
    plan = replace(Config(legacy_map=False).plan(IDS), extras=(own,))
    view = Renderer(plan).render(MIXED).units[1]
    assert view.registers(1000, 100) is not None
    assert own.made == []
    assert [view.registers(1301, 1), view.registers(1300, 2), view.registers(1302, 1)] == [b"\3\4", b"\1\2\3\4", None]
    assert view.registers(1299, 2) == b"\x00\x06\x01\x02"  # over the end of the last block
    assert own.made == [MIXED]


def test_bits_of_an_extra_stand_beside_the_others_and_only_in_its_unit() -> None:
    own = Own(3, 1000, "bit", 12, b"\x05\x08")  # at the address of the native registers, which are another table
    plan = replace(Config(units="per-resource").plan(IDS), extras=(own,))
    units = Renderer(plan).render(MIXED).units
    assert units[3].discrete(1000, 12) == b"\x05\x08"
    assert units[3].discrete(1002, 10) == b"\x01\x02"
    assert units[3].discrete(1000, 13) is None
    assert units[1].discrete(1000, 1) is units[2].discrete(1000, 1) is None
    assert units[3].registers(1000, 1) == b"\x00\x00"
