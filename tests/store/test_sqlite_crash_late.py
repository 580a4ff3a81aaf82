"""Killed while it writes ends of overrides or decodes again: the next start finishes it, and nothing is there twice."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from caiso_ads.core.override import Override
from caiso_ads.errors import WireError
from caiso_ads.store.chain import first_broken
from caiso_ads.store.reader import Reader
from caiso_ads.store.sqlite import SqlStore
from tests.store.making import NOON, StillClock, a_batch, a_trajectory, answer, trajectories

ROOT = Path(__file__).resolve().parents[2]
ODD = WireError("unknown form")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")]


def run_child(path: Path, fuse: int) -> int:
    command = [sys.executable, "-m", "tests.store.late_child", str(path), str(fuse)]
    return subprocess.run(command, cwd=ROOT, check=False, timeout=60).returncode


async def fill(path: Path) -> None:
    store = await SqlStore.open(path, StillClock())
    for n in range(2):
        until = NOON + timedelta(minutes=30 + n)
        await store.record_override(Override(f"UNIT_{n}", 5.0, None, "test", "alice", NOON, until), {})
        unread = replace(answer(a_batch(f"DISP-{n}")), content=ODD)
        await store.record_batch(unread, acknowledge=True)
    await store.record_trajectories(replace(trajectories(a_trajectory()), content=ODD))
    await store.close()


@pytest.mark.parametrize("fuse", [2, 5, 9, 11, 14, 18, 22, 26, 30, 34, 38, 42])
async def test_killed_anywhere_it_is_finished_by_the_next_start_and_not_done_twice(path: Path, fuse: int) -> None:
    await fill(path)
    assert run_child(path, fuse) == -9
    for _ in range(2):
        assert run_child(path, 0) == 0
    with Reader(path) as reader:
        rows = reader.audit()
    acts = [row.kind for row in rows if row.kind.startswith("override")]
    assert acts == ["override set"] * 2 + ["override ended by time"] * 2
    assert first_broken(rows) is None
    raw = sqlite3.connect(path)
    counts = {
        name: raw.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
        for name in ("batch", "instruction", "trajectory", "dop", "outbox", "decoded_later")
    }
    assert raw.execute("SELECT count(*) FROM payload WHERE error IS NOT NULL").fetchone() == (0,)
    assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    raw.close()
    assert counts == {"batch": 2, "instruction": 4, "trajectory": 1, "dop": 3, "outbox": 2, "decoded_later": 3}
