"""kill -9 of the real process, again and again: acknowledged is always stored, and stored is what was sent."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from subprocess import Popen

import pytest

from tests.e2e import processes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

KILLS = 25
READY = "caiso-ads [0-9.]+, simulator"


def stored(database: Path) -> dict[str, str]:
    """Return UID -> SHA-256 of every readable dispatch payload, read as a stranger with plain SQLite."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT uid, hex(sha256) FROM payload WHERE stream = 1 AND error IS NULL")
        return {uid: digest.lower() for uid, digest in rows}


def validated(directory: Path) -> set[object]:
    return {row["uid"] for row in processes.ledger(directory) if row["operation"] == "validateDispatchBatch"}


def offered(directory: Path) -> set[object]:
    """Return the batches that were in the ISO's cache of 24 hours when it was first asked."""
    rows = processes.ledger(directory)
    first_list = next(row for row in rows if row["operation"] == "getDispatchBatchesSinceUID")
    oldest = datetime.fromisoformat(str(first_list["wall"])) - timedelta(hours=24)
    issued = [row for row in rows if row["operation"] == "issue" and str(row["uid"]).startswith("DISP-")]
    return {row["uid"] for row in issued if datetime.fromisoformat(str(row["wall"])) > oldest}


def wait_for_work(ledger: Path, *, lines: int) -> None:
    """Return in the middle of work, once the ISO has answered so many calls more; or when there is no work left."""
    deadline = time.monotonic() + 3.0
    with ledger.open("rb") as witness:
        witness.seek(0, 2)
        while lines > 0 and time.monotonic() < deadline:
            lines -= witness.read().count(b"\n")
            time.sleep(0.001)


def kill_at_random_moments(
    directory: Path, start: Callable[[Path], Popen[bytes]], *, kills: int, seed: int
) -> list[set[object]]:
    """Start and kill the gateway; after each kill return what was acknowledged without being stored."""
    moments = random.Random(seed)
    violations = []
    for life in range(kills):
        log = directory / f"life{life}.log"
        process = start(log)
        processes.wait_for(READY, log, process)
        wait_for_work(directory / "ledger.jsonl", lines=moments.randrange(3, 90))
        process.kill()
        process.wait()
        violations.append(validated(directory) - stored(directory / "gateway.db").keys())
    return violations


def test_after_25_kills_acknowledged_is_stored_and_every_payload_is_byte_equal(tmp_path: Path) -> None:
    with processes.simulator(tmp_path, "--speed", "20") as config:

        def start(log: Path) -> Popen[bytes]:
            return processes.caiso_ads("run", "--config", str(config), log=log)

        violations = kill_at_random_moments(tmp_path, start, kills=KILLS, seed=7)
        assert violations == [set()] * KILLS
        log = tmp_path / "last.log"
        last = start(log)
        try:
            dispatches = offered(tmp_path)
            deadline = time.monotonic() + 60.0
            while time.monotonic() < deadline and not dispatches <= validated(tmp_path):
                time.sleep(0.2)
        finally:
            code = processes.stop(last)
        assert code == 0, log.read_text()
        database = stored(tmp_path / "gateway.db")
        assert dispatches <= validated(tmp_path)
        assert validated(tmp_path) <= database.keys()
        served: dict[object, set[object]] = {}
        for row in processes.ledger(tmp_path):
            if row["operation"] == "getDispatchBatch":
                served.setdefault(row["uid"], set()).add(row["digest"])
        assert len(database) >= len(dispatches) > 700
        assert [uid for uid, digest in database.items() if digest not in served[uid]] == []


def test_the_same_campaign_catches_a_gateway_that_acknowledges_first(tmp_path: Path) -> None:
    with processes.simulator(tmp_path) as config:

        def start(log: Path) -> Popen[bytes]:
            return processes.start(str(Path(__file__).with_name("acknowledges_first.py")), str(config), log=log)

        violations = kill_at_random_moments(tmp_path, start, kills=8, seed=7)
    assert any(violations), "the campaign cannot see what it is there to see"
