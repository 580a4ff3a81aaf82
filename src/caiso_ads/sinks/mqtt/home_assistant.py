"""Home Assistant's MQTT discovery: a sensor for each point, described by retained documents of its own topics. Pure.

Rule: Home Assistant shows no quality beside a number, so a number is available there only while we are ALIVE and its
quality is GOOD; the words that say why not stay. Interpretation: an override (FORCED) is not the ISO's word, so its
number is not available either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS, Kind, Point
from caiso_ads.ports import SinkContext
from caiso_ads.sinks._mqtt_config import EXPIRY_S
from caiso_ads.sinks.mqtt.topics import Topics

_FIRST = frozenset({"directive", "quality", "setpoint_mw", "dot_mw", "active_lmp_usd_per_mwh"})
_WORDED = frozenset({"directive", "reasons", "quality", "published_quality", "notices", "environment"})
_MEASURES = (Kind.NUMBER, Kind.TIME)


def discovery(prefix: str, topics: Topics, context: SinkContext) -> Iterator[tuple[str, bytes]]:
    """Yield topic and document of each sensor's description; most are disabled until a user wants them."""
    yield from _device(prefix, topics, topics.gateway, f"gateway {topics.prefix}", GATEWAY_POINTS)
    for one in context.resource_ids:
        yield from _device(prefix, topics, topics.resource(one), context.names.get(one, one), RESOURCE_POINTS)
    for one in context.nodes:
        yield from _device(prefix, topics, topics.node(one), context.node_names.get(one, one), NODE_POINTS)


def _device(prefix: str, topics: Topics, topic: str, name: str, points: Sequence[Point]) -> Iterator[tuple[str, bytes]]:
    # Different identifiers may look alike once made safe; the hash keeps them apart.
    mark = f"{re.sub('[^A-Za-z0-9_-]', '_', topic)[:60]}_{sha256(topic.encode()).hexdigest()[:8]}"
    device = {"identifiers": [mark], "name": name, "manufacturer": "caiso-ads"}
    for point in points:
        yield (
            f"{prefix}/sensor/{mark}/{point.key}/config",
            msgspec.json.encode(_sensor(point, topics, topic, mark) | {"device": device}),
        )


def _sensor(point: Point, topics: Topics, topic: str, mark: str) -> dict[str, Any]:
    place = f"value_json.points.{point.key}"
    said: dict[str, Any] = {
        "name": point.key.replace("_", " "),
        "unique_id": f"{mark}_{point.key}",
        "state_topic": topic,
        "value_template": f"{{{{ {place}.{'word' if point.key in _WORDED else 'value'} }}}}",
        "expire_after": EXPIRY_S,
        "enabled_by_default": point.key in _FIRST,
        "availability_mode": "all",
        "availability": [_available(topics.state, "{{ value_json.quality }}", "ALIVE")],
    }
    if point.kind is Kind.TIME:
        said["device_class"] = "timestamp"
    elif point.unit:
        said["unit_of_measurement"] = point.unit
    if point.kind in _MEASURES:
        said["availability"].append(_available(topic, f"{{{{ {place}.quality }}}}", "GOOD"))
    return said


def _available(topic: str, template: str, word: str) -> dict[str, str]:
    # The template's text is compared with both words: whatever is not the first must become the second.
    inner = template.removeprefix("{{ ").removesuffix(" }}")
    both = f"{{{{ 'yes' if {inner} == '{word}' else 'no' }}}}"
    return {"topic": topic, "value_template": both, "payload_available": "yes", "payload_not_available": "no"}
