"""Metrics: births say everything, data what changed, nothing that is not known is a number, nothing bad is 192."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS, PointValue
from caiso_ads.core.quality import Quality
from caiso_ads.sinks.sparkplug.metrics import QUALITY, Metrics, death
from tests.sinks.modbus.snapshots import AT, IDS, nothing_known, resource, snapshot, values
from tests.sinks.mqtt.mosquitto import Heard
from tests.sinks.mqtt.sending import context, good
from tests.sinks.sparkplug.reading import Host, read, value

DEVICE = f"resource:{IDS[0]}"


def heard(messages: Any) -> list[Heard]:
    return [
        Heard(f"spBv1.0/g/{kind}/e" + (f"/{device}" if device else ""), False, 0, payload)
        for kind, device, payload in messages
    ]


def metrics(**changes: Any) -> Metrics:
    return Metrics(context(**changes), 42, 20.0)


def test_a_birth_names_every_point_once_with_type_alias_quality_and_unit() -> None:
    made = heard(metrics().births(good(1), 0.0))
    assert [one.topic.split("/")[2] for one in made] == ["NBIRTH", "DBIRTH", "DBIRTH"]
    host = Host().take(made)
    assert {key for device, key in host.values if device == DEVICE} >= {point.key for point in RESOURCE_POINTS}
    assert {key for device, key in host.values if not device} >= {point.key for point in GATEWAY_POINTS}
    assert (host.values["", "bdSeq"], host.values["", "Node Control/Rebirth"]) == (42, 0)
    assert host.values[DEVICE, "setpoint_mw"] == 150.25
    assert host.values[DEVICE, "dot_target_time"] == int(AT.timestamp() * 1000)
    assert host.values[DEVICE, "snapshot_id"] == 1
    found = {one["name"]: one for one in read(made[1].payload)["metrics"]}["setpoint_mw"]
    assert found["properties"]["keys"] == ["Quality", "engUnit"]
    assert found["properties"]["values"][1]["string_value"] == "MW"
    assert found["timestamp"] == int(AT.timestamp() * 1000)


def test_what_is_not_known_is_null() -> None:
    host = Host().take(heard(metrics().births(nothing_known(), 0.0)))
    assert host.values[DEVICE, "setpoint_mw"] is None
    assert host.values[DEVICE, "directive"] == 0
    host = Host().take(heard(metrics().births(good(1, setpoint_mw=math.nan), 0.0)))
    assert host.values[DEVICE, "setpoint_mw"] is None


@pytest.mark.parametrize("quality", list(Quality))
def test_only_good_is_192(quality: Quality) -> None:
    assert set(QUALITY) == set(Quality)
    host = Host().take(heard(metrics().births(good(1, quality=quality), 0.0)))
    assert (host.qualities[DEVICE, "setpoint_mw"] == 192) == (quality is Quality.GOOD)
    assert host.qualities[DEVICE, "setpoint_mw"] in {192, 500, 0}


def test_data_holds_only_what_changed_by_alias() -> None:
    made = metrics()
    host = Host().take(heard(made.births(good(1), 0.0)))
    assert heard(made.data(good(2, trajectory_age_s=11.0), 1.0)) == []
    rows = {IDS[0]: resource(setpoint_mw=7.0, trajectory_age_s=12.0), IDS[1]: resource()}
    (sent,) = heard(made.data(snapshot(rows, generation=3), 2.0))
    assert sent.topic.endswith(f"DDATA/e/{DEVICE}")
    found = read(sent.payload)["metrics"]
    assert [host.names[one["alias"]][1] for one in found] == ["snapshot_id", "setpoint_mw", "trajectory_age_s"]
    assert host.take([sent]).values[DEVICE, "setpoint_mw"] == 7.0


def test_ages_are_sent_again_each_refresh() -> None:
    made = metrics()
    host = Host().take(heard(made.births(good(1), 0.0)))
    assert heard(made.data(good(2, trajectory_age_s=29.0), 19.0)) == []
    host.take(heard(made.data(good(3, trajectory_age_s=30.0), 20.0)))
    assert host.values[DEVICE, "trajectory_age_s"] == 30.0


def test_seq_wraps_after_255_and_starts_anew_with_a_birth() -> None:
    made, host = metrics(), Host()
    host.take(heard(made.births(good(1), 0.0)))
    for number in range(130):  # two devices each: more than 256 messages
        host.take(heard(made.data(good(number + 2, setpoint_mw=float(number)), 0.0)))
    host.take(heard(made.births(good(999), 0.0)))
    assert host.values[DEVICE, "snapshot_id"] == 999


def test_nodes_are_devices_and_a_resource_has_the_price_of_its_own() -> None:
    nodes = {"N/1": values(NODE_POINTS, {"quality": Quality.GOOD, "active_lmp_usd_per_mwh": -3.5}, Quality.GOOD)}
    price = {IDS[0]: PointValue(30.0, Quality.GOOD)}
    made = metrics(nodes=("N/1",), node_of={IDS[0]: "N/1"})
    host = Host().take(heard(made.births(replace(good(1), nodes=nodes, dot_prices=price), 0.0)))
    assert host.values["node:N%2F1", "active_lmp_usd_per_mwh"] == -3.5
    assert host.values[DEVICE, "dot_lmp_usd_per_mwh"] == 30.0


@settings(max_examples=25)
@given(st.lists(st.tuples(st.none() | st.floats(allow_nan=False), st.sampled_from(Quality)), min_size=1, max_size=8))
def test_a_host_that_heard_the_changes_knows_what_a_host_of_a_new_birth_knows(steps: list[Any]) -> None:
    made, host = metrics(), Host()
    host.take(heard(made.births(nothing_known(), 0.0)))
    shown = nothing_known()
    for number, (mw, quality) in enumerate(steps, start=1):
        shown = good(number, setpoint_mw=mw, quality=quality)
        host.take(heard(made.data(shown, float(number))))
    other = Host().take(heard(metrics().births(shown, 0.0)))
    settled = {key: known for key, known in other.values.items() if key[1] != "snapshot_id"}
    assert {key: host.values[key] for key in settled} == settled
    assert host.qualities == other.qualities


def test_the_death_has_the_number_of_its_birth_and_no_seq() -> None:
    found = read(death(42, AT))
    assert "seq" not in found
    assert [(one["name"], value(one)) for one in found["metrics"]] == [("bdSeq", 42)]
