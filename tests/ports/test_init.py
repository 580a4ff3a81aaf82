from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest

from caiso_ads.core.points import Snapshot
from caiso_ads.ports import Feed, Receipt, ScaledClock, SystemClock
from tests.fakes import START

FIRST = Snapshot(1, START, (), {})


async def test_a_slow_reader_gets_the_newest_snapshot_and_misses_the_ones_between() -> None:
    feed = Feed(FIRST)
    waiting = asyncio.create_task(feed.after(1))
    await asyncio.sleep(0)
    for generation in (2, 3, 4):
        feed.publish(replace(FIRST, generation=generation))
    assert (await waiting).generation == 4
    assert (await feed.after(1)).generation == 4


def test_a_generation_never_goes_back() -> None:
    feed = Feed(FIRST)
    with pytest.raises(ValueError, match="does not follow"):
        feed.publish(FIRST)


def test_a_feed_knows_how_long_it_has_been_silent() -> None:
    now = [100.0]
    feed = Feed(FIRST, lambda: now[0])
    now[0] = 105.0
    assert not feed.silent(5.0)
    now[0] = 105.1
    assert feed.silent(5.0)
    feed.publish(replace(FIRST, generation=2))
    assert not feed.silent(5.0)


def test_a_receipt_knows_the_digest_of_what_was_received() -> None:
    receipt = Receipt("getDispatchBatch", "A", b"payload", START, None)
    assert receipt.digest == sha256(b"payload").digest()


async def test_scaled_time_runs_faster_on_both_clocks_alike() -> None:
    clock = ScaledClock(1000.0, START)
    first = clock.now()
    await clock.sleep(10.0)
    second = clock.now()
    assert second.wall - START >= timedelta(seconds=10)
    assert abs((second.wall - first.wall).total_seconds() - (second.mono - first.mono)) < 1e-3


async def test_the_system_clock_is_utc_and_moves() -> None:
    clock = SystemClock()
    first = clock.now()
    await clock.sleep(0)
    assert first.wall.utcoffset() == timedelta(0)
    assert clock.now().mono >= first.mono
