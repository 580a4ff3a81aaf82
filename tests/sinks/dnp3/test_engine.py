from __future__ import annotations

from caiso_ads.core.quality import Quality
from caiso_ads.sinks.dnp3.engine import Engine
from caiso_ads.sinks.dnp3.plan import Plan
from tests.sinks.modbus.snapshots import IDS, nothing_known, resource, snapshot


def engine(limit: int = 1000) -> Engine:
    made = Engine(Plan(IDS), 10, limit)
    made.apply(nothing_known())
    return made


def test_the_first_load_makes_no_events() -> None:
    assert engine().events == 0


def test_what_did_not_change_makes_no_event() -> None:
    made = engine()
    made.apply(snapshot(generation=1))
    before = made.events
    made.apply(snapshot(generation=2, heartbeat=6))  # the heartbeat has no class
    assert made.events == before > 0
    assert made.generation == 2


def test_more_points_than_the_library_allows_by_default_fit() -> None:
    ids = tuple(map(str, range(200)))
    made = Engine(Plan(ids), 10, 1000)
    made.apply(snapshot(dict.fromkeys(ids, resource())))
    assert len(made.database.analog_inputs) > 6_000


def test_each_class_keeps_so_many_events_and_no_more() -> None:
    made = engine(limit=100)
    for generation in range(1, 100):
        quality = Quality.GOOD if generation % 2 else Quality.BAD_COMM
        made.apply(snapshot(dict.fromkeys(IDS, resource(quality)), generation=generation))
    assert max(made.database.event_buffer.class1.count, made.database.event_buffer.class2.count) == 100
