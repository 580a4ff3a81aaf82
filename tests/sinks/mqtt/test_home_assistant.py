"""Home Assistant's descriptions: a sensor for each point, and no number is available that is not good."""

from __future__ import annotations

import json
from typing import Any

from caiso_ads.core.points import GATEWAY_POINTS, RESOURCE_POINTS
from caiso_ads.sinks.mqtt.home_assistant import discovery
from caiso_ads.sinks.mqtt.topics import Topics
from tests.sinks.modbus.snapshots import IDS
from tests.sinks.mqtt.sending import context

TOPICS = Topics("p")
MADE = {topic: json.loads(text) for topic, text in discovery("homeassistant", TOPICS, context())}


def sensor(key: str) -> Any:
    return next(
        one for one in MADE.values() if one["state_topic"] == TOPICS.resource(IDS[0]) and key in one["unique_id"]
    )


def test_every_point_has_a_sensor_with_its_unit() -> None:
    assert len(MADE) == len(GATEWAY_POINTS) + 2 * len(RESOURCE_POINTS)
    assert sensor("_setpoint_mw")["unit_of_measurement"] == "MW"
    assert sensor("_dot_target_time")["device_class"] == "timestamp"
    assert len({one["unique_id"] for one in MADE.values()}) == len(MADE)
    assert all(set(topic) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/") for topic in MADE)


def test_a_number_is_available_only_while_we_live_and_it_is_good_and_the_words_always_while_we_live() -> None:
    first, second = sensor("_setpoint_mw")["availability"]
    assert first["topic"] == TOPICS.state
    assert first["value_template"] == "{{ 'yes' if value_json.quality == 'ALIVE' else 'no' }}"
    assert second["topic"] == TOPICS.resource(IDS[0])
    assert second["value_template"] == "{{ 'yes' if value_json.points.setpoint_mw.quality == 'GOOD' else 'no' }}"
    assert sensor("_setpoint_mw")["availability_mode"] == "all"
    assert len(sensor("_reasons")["availability"]) == 1
    assert sensor("_reasons")["value_template"] == "{{ value_json.points.reasons.word }}"
