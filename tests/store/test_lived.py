"""The records of the gateway's own life, read beside it, also of a database from before there were any."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from caiso_ads.core.intervals import Outage, Span
from caiso_ads.core.lived import NOTHING, Distrust, Forced, Lived
from caiso_ads.core.override import Cleared, Override
from caiso_ads.store import engine, migrate, schema
from caiso_ads.store.lived import LivedReader
from caiso_ads.store.past import Past
from caiso_ads.store.sqlite import SqlStore, open_core
from tests.store.making import LATER, NOON

HOUR = timedelta(hours=1)
ONE = Override("UNIT_0", 50.0, None, "relay test", "alice", NOON, NOON + HOUR)


def lived(path: Path, hours: float = 12.0) -> Lived:
    with LivedReader(path) as reader:
        return reader.between(NOON, NOON + hours * HOUR)


async def test_everything_recorded_comes_back(store: SqlStore) -> None:
    await store.record_outage(NOON, LATER, "restart")
    await store.record_distrust(NOON, LATER, -600.0)
    await store.record_trust(LATER, 0.5)
    await store.record_store_failure(NOON, LATER)
    await store.record_override(ONE, {})
    two = replace(ONE, since=LATER)
    await store.record_override(two, {})
    await store.record_override_cleared(Cleared("UNIT_0", "done", "bob", NOON + HOUR / 2), {})
    three = replace(ONE, resource_id="UNIT_1")
    await store.record_override(three, {})
    expected = Lived(
        (Outage(NOON, LATER, "restart"),),
        (Forced(ONE, LATER), Forced(two, NOON + HOUR / 2), Forced(three, None)),
        (Distrust(NOON, LATER, -600.0, 0.5),),
        (Span(NOON, LATER),),
    )
    assert lived(store.path) == expected
    await store.record_ended(NOON + 3 * HOUR)
    assert lived(store.path) == expected, "an end by time says nothing new"


async def test_what_does_not_touch_the_window_is_left_out_and_what_lasts_is_in(store: SqlStore) -> None:
    old = NOON - 5 * HOUR
    await store.record_outage(old, old + HOUR, "restart")
    await store.record_store_failure(old, old + HOUR)
    await store.record_override(replace(ONE, since=old, until=old + HOUR), {})
    assert lived(store.path) == NOTHING
    await store.record_distrust(old, old, None)
    assert lived(store.path).distrusts == (Distrust(old, None, None, None),)


def test_a_database_of_the_first_schema_has_nothing_to_say(path: Path) -> None:
    engine.create_file(path)
    db = open_core(path, engine.connect_writer, "BEGIN IMMEDIATE")
    with db.begin():
        migrate._run_alembic(db, migrate.Scripts(("0001",)))
        db.execute(schema.meta.insert(), {"name": "program", "value": "0.1.0"})
    db.close()
    assert lived(path) == NOTHING
    with Past(path) as past:
        assert list(past.between(NOON, LATER)) == []
