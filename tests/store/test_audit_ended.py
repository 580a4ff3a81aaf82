"""An override that ends by its time has its row in the audit table: one, with the true end and when it was noticed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from caiso_ads.core.override import Cleared, Override
from caiso_ads.store.chain import first_broken
from caiso_ads.store.sqlite import SqlStore
from tests.store.making import NOON, StillClock, ask

ORIGIN = {"command": "0" * 32, "owner": "svc", "host": "h"}
HOUR = timedelta(hours=1)
ONE = Override("UNIT_0", 50.0, None, "relay test", "alice", NOON, NOON + HOUR)
KINDS = "SELECT kind, at, who, resource FROM v_audit WHERE kind <> 'override set' ORDER BY id"


async def test_the_end_is_written_once_with_its_true_time_and_when_it_was_noticed(store: SqlStore) -> None:
    await store.record_override(ONE, ORIGIN)
    assert list(await store.record_ended(NOON + HOUR - timedelta(microseconds=1))) == []
    assert list(await store.record_ended(NOON + 3 * HOUR)) == [ONE]
    assert list(await store.record_ended(NOON + 4 * HOUR)) == []
    assert ask(store, KINDS) == [("override ended by time", "2026-07-21T13:00:00.000Z", "caiso-ads", "UNIT_0")]
    rows = await store.audit_rows(0, 10)
    assert json.loads(rows[1].detail) == {"override": 1, "noticed": (NOON + 3 * HOUR).isoformat(), "set_by": "alice"}
    assert first_broken(rows) is None
    assert ask(store, "SELECT ended_how, ended_at FROM v_override") == [
        ("override ended by time", "2026-07-21T13:00:00.000Z")
    ]


async def test_it_is_written_after_a_restart_and_only_once(store: SqlStore) -> None:
    await store.record_override(ONE, ORIGIN)
    await store.close()
    for _ in range(2):
        again = await SqlStore.open(store.path, StillClock())
        await again.record_ended(NOON + 30 * HOUR)
        assert len(ask(again, KINDS)) == 1
        await again.close()


async def test_a_new_override_right_after_the_end_does_not_hide_it(store: SqlStore) -> None:
    await store.record_override(ONE, ORIGIN)
    two = replace(ONE, since=NOON + HOUR, until=NOON + 2 * HOUR, who="bob")
    await store.record_override(two, ORIGIN)
    assert await store.record_override_cleared(Cleared("UNIT_0", "done", "carol", NOON + 1.5 * HOUR), ORIGIN)
    assert [row.kind for row in await store.audit_rows(0, 10)] == [
        "override set", "override ended by time", "override set", "override cleared"
    ]  # fmt: skip
    assert list(await store.record_ended(NOON + 9 * HOUR)) == []


async def test_of_two_resources_each_has_its_own_row_in_the_order_of_their_ends(store: SqlStore) -> None:
    await store.record_override(ONE, ORIGIN)
    await store.record_override(replace(ONE, resource_id="UNIT_1", until=NOON + HOUR / 2), ORIGIN)
    assert [item.resource_id for item in await store.record_ended(NOON + HOUR)] == ["UNIT_1", "UNIT_0"]
    assert await store.record_override_cleared(Cleared("UNIT_0", "x", "y", NOON + HOUR), ORIGIN) is False
