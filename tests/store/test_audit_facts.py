"""Facts of the loop stand in the chain in their order, many in one commit."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from caiso_ads.errors import StoreError
from caiso_ads.ports.answers import Fact
from caiso_ads.store.chain import first_broken
from caiso_ads.store.sqlite import SqlStore
from tests.store.making import NOON, ask
from tests.store.test_audit import ONE, ORIGIN

SEEN = Fact("seen", NOON, "modbus", "snapshot 7", "UNIT_0", "DISP-1", "DISP-1-I0", {"generation": 7})


async def test_facts_and_acts_are_one_chain(store: SqlStore) -> None:
    await store.append_facts([SEEN, Fact("start", NOON + timedelta(seconds=1), "caiso-ads", "0.1.0")])
    await store.record_override(ONE, ORIGIN)
    await store.append_facts([])
    await store.append_facts([SEEN] * 500)
    rows = await store.audit_rows(0, 1000)
    assert [row.row for row in rows] == list(range(1, 504))
    assert [row.kind for row in rows[:4]] == ["seen", "start", "override set", "seen"]
    assert first_broken(rows) is None
    assert json.loads(rows[0].detail) == {"generation": 7, "instruction": "DISP-1-I0", "uid": "DISP-1"}
    assert json.loads(rows[1].detail) == {}
    assert rows[1].resource is None
    assert ask(store, "SELECT uid, count(*) FROM audit_subject GROUP BY uid") == [("DISP-1", 501), ("DISP-1-I0", 501)]


@pytest.mark.parametrize("bad", [float("nan"), NOON])
async def test_a_detail_that_is_no_json_is_refused_with_its_kind(store: SqlStore, bad: object) -> None:
    with pytest.raises(StoreError, match="evidence 'seen': detail is not plain JSON"):
        await store.append_facts([SEEN, Fact("seen", NOON, "x", "y", detail={"value": bad})])
    assert list(await store.audit_rows(0, 10)) == []
    await store.append_facts([SEEN])
