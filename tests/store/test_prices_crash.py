"""Killed while it stores prices: each answer is there wholly or not at all, and the next start goes on."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from caiso_ads.core.price import Market
from caiso_ads.core.price_change import values_of
from caiso_ads.store.sqlite import SqlStore
from tests.store.making import NOON, StillClock
from tests.store.pricing import DAY, NODES, an_hour
from tests.store.test_sqlite_crash import strace, traced

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")]


def run_child(path: Path, rounds: int, fuse: int, under: tuple[str, ...] = ()) -> tuple[int, int]:
    """Return the exit status and how many rounds were reported as stored."""
    command = [*under, sys.executable, "-m", "tests.store.prices_child", str(path), str(rounds), str(fuse)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, len(done.stdout.splitlines())


async def check(path: Path, reported: int) -> int:
    """Assert that the database holds whole answers and all that was reported; return how many rounds it has."""
    raw = sqlite3.connect(path)
    assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
    rows = raw.execute("SELECT count(*), min(revisions), max(revisions) FROM price").fetchone()
    traces = raw.execute("SELECT count(*) FROM price_correction").fetchone()[0]
    raw.close()
    if not rows[0]:
        assert (reported, traces) == (0, 0)
        return 0
    newest = int(rows[1])
    assert rows == (24, newest, newest)
    assert traces == 24 * newest
    assert newest + 1 >= reported
    store = await SqlStore.open(path, StillClock())
    found = await store.prices(Market.RTD, NODES, NOON, NOON + DAY)
    changes = await store.corrections(Market.RTD, NOON, NOON + DAY)
    names, _ = await store.catalogue("PNODE")
    await store.close()
    assert [one.price for one in found] == list(an_hour(30.0 + newest).prices)
    for change in changes:
        assert change.before is not None
        old, new = values_of(change.before), values_of(change.after)
        assert (new[1], new[2]) == ((old[1] or 0) + 1, (old[2] or 0) + 1)
    assert len(names) in ({3} if reported else {0, 3})
    return newest + 1


@pytest.mark.parametrize("fuse", [1, 4, 7, 9, 12, 15, 17, 20, 23, 26, 29, 33, 40, 50])
async def test_killed_before_a_statement_or_commit_an_answer_is_wholly_there_or_not_at_all(
    path: Path, fuse: int
) -> None:
    status, reported = run_child(path, 9, fuse)
    assert status == -9
    await check(path, reported)
    assert run_child(path, 1, 0) == (0, 1)  # the lock is free again, and work goes on: the first prices return
    raw = sqlite3.connect(path)
    assert raw.execute(
        "SELECT DISTINCT lmp_usd_per_mwh - 30 FROM price WHERE start_time % 3600000000 = 0"
    ).fetchall() == [(0.0,)]
    raw.close()


@traced
@pytest.mark.parametrize("point", ["fdatasync:signal=SIGKILL:when=4", "pwrite64:signal=SIGKILL:when=30"])
async def test_killed_inside_a_commit_an_answer_is_wholly_there_or_not_at_all(path: Path, point: str) -> None:
    run_child(path, 1, 0)
    _, reported = run_child(path, 30, 0, strace(path, point))
    assert reported < 30
    assert await check(path, reported) >= 1
