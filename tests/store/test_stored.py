"""What was received has its row of evidence in the same commit, once."""

from __future__ import annotations

import json

from caiso_ads.errors import WireError
from caiso_ads.store.chain import AuditRow, first_broken
from caiso_ads.store.sqlite import SqlStore
from caiso_ads.wire.payload import BadItem
from tests.store.making import LATER, NOON, a_batch, a_trajectory, answer, ask, bad_answer, trajectories


async def chain(store: SqlStore) -> list[AuditRow]:
    rows = list(await store.audit_rows(0, 100))
    assert first_broken(rows) is None
    return rows


async def test_a_batch_has_one_row_with_what_proves_it(store: SqlStore) -> None:
    receipt = answer(a_batch(), at=LATER)
    await store.record_batch(receipt, acknowledge=True)
    await store.record_batch(receipt, acknowledge=True)  # nothing new
    await store.record_recheck(receipt)
    (row,) = await chain(store)
    assert (row.kind, row.at, row.text) == ("batch stored", LATER, "five minute, closed, revision 0")
    detail = json.loads(row.detail)
    assert detail["sha256"] == receipt.digest.hex()
    assert detail["stored_at"] == NOON.isoformat()
    assert (detail["uid"], detail["instructions"], detail["conflict"]) == ("DISP-1", 2, False)
    assert ask(store, "SELECT uid, audit FROM audit_subject") == [("DISP-1", 1)]


async def test_a_new_revision_and_other_content_of_it_have_rows_of_their_own(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch()), acknowledge=False)
    await store.record_recheck(answer(a_batch(revision=1)))
    await store.record_recheck(answer(a_batch(revision=1, dot=99.0)))
    assert [json.loads(row.detail)["conflict"] for row in await chain(store)] == [False, False, True]


async def test_what_cannot_be_read_is_evidence_too(store: SqlStore) -> None:
    await store.record_batch(bad_answer("DISP-9"), acknowledge=True)
    (row,) = await chain(store)
    assert row.kind == "unreadable stored"
    assert "not a batch" in row.text
    assert ask(store, "SELECT uid FROM audit_subject") == [("DISP-9",)]


async def test_trajectories_have_a_row_an_empty_list_has_none(store: SqlStore) -> None:
    bad = BadItem("TRAJ-2", WireError("no time", where="batch"))
    await store.record_trajectories(trajectories())
    await store.record_trajectories(trajectories(a_trajectory(), bad))
    (row,) = await chain(store)
    assert (row.kind, row.text) == ("trajectories stored", "2 trajectory batches, 1 of them unreadable")
    assert json.loads(row.detail)["uids"] == ["TRAJ-1", "TRAJ-2"]
