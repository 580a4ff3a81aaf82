"""``caiso-ads replay``: recorded life, ``--check`` and ``--decode`` on a real database."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from click.testing import CliRunner, Result

from caiso_ads.cli.replay import command
from caiso_ads.core.intervals import NOT_RECORDED
from caiso_ads.core.model import DispatchBatch
from caiso_ads.core.override import Override
from caiso_ads.errors import WireError
from caiso_ads.ports import Receipt
from caiso_ads.store.past import Past
from caiso_ads.store.sqlite import SqlStore
from caiso_ads.wire.packing import pack
from caiso_ads.wire.payload import encode, encode_trajectories
from tests.fakes import START, FakeClock, batch, trajectory
from tests.rig import FLAT

SECOND = timedelta(seconds=1)
WINDOW = ("--from", START.isoformat(), "--to", (START + timedelta(minutes=10)).isoformat())


def ask(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def made(path: Path, more: Callable[[SqlStore], Awaitable[None]]) -> Path:
    """A database with a market of ten minutes, and whatever ``more`` writes."""

    async def fill() -> None:
        store = await SqlStore.open(path, FakeClock())
        curve = trajectory("T1", FLAT)
        payload = pack(encode_trajectories([curve])).encode()
        await store.record_trajectories(Receipt("getTrajectoryData", "-1", payload, START, (curve,)))
        for n in range(2):
            await store.record_batch(
                unread(batch(f"D{n}", dots={"R1": 80.0}), n * 300, readable=True), acknowledge=False
            )
        await more(store)
        await store.close()

    asyncio.run(fill())
    return path


def unread(content: DispatchBatch, seconds: float, *, readable: bool = False) -> Receipt[DispatchBatch]:
    at = START + seconds * SECOND
    payload = pack(encode(content)).encode()
    return Receipt("getDispatchBatch", content.batch_uid, payload, at, content if readable else WireError("odd form"))


def seen(path: Path, column: str, *more: str) -> list[str]:
    result = ask("--store", path, "--csv", "--resource", "R1", *WINDOW, *more)
    assert result.exit_code == 0, result.output
    return [row[column] for row in csv.DictReader(io.StringIO(result.stdout))]


async def trouble(store: SqlStore) -> None:
    forced = Override("R1", 40.0, None, "test", "alice", START + 100 * SECOND, START + 120 * SECOND)
    await store.record_override(forced, {})
    await store.record_outage(START + 200 * SECOND, START + 300 * SECOND, "ADS did not answer")
    await store.record_outage(START + 400 * SECOND, START + 420 * SECOND, "restart")
    await store.record_distrust(START + 500 * SECOND, START + 560 * SECOND, -60.0)
    await store.record_trust(START + 510 * SECOND, 0.5)
    await store.record_store_failure(START + 520 * SECOND, START + 530 * SECOND)
    await store.record_outage(START - 90 * SECOND, START - 80 * SECOND, NOT_RECORDED)


def test_what_the_gateway_lived_through_is_in_a_replay_unless_it_shall_be_ideal(tmp_path: Path) -> None:
    path = made(tmp_path / "ads.sqlite", trouble)
    quality, reasons = seen(path, "quality"), seen(path, "reasons")
    assert [n for n, word in enumerate(quality) if word == "FORCED"] == list(range(100, 120))
    assert [n for n, word in enumerate(quality) if word == "SHUTDOWN"] == list(range(400, 420))
    unreachable = [n for n, words in enumerate(reasons) if "ads unreachable" in words]
    assert unreachable == list(range(231, 300)), "30 s after the last complete poll, until the next"
    assert quality[299] != "GOOD"
    assert quality[300] == "GOOD"
    assert [n for n, words in enumerate(reasons) if "clock" in words] == list(range(500, 510))
    assert [n for n, words in enumerate(reasons) if "store" in words] == list(range(520, 530))
    assert set(seen(path, "quality", "--ideal")) == {"GOOD"}
    told = ask("--store", path, "--summary", *WINDOW).stderr
    assert "not recorded when the gateway polled" in told


def test_a_batch_read_later_is_in_a_replay_from_then_on(tmp_path: Path) -> None:
    async def late(store: SqlStore) -> None:
        odd = batch("D9", dots={"R1": 99.0}, start=START + 60 * SECOND)
        await store.record_batch(unread(odd, 60), acknowledge=False)
        await store.record_batch(replace(unread(odd, 300, readable=True)), acknowledge=False)

    path = made(tmp_path / "ads.sqlite", late)
    dots = seen(path, "dot_mw")
    assert [dots[n] for n in (59, 60, 299, 300, 599)] == ["80.0", "80.0", "80.0", "99.0", "99.0"]


async def old_ones(store: SqlStore) -> None:
    """One that can be read now, one that never can, both older than a day; and one of this very hour."""
    await store.record_batch(unread(batch("D8", dots={"R1": 1.0}), 0), acknowledge=False)
    await store.record_batch(replace(unread(batch("D7"), 0), payload=b"<html/>"), acknowledge=False)
    fresh = replace(unread(batch("D6"), 0), received_at=datetime.now(UTC))
    await store.record_batch(fresh, acknowledge=False)


def test_decode_takes_up_what_is_older_than_a_day_and_a_second_time_nothing(tmp_path: Path) -> None:
    long_ago = START - timedelta(days=400)

    async def older(store: SqlStore) -> None:
        await old_ones(store)
        past = replace(unread(batch("D5", dots={"R1": 5.0}), 0), received_at=long_ago)
        await store.record_batch(past, acknowledge=False)
        bad = replace(unread(batch("D4"), 0), payload=b"<html/>", received_at=long_ago)
        await store.record_batch(bad, acknowledge=False)

    path = made(tmp_path / "ads.sqlite", older)
    first = ask("--store", path, "--decode")
    assert first.exit_code == 0, first.output
    assert "D5: decoded" in first.stdout
    assert "D6" not in first.stdout, "that one is the gateway's"
    second = ask("--store", path, "--decode")
    assert "0 decoded" in second.stdout
    with closing(Past(path)) as past:
        assert "D6" in [stored.uid for stored in past.refused() if stored.readable_now]
    assert "readable now" in ask("--store", path, "--check").stdout


def test_decode_is_refused_beside_a_gateway_and_makes_no_database(tmp_path: Path) -> None:
    path = made(tmp_path / "ads.sqlite", old_ones)

    async def beside() -> Result:
        running = await SqlStore.open(path, FakeClock())
        found = await asyncio.to_thread(ask, "--store", path, "--decode")
        await running.close()
        return found

    refused = asyncio.run(beside())
    assert refused.exit_code == 2
    assert "in use by process" in refused.stderr
    assert "stop the gateway first" in refused.stderr
    missing = ask("--store", tmp_path / "none", "--decode")
    assert missing.exit_code == 2
    assert "there is no database" in missing.stderr
    assert not (tmp_path / "none").exists()
    assert "--decode looks into a database" in ask("--directory", tmp_path, "--decode").stderr
