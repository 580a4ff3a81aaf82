"""From the schema before prices to the one with them, with what was stored."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from sqlalchemy import insert

from caiso_ads.core.price import Market
from caiso_ads.ports import Cursors
from caiso_ads.store import engine, migrate, record, schema
from caiso_ads.store.names import Names
from caiso_ads.store.sqlite import SqlStore, open_core
from tests.store.making import NOON, StillClock, a_batch, answer, ask
from tests.store.pricing import DAY, NODES, an_hour

BEFORE = schema.REVISIONS[: schema.REVISIONS.index("0005")]
HEAD = schema.REVISIONS[-1]


def an_old_database(path: Path) -> None:
    engine.create_file(path)
    db = open_core(path, engine.connect_writer, "BEGIN IMMEDIATE")
    with db.begin():
        migrate._run_alembic(db, migrate.Scripts(BEFORE))
        db.execute(insert(schema.meta), {"name": "program", "value": "0.1.0"})
        record.record_batch(db, Names(), answer(a_batch("DISP-7")), move_cursor=True, acknowledge=True)
    db.close()


async def test_it_keeps_what_was_stored_and_takes_prices(path: Path) -> None:
    an_old_database(path)
    store = await SqlStore.open(path, StillClock())
    assert await store.cursors() == Cursors(dispatch_uid="DISP-7")
    assert ask(store, "SELECT version_num FROM alembic_version") == [(HEAD,)]
    assert ask(store, "SELECT count(*) FROM v_instruction") == [(2,)]
    assert len(await store.pending_intents()) == 1
    assert list(await store.prices(Market.RTD, NODES, NOON, NOON + DAY)) == []
    await store.record_prices(an_hour())
    await store.record_prices(an_hour(31.0))
    assert ask(store, "SELECT count(*), sum(revisions) FROM v_price") == [(24, 24)]
    await store.close()
    copy = sqlite3.connect(path.with_name(f"gateway.db.before-{HEAD}"))
    assert copy.execute("SELECT version_num FROM alembic_version").fetchall() == [(BEFORE[-1],)]
    assert copy.execute("SELECT batch_uid FROM batch").fetchall() == [("DISP-7",)]
    assert copy.execute("SELECT name FROM sqlite_master WHERE name LIKE 'price%'").fetchall() == []
    copy.close()


async def test_the_migrated_tables_are_those_of_a_fresh_database(path: Path, tmp_path: Path) -> None:
    an_old_database(path)
    made = []
    for file in (path, tmp_path / "fresh.db"):
        await (await SqlStore.open(file, StillClock())).close()
        raw = sqlite3.connect(file)
        found = raw.execute("SELECT name, sql FROM sqlite_master WHERE type <> 'view' AND sql IS NOT NULL").fetchall()
        made.append(
            {name: sorted(line.strip(" ,\t") for line in re.split(r"\n|, (?=CONSTRAINT)", sql)) for name, sql in found}
        )
        raw.close()
    assert made[0] == made[1]
    assert any("WITHOUT ROWID" in line for line in made[0]["price"])
