"""The SunSpec image against SunSpec's own model files, and read by SunSpec's own client."""

from __future__ import annotations

import asyncio
import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sunspec2
from hypothesis import given
from hypothesis import strategies as st
from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP
from sunspec2.modbus.modbus import ModbusClientException

from caiso_ads.core.points import Snapshot
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.errors import ConfigError
from caiso_ads.sinks._trust import without_trust
from caiso_ads.sinks.modbus import Config, layout
from caiso_ads.sinks.modbus import sunspec as ours
from tests.sinks.modbus.snapshots import IDS, nothing_known, resource, serving, snapshot

PMAX = {"pmax_mw": 300.5}


def one(directive: Directive = Directive.FOLLOW, **known: Any) -> Snapshot:
    """Return a snapshot whose first resource is as said."""
    return snapshot({IDS[0]: resource(directive=directive, **{**PMAX, **known}), IDS[1]: resource()})


def points(shown: Snapshot) -> dict[str, Any]:
    return ours.controls(shown, IDS[0])


@pytest.mark.parametrize("model", ours.MODELS, ids=lambda model: str(model.number))
def test_names_types_and_offsets_are_those_of_sunspecs_own_files(model: ours.Model) -> None:
    path = Path(sunspec2.__file__).parent / "models" / "json" / f"model_{model.number}.json"
    group = json.loads(path.read_text(encoding="utf-8"))["group"]
    theirs = [(point["name"], point["type"], point["size"]) for point in group["points"]]
    for inner in group.get("groups", ()):
        theirs += [(f"{inner['name']}.{point['name']}", point["type"], point["size"]) for point in inner["points"]]
    at, placed = 0, []
    for name, kind, size in theirs:
        placed.append((at, name, f"string{size}" if kind == "string" else kind))
        at += size
    assert list(model.places()) == placed
    assert model.registers == at


def test_the_setpoint_is_enabled_only_while_it_is_to_be_followed() -> None:
    enabled = {directive: points(one(directive))["WSetEna"] for directive in Directive}
    assert enabled == {directive: int(directive is Directive.FOLLOW) for directive in Directive}
    remote = {directive: points(one(directive))["LocRemCtl"] for directive in Directive}
    assert remote == {directive: int(directive is not Directive.FOLLOW) for directive in Directive}


def test_the_setpoint_is_in_watts_and_in_percent_of_pmax() -> None:
    found = points(one())
    assert found["WSet"] * 10**2 == 150_250_000
    assert (found["WSetPct"], found["WMaxLimPct"]) == (5000, 5000)


def test_a_charging_setpoint_is_negative_and_is_no_limit() -> None:
    found = points(one(setpoint_mw=-30.05, curtailed=1))
    assert (found["WSet"], found["WSetPct"], found["WSetEna"]) == (-300_500, -1000, 1)
    assert "WMaxLimPct" not in found
    assert found["WMaxLimPctEna"] == 0


def test_the_limit_is_enabled_only_while_a_followed_resource_is_curtailed() -> None:
    assert points(one(curtailed=1))["WMaxLimPctEna"] == 1
    assert points(one(curtailed=0))["WMaxLimPctEna"] == 0
    assert points(one(Directive.HOLD, curtailed=1))["WMaxLimPctEna"] == 0


def test_what_is_not_known_is_not_implemented_and_never_zero() -> None:
    for shown in (nothing_known(), one(setpoint_mw=None), one(Directive.NO_DATA), replace(one(), resources={})):
        found = points(shown)
        assert not {"WSet", "WSetPct", "WMaxLimPct"} & set(found)
        assert (found["WSetEna"], found["WMaxLimPctEna"], found["LocRemCtl"]) == (0, 0, 1)
    for pmax in (None, 0.0, -1.0):
        found = points(one(pmax_mw=pmax))
        assert "WSetPct" not in found
        assert found["WSetEna"] == 1
    assert "WSet" not in points(one(setpoint_mw=1e9))  # beyond an int32
    assert points(one(setpoint_mw=1e9))["WSetEna"] == 0


def test_nothing_is_enabled_when_the_control_loop_stands_still() -> None:
    found = points(without_trust(one(curtailed=1)))
    assert (found["WSetEna"], found["WMaxLimPctEna"], found["LocRemCtl"]) == (0, 0, 1)
    assert found["WSet"] == 1_502_500


def test_both_heartbeats_are_the_gateways_and_wrap_never_to_not_implemented() -> None:
    found = points(replace(one(), gateway=snapshot(heartbeat=77).gateway))
    assert (found["DERHb"], found["ControllerHb"]) == (77, 77)
    assert "DERHb" not in points(snapshot(heartbeat=0xFFFFFFFF))


