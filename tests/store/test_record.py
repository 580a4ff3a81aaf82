"""Any sequence of answers, closings and re-openings keeps the store's promises; a dictionary is the oracle."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caiso_ads.core.model import DispatchBatch
from caiso_ads.errors import WireError
from caiso_ads.ports import Cursors, Receipt
from caiso_ads.store.sqlite import SqlStore
from caiso_ads.wire.payload import BadItem
from tests.store.making import NOON, StillClock, a_batch, a_trajectory, answer, bad_answer, trajectories

UIDS = st.sampled_from(["DISP-1", "DISP-2", "disp-1", "../../etc/x", "CON"])
BATCHES = st.builds(
    lambda uid, revision, dot: answer(a_batch(uid, revision=revision, dot=dot, resources=1)),
    *(UIDS, st.integers(0, 2), st.sampled_from([1.0, 2.0])),
)
BAD = st.builds(bad_answer, UIDS, st.sampled_from([b"", b"<html>", b"AAAA"]))
TRAJECTORIES = st.lists(
    st.builds(lambda n, mw: a_trajectory(f"TRAJ-{n}", mw=mw), st.integers(1, 3), st.sampled_from([1.0, 2.0]))
    | st.builds(BadItem, st.sampled_from(["TRAJ-8", None]), st.just(WireError("bad"))),
    max_size=3,
).map(lambda items: trajectories(*items))
STEPS = st.lists(
    st.tuples(st.just("batch"), BATCHES | BAD, st.booleans())
    | st.tuples(st.just("recheck"), BATCHES | BAD, st.just(value=False))
    | st.tuples(st.just("trajectories"), TRAJECTORIES, st.just(value=False))
    | st.tuples(st.just("reopen"), st.none(), st.just(value=False)),
    max_size=12,
)


@dataclass
class Oracle:
    """What must be true after the steps so far."""

    dispatch_uid: str = "-1"
    trajectory_uid: str = "-1"
    contents: set[tuple[str, bytes]] = field(default_factory=set)
    effective: dict[str, DispatchBatch] = field(default_factory=dict)
    intents: set[str] = field(default_factory=set)

    def batch(self, receipt: Receipt[Any], *, moves: bool, acknowledge: bool) -> bool:
        """Take in one answer; return whether it is news."""
        uid = receipt.argument
        fresh = (uid, receipt.payload) not in self.contents
        self.contents.add((uid, receipt.payload))
        if moves:
            self.dispatch_uid = uid
        if isinstance(receipt.content, WireError):
            return fresh
        now = self.effective.get(uid)
        if fresh and (now is None or receipt.content.revision_no >= now.revision_no):
            self.effective[uid] = receipt.content
        if fresh and acknowledge:
            self.intents.add(uid)
        return fresh

    def trajectories(self, items: Sequence[Any]) -> None:
        """Take in one list."""
        for item in items:
            uid = item.uid if isinstance(item, BadItem) else item.batch_uid
            self.trajectory_uid = uid or self.trajectory_uid


async def play(path: Path, steps: list[tuple[str, Any, bool]]) -> None:
    store, oracle = await SqlStore.open(path, StillClock()), Oracle()
    for kind, receipt, acknowledge in steps:
        if kind == "reopen":
            await store.close()
            store = await SqlStore.open(path, StillClock())
        elif kind == "batch":
            done = await store.record_batch(receipt, acknowledge=acknowledge)
            assert done.fresh == oracle.batch(receipt, moves=True, acknowledge=acknowledge)
        elif kind == "recheck":
            done = await store.record_recheck(receipt)
            assert done.fresh == oracle.batch(receipt, moves=False, acknowledge=False)
        else:
            await store.record_trajectories(receipt)
            oracle.trajectories(receipt.content)
        assert await store.cursors() == Cursors(oracle.dispatch_uid, oracle.trajectory_uid)
    history = await store.history(NOON)
    assert {batch.batch_uid: batch for batch, _ in history.batches} == oracle.effective
    assert len(history.batches) == len(oracle.effective)
    uids = [batch.batch_uid for batch, _ in history.trajectories]
    assert len(uids) == len(set(uids))
    assert {intent.batch_uid for intent in await store.pending_intents()} == oracle.intents
    await store.close()
    no_duplicates(path)


def no_duplicates(path: Path) -> None:
    """D3: one row per UID, revision and content; one effective version per UID."""
    raw = sqlite3.connect(path)
    twice = (
        "SELECT 1 FROM batch b JOIN payload p ON p.id = b.id GROUP BY b.batch_uid, b.revision_no, p.sha256 HAVING count(*) > 1",
        "SELECT 1 FROM batch WHERE effective GROUP BY batch_uid HAVING count(*) > 1",
        "SELECT 1 FROM trajectory WHERE effective GROUP BY batch_uid HAVING count(*) > 1",
        "SELECT 1 FROM trajectory GROUP BY batch_uid, digest HAVING count(*) > 1",
        "SELECT 1 FROM batch GROUP BY batch_uid, revision_no HAVING count(*) > 1 AND NOT min(conflict)",
        "SELECT 1 FROM instruction i LEFT JOIN batch b ON b.id = i.batch WHERE b.id IS NULL",
    )
    assert [query for query in twice if raw.execute(query).fetchall()] == []
    raw.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_any_sequence_of_answers_keeps_the_promises(steps: list[tuple[str, Any, bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder) / "gateway.db", steps))
