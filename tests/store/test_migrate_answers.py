"""From the schema before answers to the one with them: what was written before still verifies."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import insert

from caiso_ads.ports.answers import Fact
from caiso_ads.store import engine, migrate, schema
from caiso_ads.store.audit_schema import audit
from caiso_ads.store.chain import FIRST_HASH, AuditRow, canonical, first_broken, hash_of
from caiso_ads.store.sqlite import SqlStore, open_core
from tests.store.making import NOON, StillClock

BEFORE = schema.REVISIONS[: schema.REVISIONS.index("0006")]
OLD = AuditRow(1, 1_784_635_200_000_000, "override set", "alice", "UNIT_0", "test", canonical({}), FIRST_HASH, b"")


async def test_the_chain_goes_on_behind_old_rows(path: Path) -> None:
    engine.create_file(path)
    db = open_core(path, engine.connect_writer, "BEGIN IMMEDIATE")
    with db.begin():
        migrate._run_alembic(db, migrate.Scripts(BEFORE))
        db.execute(insert(schema.meta), {"name": "program", "value": "0.1.0"})
        said = {"kind": OLD.kind, "who": OLD.who, "resource": OLD.resource, "text": OLD.text, "detail": OLD.detail}
        db.execute(insert(audit), {"id": 1, "at": OLD.at, **said, "previous_hash": FIRST_HASH, "hash": hash_of(OLD)})
    db.close()
    store = await SqlStore.open(path, StillClock())
    await store.append_facts([Fact("start", NOON, "caiso-ads", "")])
    rows = await store.audit_rows(0, 10)
    assert [row.kind for row in rows] == ["override set", "start"]
    assert first_broken(rows) is None
    await store.close()