@given(
    st.sampled_from(Directive),
    st.none() | st.floats(allow_nan=True, allow_infinity=True, width=64),
    st.none() | st.floats(allow_nan=True, allow_infinity=True, width=64),
    st.sampled_from((None, 0, 1)),
)
def test_any_snapshot_gives_a_whole_image_whose_setpoint_is_the_points(
    directive: Directive, mw: float | None, pmax: float | None, curtailed: int | None
) -> None:
    data = ours.SunSpec(1, IDS[0]).render(one(directive, setpoint_mw=mw, pmax_mw=pmax, curtailed=curtailed))
    assert len(data) == 2 * ours.COUNT
    assert data[:4] == b"SunS"
    assert data[-4:] == b"\xff\xff\x00\x00"
    at = 2 * (2 + ours.MODELS[0].registers)
    enabled, _, raw = struct.unpack_from(">HHi", data, at + 2 * 22)
    if enabled:
        assert directive is Directive.FOLLOW
        assert mw is not None
        assert abs(raw / 10_000 - mw) <= 0.00005 + abs(mw) * 1e-12
    elif mw is None or directive is Directive.NO_DATA:
        assert raw == -0x80000000


def test_the_map_names_every_implemented_point_once_and_its_address() -> None:
    plan = Config(sunspec=True).plan((IDS[0],))
    rows = {row.key: row for row in layout.rows(plan) if row.key.startswith("sunspec")}
    assert (rows["sunspec"].pdu, rows["sunspec_704"].pdu, rows["sunspec_715"].pdu) == (40_000, 40_070, 40_137)
    assert (rows["sunspec_704_WSet"].pdu, rows["sunspec_704_WSet"].scale) == (40_094, 2)
    assert rows["sunspec_end"].pdu + 2 == 40_000 + ours.COUNT
    assert set(ours.MEANINGS) == {key.split("_", 2)[2] for key in rows if key.count("_") >= 2}


def test_each_resources_own_unit_has_its_image_and_the_unit_of_all_the_chosen_one() -> None:
    config = Config(sunspec=True, sunspec_resource=IDS[1], units="per-resource", unit_id=1, first_unit=10)
    found = [extra for extra in config.plan(IDS).extras if isinstance(extra, ours.SunSpec)]
    assert [(one.unit_id, one.resource_id) for one in found] == [(1, IDS[1]), (10, IDS[0]), (11, IDS[1])]
    assert Config().plan(IDS).extras == ()


@pytest.mark.parametrize(
    ("keys", "count", "key"),
    [
        ({}, 2, "sunspec_resource"),
        ({"sunspec_resource": "OTHER"}, 2, "sunspec_resource"),
        ({"native_base": 39_950}, 1, "sunspec"),
        ({"native_base": 40_100}, 1, "sunspec"),
    ],
)
def test_what_cannot_be_served_is_refused_with_its_key(keys: dict[str, Any], count: int, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config(sunspec=True, **keys).plan(IDS[:count])
    assert (caught.value.table, caught.value.key) == ("sinks.modbus", key)


def scan(port: int, unit: int) -> SunSpecModbusClientDeviceTCP:
    """Find and read every model, as SunSpec's own client does."""
    device = SunSpecModbusClientDeviceTCP(slave_id=unit, ipaddr="127.0.0.1", ipport=port, timeout=5)
    device.scan()
    device.close()
    return device


@pytest.mark.slow
async def test_sunspecs_own_client_scans_reads_and_scales_it_and_cannot_write() -> None:
    first = one(setpoint_mw=-123.4567, curtailed=1)
    async with serving(first, sunspec=True, units="per-resource", first_unit=10) as running:
        device = await asyncio.to_thread(scan, running.port, 10)
        assert [key for key in device.models if isinstance(key, int)] == [1, 704, 715]
        common, controls, control = (device.models[number][0] for number in (1, 704, 715))
        assert (common.Mn.value, common.SN.value, common.DA.value, common.Opt.value) == ("caiso-ads", IDS[0], 10, None)
        assert (controls.WSet.cvalue, controls.WSet.value) == (-123_456_700, -1_234_567)
        assert controls.WSetPct.cvalue == pytest.approx(-41.08)
        assert (controls.WSetEna.value, controls.WSetMod.value, controls.L.value) == (1, 1, 65)
        assert [controls.points[name].value for name in ("WMaxLimPct", "WSetRvrt", "VarSet", "WRmp")] == [None] * 4
        assert (control.LocRemCtl.value, control.DERHb.value, control.OpCtl.value) == (0, 5, None)
        held = resource(Quality.BAD_COMM, directive=Directive.HOLD, **PMAX)
        running.feed.publish(snapshot({IDS[0]: held, IDS[1]: resource()}, generation=2, heartbeat=6))
        after = (await asyncio.to_thread(scan, running.port, 10)).models
        assert (after[704][0].WSetEna.value, after[704][0].WSet.cvalue) == (0, 150_250_000)
        assert after[715][0].LocRemCtl.value == 1

        def write() -> None:
            controls.WSet.cvalue = 0
            try:
                controls.WSet.write()
            finally:
                device.close()

        with pytest.raises(ModbusClientException):
            await asyncio.to_thread(write)
        assert running.counters.writes_refused == 1
