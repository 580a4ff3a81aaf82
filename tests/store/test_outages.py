from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection

from caiso_ads.core.intervals import NOT_RECORDED, Outage, Polls
from caiso_ads.store import engine, migrate, record, schema
from caiso_ads.store.deliveries import Deliveries
from caiso_ads.store.names import Names
from caiso_ads.store.sqlite import SqlStore, open_core
from tests.store.making import LATER, NOON, StillClock, a_batch, a_trajectory, answer, ask, bad_answer, trajectories

SECOND = timedelta(seconds=1)


def polls(path: Path) -> Polls:
    with Deliveries(path) as found:
        return found.polls()


async def test_nothing_is_known_of_polls_before_one_was_complete(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch()), acknowledge=False)
    assert await store.last_poll() is None
    assert polls(store.path) == Polls()


async def test_the_first_and_the_last_poll_are_kept(store: SqlStore) -> None:
    for n in range(4):
        await store.record_poll(NOON + n * SECOND)
    assert await store.last_poll() == NOON + 3 * SECOND
    assert polls(store.path) == Polls(NOON, NOON + 3 * SECOND)


async def test_the_last_poll_follows_a_clock_that_was_set_back(store: SqlStore) -> None:
    await store.record_poll(LATER)
    await store.record_poll(NOON)
    assert await store.last_poll() == NOON


async def test_an_outage_stands_with_its_reason_and_ends_with_a_complete_poll(store: SqlStore) -> None:
    await store.record_poll(NOON)
    await store.record_outage(NOON, LATER, "restart")
    assert polls(store.path) == Polls(NOON, LATER, (Outage(NOON, LATER, "restart"),))
    assert ask(store, "SELECT start_at, end_at, seconds, reason FROM v_outage") == [
        ("2026-07-21T12:00:00.000Z", "2026-07-21T12:05:00.000Z", 300.0, "restart")
    ]


async def test_where_the_clock_was_set_back_only_the_poll_is_noted(store: SqlStore) -> None:
    await store.record_outage(LATER, NOON, "link")
    await store.record_outage(NOON, NOON, "link")
    assert polls(store.path) == Polls(NOON, NOON)


async def test_what_was_noted_is_there_after_a_restart(path: Path) -> None:
    first = await SqlStore.open(path, StillClock())
    await first.record_poll(NOON)
    await first.close()
    second = await SqlStore.open(path, StillClock())
    assert await second.last_poll() == NOON
    await second.close()


# --- a database of schema 0001 -------------------------------------------------------------------------------------


def of_schema_1(path: Path) -> Connection:
    """Return a database as the first program made it, open for writing."""
    engine.create_file(path)
    db = open_core(path, engine.connect_writer, "BEGIN IMMEDIATE")
    with db.begin():
        migrate._run_alembic(db, migrate.Scripts(("0001",)))
        db.execute(schema.meta.insert(), {"name": "program", "value": "0.1.0"})
    return db


def contents(db: Connection) -> dict[str, list[tuple[object, ...]]]:
    later = {"outage", "audit", "operator_override", "disturbance", "decoded_later", "meta", "answer", "audit_subject"}
    old = sorted(name for name in set(schema.metadata.tables) - later if not name.startswith("price"))
    with db.begin():
        return {name: [tuple(row) for row in db.exec_driver_sql(f"SELECT * FROM {name}")] for name in old}


async def test_an_upgrade_keeps_every_row_and_says_that_polls_were_not_recorded(path: Path) -> None:
    db, names = of_schema_1(path), Names()
    with db.begin():
        first = answer(a_batch("DISP-1"), at=NOON)
        record.record_batch(db, names, first, move_cursor=True, acknowledge=True)
        record.record_batch(db, names, bad_answer("DISP-2", at=LATER), move_cursor=True, acknowledge=True)
        record.record_trajectories(db, names, trajectories(a_trajectory(), at=LATER))
        record.record_batch(db, names, answer(a_batch("DISP-1"), at=LATER + SECOND), move_cursor=True, acknowledge=True)
    before = contents(db)
    db.close()
    assert polls(path) == Polls()
    store = await SqlStore.open(path, StillClock())
    last = LATER + SECOND
    assert polls(path) == Polls(NOON, last, (Outage(NOON, last + timedelta(microseconds=1), NOT_RECORDED),))
    assert polls(path).first_from(NOON + SECOND) is None, "the last receipt is no complete poll"
    await store.record_outage(last, last + timedelta(hours=1), "restart")
    assert polls(path).first_from(NOON + SECOND) == last + timedelta(hours=1)
    await store.close()
    again = open_core(path, engine.connect_writer, "BEGIN IMMEDIATE")
    assert contents(again) == before
    assert before["instruction"], "there was something to lose"
    again.close()


async def test_an_empty_database_of_schema_1_has_nothing_that_was_not_recorded(path: Path) -> None:
    of_schema_1(path).close()
    store = await SqlStore.open(path, StillClock())
    assert polls(path) == Polls()
    await store.close()
