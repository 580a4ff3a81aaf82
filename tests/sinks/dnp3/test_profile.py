"""The points of IEEE 1815.2: in W and in tenths of a percent, with the flags of what they show, beside the catalogue's."""

from __future__ import annotations

from typing import Any

import pytest

from caiso_ads.core.quality import Directive, Quality
from caiso_ads.errors import ConfigError
from caiso_ads.ports import SinkContext
from caiso_ads.sinks.dnp3 import Config
from caiso_ads.sinks.dnp3.profile import ProfilePlan
from caiso_ads.sinks.dnp3.values import UNKNOWN
from tests.fakes import FakeClock, MemoryStore
from tests.sinks.dnp3.master import CLASS_1
from tests.sinks.dnp3.test_server import running
from tests.sinks.modbus.snapshots import IDS, nothing_known, resource, snapshot

TARGET, ENABLED, LIMITED = ("AI", 213), ("BI", 75), ("BI", 69)


def shown(**known: Any) -> dict[Any, Any]:
    plan = ProfilePlan(IDS[0])
    made = snapshot({IDS[0]: resource(**known), IDS[1]: resource()})
    return {("AI", at): one for at, one in plan.analogs(made)} | {("BI", at): one for at, one in plan.binaries(made)}


def test_the_target_is_in_watts_and_a_limit_also_in_tenths_of_a_percent() -> None:
    found = shown(setpoint_mw=25.0, max_constraint_mw=80.0, min_constraint_mw=-10.0, pmax_mw=160.0)
    assert found == {
        TARGET: (25_000_000, 1),
        ENABLED: (1, 1),
        LIMITED: (1, 1),
        ("AI", 148): (500, 1),
        ("AI", 149): (-62, 1),
        ("AI", 619): (80_000_000, 1),
        ("AI", 620): (-10_000_000, 1),
    }


def test_what_is_not_known_is_offline_and_never_zero_and_more_than_an_int32_is_overrange() -> None:
    found = shown(max_constraint_mw=80.0, pmax_mw=None)
    assert found["AI", 148][0] == found["AI", 149][0] == UNKNOWN
    assert not (found["AI", 148][1] | found["AI", 149][1]) & 1
    assert found["AI", 620][0] == UNKNOWN
    assert shown(setpoint_mw=2500.0)[TARGET] == (2**31 - 1, 0x20)
    nothing = dict(ProfilePlan("other").analogs(nothing_known()))
    assert set(nothing.values()) == {(UNKNOWN, 2)}


def test_every_point_shown_is_listed_and_the_other_way_round() -> None:
    assert {(one.type, one.number) for one in ProfilePlan(IDS[0]).entries()} == set(shown())


async def test_each_resource_is_an_outstation_of_its_own_beside_the_catalogue() -> None:
    held = resource(Quality.BAD_COMM, directive=Directive.HOLD, reasons=1)
    async with running(snapshot(generation=1), profile="1815.2", profile_address=1000) as rig:
        master = await rig.master()
        assert (await master.read())["AI", 103] == (150_250, 1)
        master.destination = 1001
        assert (await master.read())[TARGET] == (150_250_000, 1)
        await rig.publish(snapshot({IDS[0]: resource(), IDS[1]: held}, generation=2))
        events = await master.read(CLASS_1)
        assert (events[TARGET], events[ENABLED]) == ((150_250_000, 4), (0, 4))
        master.destination = 1000
        assert await master.read(CLASS_1) == {}
        await master.request(5, b"")
    assert rig.evidence.reads[:3] == [("dnp3", "127.0.0.1", at, one) for at, one in ((10, 1), (1001, 1), (1001, 2))]
    assert rig.evidence.refusals == [("dnp3", "127.0.0.1", "control (function 5)")]


def test_addresses_that_overlap_are_refused() -> None:
    context = SinkContext(IDS, {}, "simulator", MemoryStore(), FakeClock())
    for address in (9, 10, 65_519):
        with pytest.raises(ConfigError, match="must not hold"):
            Config(profile="1815.2", profile_address=address).build(context)
    Config(profile="1815.2", profile_address=11).build(context)
