from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from caiso_ads.errors import StoreError
from caiso_ads.store.reader import Reader
from caiso_ads.store.schema import REVISIONS
from caiso_ads.store.sqlite import SqlStore
from tests.store.making import NOON, a_batch, a_trajectory, answer, bad_answer, damage, trajectories


async def test_it_counts_beside_the_running_store(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch("DISP-1", resources=3)), acknowledge=True)
    await store.record_trajectories(trajectories(a_trajectory()))
    with Reader(store.path) as reader:
        counts = reader.counts()
        assert reader.cursors() == {"dispatch": "DISP-1", "trajectory": "TRAJ-1"}
        assert reader.schema() == REVISIONS[-1]
    assert (counts["payload"], counts["batch"], counts["instruction"], counts["dop"]) == (2, 1, 3, 3)
    assert (counts["outbox"], counts["outbox_open"]) == (1, 1)


async def test_the_latest_batches_come_newest_first_with_readable_names(store: SqlStore) -> None:
    for n in range(4):
        await store.record_batch(answer(a_batch(f"DISP-{n}")), acknowledge=False)
    with Reader(store.path) as reader:
        latest = reader.latest_batches(2)
    assert [row["batch_uid"] for row in latest] == ["DISP-3", "DISP-2"]
    assert latest[0]["batch_status_name"] == "closed"
    assert latest[0]["batch_received"] == "2026-07-21T12:00:00.000Z"


async def test_a_payload_is_given_back_as_it_was_received(store: SqlStore) -> None:
    good, bad = answer(a_batch("DISP-1")), bad_answer("DISP-1", b"aGVs\nbG8=\n")
    await store.record_batch(good, acknowledge=False)
    await store.record_batch(bad, acknowledge=False)
    with Reader(store.path) as reader:
        first, second = reader.payloads("DISP-1")
        assert reader.payloads("DISP-2") == []
    assert (first.text, first.received_at, first.stream, first.error, first.intact) == (
        *(good.payload, NOON, "dispatch", None, True),
    )
    assert (second.text, second.error) == (b"aGVs\nbG8=\n", "not a batch")


async def test_damage_shows(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch("DISP-1")), acknowledge=False)
    damage(store, 1)
    with Reader(store.path) as reader:
        assert [payload.intact for payload in reader.payloads("DISP-1")] == [False]


async def test_it_works_without_a_running_store(store: SqlStore) -> None:
    await store.record_batch(answer(a_batch("DISP-1")), acknowledge=False)
    await store.close()
    with Reader(store.path) as reader:
        assert reader.counts()["batch"] == 1


def test_a_missing_database_is_named_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no database"):
        Reader(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"junk" * 1000)
    with pytest.raises(StoreError, match="not a database"), Reader(tmp_path / "a.db") as reader:
        reader.counts()


def test_it_starts_without_sqlalchemy() -> None:
    program = "import sys, caiso_ads.store.reader; print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
