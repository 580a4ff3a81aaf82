"""Documents: what they say, that each says how good it is, and when a new one is made."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.core.points import NODE_POINTS, RESOURCE_POINTS, PointValue, Snapshot, index_of
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.sinks.mqtt.documents import Documents, state_document
from caiso_ads.sinks.mqtt.topics import Topics
from tests.sinks.modbus.snapshots import AT, IDS, nothing_known, resource, snapshot, values
from tests.sinks.mqtt.sending import context, good

TOPICS = Topics("p")
FIRST = TOPICS.resource(IDS[0])


def documents(**changes: Any) -> Documents:
    return Documents(context(**changes), TOPICS, 7, 20.0)


def due(made: Documents, shown: Snapshot, mono: float = 0.0) -> dict[str, Any]:
    return {topic: json.loads(document) for topic, document in made.due(shown, mono)}


def test_a_document_says_what_to_do_how_good_it_is_when_it_was_made_and_until_when_it_holds() -> None:
    shown = due(documents(), good(4))[FIRST]
    assert (shown["directive"], shown["directive_code"]) == ("FOLLOW", 1)
    assert (shown["quality"], shown["quality_code"], shown["reasons"], shown["reasons_code"]) == ("GOOD", 1, [], 0)
    assert (shown["id"], shown["name"]) == (IDS[0], f"name of {IDS[0]}")
    assert (shown["session"], shown["snapshot_id"], shown["sequence"]) == (7, 4, 1)
    assert (shown["at_utc"], shown["valid_until_utc"]) == ("2026-07-01T12:00:00Z", "2026-07-01T12:00:25Z")
    assert shown["watermark"].startswith("TEST DATA")
    assert list(shown["points"]) == [point.key for point in RESOURCE_POINTS]
    assert shown["points"]["setpoint_mw"] == {"value": 150.25, "quality": "GOOD", "unit": "MW"}
    assert shown["points"]["dot_target_time"]["value"] == "2026-07-01T12:00:00Z"


def test_what_is_not_known_is_null_and_a_resource_of_which_nothing_is_known_says_no_data() -> None:
    shown = due(documents(), nothing_known())[FIRST]
    assert (shown["directive"], shown["quality"]) == ("NO_DATA", "INIT")
    assert shown["points"]["setpoint_mw"] == {"value": None, "quality": "INIT", "unit": "MW"}
    assert due(documents(), good(1, setpoint_mw=math.nan))[FIRST]["points"]["setpoint_mw"]["value"] is None


@pytest.mark.parametrize("quality", list(Quality))
def test_each_quality_and_each_reason_stands_there_in_words(quality: Quality) -> None:
    shown = due(documents(), good(1, quality=quality, directive=Directive.HOLD, reasons=0b101))[FIRST]
    assert (shown["quality"], shown["points"]["setpoint_mw"]["quality"]) == (quality.name, quality.name)
    assert (shown["directive"], shown["reasons"]) == ("HOLD", ["ADS_UNREACHABLE", "INTERVAL_NOT_COVERED"])


def test_a_source_time_and_the_price_of_a_node_are_told() -> None:
    nodes = {"N": values(NODE_POINTS, {"quality": Quality.GOOD, "active_lmp_usd_per_mwh": 31.5}, Quality.GOOD)}
    row = list(resource())
    row[index_of("dot_mw")] = PointValue(5.0, Quality.GOOD, AT)
    price = {IDS[0]: PointValue(30.0, Quality.UNCERTAIN)}
    shown = replace(snapshot({IDS[0]: tuple(row), IDS[1]: resource()}), nodes=nodes, dot_prices=price)
    made = due(documents(nodes=("N",), node_names={"N": "Node"}, node_of={IDS[0]: "N"}), shown)
    assert made[FIRST]["points"]["dot_mw"]["source_time_utc"] == "2026-07-01T12:00:00Z"
    assert made[FIRST]["node"] == "N"
    assert made[FIRST]["points"]["dot_lmp_usd_per_mwh"]["value"] == 30.0
    assert made[TOPICS.node("N")]["points"]["active_lmp_usd_per_mwh"]["value"] == 31.5
    assert made[TOPICS.node("N")]["quality"] == "GOOD"


def test_only_what_changed_is_sent_and_the_gateway_each_time_because_it_is_the_heartbeat() -> None:
    made = documents()
    assert set(due(made, good(1))) == {TOPICS.gateway, *map(TOPICS.resource, IDS)}
    assert set(due(made, good(2, trajectory_age_s=11.0, dispatch_age_s=21.0))) == {TOPICS.gateway}
    later = snapshot({IDS[0]: resource(setpoint_mw=151.0), IDS[1]: resource()}, generation=3)
    sent = due(made, later)
    assert set(sent) == {TOPICS.gateway, FIRST}
    assert (sent[FIRST]["sequence"], sent[TOPICS.gateway]["sequence"]) == (2, 3)


def test_a_worse_quality_of_an_age_alone_is_a_change() -> None:
    made = documents()
    due(made, good(1))
    row = list(resource())
    place = index_of("trajectory_age_s")
    row[place] = row[place]._replace(quality=Quality.BAD_COMM)
    assert FIRST in due(made, snapshot({IDS[0]: tuple(row), IDS[1]: resource()}, generation=2))


def test_what_has_not_changed_is_sent_again_with_its_ages_before_a_reader_must_call_it_old() -> None:
    made = documents()
    due(made, good(1), mono=100.0)
    assert FIRST not in due(made, good(2, trajectory_age_s=29.0), mono=119.9)
    shown = good(3, trajectory_age_s=30.0)
    sent = due(made, replace(shown, at=AT + timedelta(seconds=20)), mono=120.0)[FIRST]
    assert (sent["at_utc"], sent["points"]["trajectory_age_s"]["value"]) == ("2026-07-01T12:00:20Z", 30.0)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(allow_nan=False), st.sampled_from(Quality), st.booleans()), min_size=1, max_size=6))
def test_a_document_made_of_changes_equals_one_made_anew(steps: list[tuple[float, Quality, bool]]) -> None:
    made = documents()
    for number, (mw, quality, known) in enumerate(steps, start=1):
        shown = good(number, quality=quality, setpoint_mw=mw if known else None, dispatch_age_s=float(number))
        due(made, shown, mono=100.0 * number)
        again = due(made, replace(shown, generation=number), mono=100.0 * number + 50.0)[FIRST]
        fresh = due(documents(), shown)[FIRST]
        assert {**again, "sequence": 0} == {**fresh, "sequence": 0}


def test_the_state_says_alive_or_dead_and_whose_life_it_is() -> None:
    said = json.loads(state_document(7, "DEAD", AT, "simulator"))
    assert (said["quality"], said["session"], said["at_utc"]) == ("DEAD", 7, "2026-07-01T12:00:00Z")
