"""Real processes, really killed: what was reported as stored is there, and nothing is there by halves."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from caiso_ads.store.sqlite import SqlStore
from tests.store.making import NOON, StillClock, a_batch, answer

ROOT = Path(__file__).resolve().parents[2]
STRACE = shutil.which("strace")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")]


def run_child(path: Path, *numbers: int, under: tuple[str, ...] = ()) -> tuple[int, list[str], list[str]]:
    """Return the exit status, the UIDs reported as stored, and those reported as failed."""
    command = [*under, sys.executable, "-m", "tests.store.crash_child", str(path), *map(str, numbers)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    words = [line.split() for line in done.stdout.splitlines()]
    stored, failed = ([line[1] for line in words if line[0] == kind] for kind in ("stored", "failed"))
    return done.returncode, stored, failed


async def check(path: Path, stored: list[str]) -> list[str]:
    """Assert that the database is whole and holds what was reported; return the UIDs in it."""
    raw = sqlite3.connect(path)
    assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
    present = [uid for (uid,) in raw.execute("SELECT batch_uid FROM batch ORDER BY id")]
    counts = raw.execute("SELECT count(*) FROM instruction GROUP BY batch").fetchall()
    assert counts == [(8,)] * len(present)
    assert raw.execute("SELECT count(*) FROM payload").fetchone() == (len(present),)
    assert raw.execute("SELECT count(*) FROM outbox").fetchone() == (len(present),)
    raw.close()
    assert set(stored) <= set(present)
    store = await SqlStore.open(path, StillClock())
    assert list(await store.corrupt()) == []
    assert (await store.cursors()).dispatch_uid == (present[-1] if present else "-1")
    history = await store.history(NOON)
    await store.close()
    assert [answer(batch).payload for batch, _ in history.batches] == [
        answer(a_batch(uid, resources=8)).payload for uid in present
    ]
    return present


@pytest.mark.parametrize("fuse", [1, 3, 8, 20, 27, 33])
async def test_killed_before_a_statement_or_commit_a_batch_is_wholly_there_or_not_at_all(path: Path, fuse: int) -> None:
    status, stored, _ = run_child(path, 0, 50, fuse)
    assert status == -9
    await check(path, stored)
    status, more, _ = run_child(path, 50, 2, 0)  # the lock is free again, and work goes on
    assert (status, more) == (0, ["DISP-50", "DISP-51"])
    await check(path, stored + more)


def strace(path: Path, injection: str) -> tuple[str, ...]:
    assert STRACE is not None
    files = [word for name in (path, f"{path}-wal") for word in ("-P", str(name))]
    return (STRACE, "-f", "-qq", "-o", "/dev/null", *files, "-e", f"inject={injection}")


def can_trace() -> bool:
    if STRACE is None:
        return False
    return subprocess.run([STRACE, "-qq", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0


traced = pytest.mark.skipif(not can_trace(), reason="strace cannot trace here")


@traced
@pytest.mark.parametrize("point", ["fdatasync:signal=SIGKILL:when=4", "pwrite64:signal=SIGKILL:when=40"])
async def test_killed_inside_a_commit_a_batch_is_wholly_there_or_not_at_all(path: Path, point: str) -> None:
    run_child(path, 0, 1, 0)
    _, stored, _ = run_child(path, 1, 50, 0, under=strace(path, point))
    assert len(stored) < 50
    await check(path, ["DISP-0", *stored])


@traced
async def test_an_fsync_that_fails_once_is_reported_and_the_store_goes_on(path: Path) -> None:
    run_child(path, 0, 1, 0)
    injection = "fdatasync:error=EIO:when=5"
    _, stored, failed = run_child(path, 1, 12, 0, under=strace(path, injection))
    assert len(failed) == 1
    assert len(stored) == 11
    raw = sqlite3.connect(path)
    present = {uid for (uid,) in raw.execute("SELECT batch_uid FROM batch")}
    raw.close()
    assert set(stored) <= present
