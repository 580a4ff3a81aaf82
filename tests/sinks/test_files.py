"""The files sink as it runs: it follows the feed and the store, and leaves nothing that lies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from caiso_ads.ports import Feed, SinkContext, StoredPayload
from caiso_ads.sinks.files import Config
from tests.fakes import START, FakeClock
from tests.sinks.filing import ShelfStore, archived, context, payload, rows, snapshot


@asynccontextmanager
async def running(config: Config, known: SinkContext, feed: Feed) -> AsyncIterator[asyncio.Task[None]]:
    """Run a files sink until the block ends, then cancel it."""
    started = asyncio.Event()
    task = asyncio.create_task(config.build(known).run(feed, started.set))
    waiter = asyncio.create_task(started.wait())
    await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield task
    finally:
        waiter.cancel()
        task.cancel()
        await asyncio.wait({task})


async def until(reached: Any) -> None:
    """Let threads and tasks work until the condition holds; the suite's own time limit ends a broken one."""
    while not reached():  # noqa: ASYNC110 - a file is waited for, and nothing signals it
        await asyncio.sleep(0.002)


def documents(folder: Path) -> set[bytes]:
    """Return what the newest dispatch document is, or nothing."""
    return {path.read_bytes() for path in folder.glob("dispatch.xml")}


async def test_history_is_copied_and_the_newest_documents_stand_in_front(tmp_path: Path) -> None:
    store = ShelfStore(shelf=[payload(1), payload(2, stream="trajectory"), payload(3)])
    async with running(Config(directory=tmp_path), context(store), Feed(snapshot())):
        await until((tmp_path / "trajectory.xml").exists)
        assert (tmp_path / "dispatch.xml").read_bytes() == payload(3).xml
        assert (tmp_path / "trajectory.xml").read_bytes() == payload(2).xml
    assert len(archived(tmp_path)) == 3


async def test_the_past_is_never_shown_as_the_newest_while_catching_up(tmp_path: Path) -> None:
    clock = FakeClock()
    store = ShelfStore(shelf=[payload(row) for row in range(1, 121)])
    feed = Feed(snapshot())
    shown: set[bytes] = set()
    async with running(Config(directory=tmp_path), context(store, clock=clock), feed):
        while len(archived(tmp_path)) < 120:
            await asyncio.sleep(0.002)
            shown |= documents(tmp_path)
            if clock._sleepers:
                feed.publish(snapshot(feed.latest.generation + 1))
                await clock.advance(1.0)
        await until((tmp_path / "dispatch.xml").exists)
    assert shown <= {payload(120).xml}


async def test_after_a_restart_only_what_is_new_is_copied(tmp_path: Path) -> None:
    store = ShelfStore(shelf=[payload(1), payload(2)])
    async with running(Config(directory=tmp_path), context(store), Feed(snapshot())):
        await until(lambda: len(archived(tmp_path)) == 2)
        await until((tmp_path / "dispatch.xml").exists)
    for path in archived(tmp_path):
        path.unlink()
    store.shelf.append(payload(3))
    async with running(Config(directory=tmp_path), context(store), Feed(snapshot())):
        await until(lambda: (tmp_path / "dispatch.xml").read_bytes() == payload(3).xml)
    assert [path.read_bytes() for path in archived(tmp_path)] == [payload(3).xml]


async def test_another_store_is_noticed_and_copied_from_its_beginning(tmp_path: Path) -> None:
    async with running(Config(directory=tmp_path), context(ShelfStore(shelf=[payload(5)])), Feed(snapshot())):
        await until((tmp_path / "dispatch.xml").exists)
    fresh = ShelfStore(shelf=[payload(1, uid="new1"), payload(5, uid="new5", received=START + timedelta(days=1))])
    fresh.shelf[1] = StoredPayload(5, "dispatch", "new5", START + timedelta(days=1), b"<other/>")
    async with running(Config(directory=tmp_path), context(fresh), Feed(snapshot())):
        await until(lambda: (tmp_path / "dispatch.xml").read_bytes() == b"<other/>")
    assert len(archived(tmp_path)) == 3


async def test_a_failing_store_does_not_stop_the_tables(tmp_path: Path) -> None:
    clock, store = FakeClock(), ShelfStore(shelf=[payload(1)], failing=True)
    feed = Feed(snapshot(1, mw=1.0))
    async with running(Config(directory=tmp_path), context(store, clock=clock), feed):
        await until(lambda: clock._sleepers)
        feed.publish(snapshot(2, mw=2.0))
        await clock.advance(1.0)
        await until(lambda: rows(tmp_path / "all.csv")[0]["setpoint_mw"] == "2.0")
        store.failing = False
        await until(lambda: clock._sleepers)
        feed.publish(snapshot(3, mw=3.0))
        await clock.advance(1.0)
        await until((tmp_path / "dispatch.xml").exists)


async def test_the_tables_are_written_at_most_twice_a_second(tmp_path: Path) -> None:
    clock = FakeClock()
    feed = Feed(snapshot(1))
    async with running(Config(directory=tmp_path), context(clock=clock), feed):
        await until(lambda: clock._sleepers)
        for generation in range(2, 30):
            feed.publish(snapshot(generation))
            await clock.settle()
        await clock.advance(0.4)
        assert rows(tmp_path / "all.csv")[0]["snapshot_id"] == "1"
        await clock.advance(0.1)
        await until(lambda: rows(tmp_path / "all.csv")[0]["snapshot_id"] == "29")


async def test_the_first_tables_stand_before_the_sink_counts_as_started(tmp_path: Path) -> None:
    seen: list[bool] = []
    sink = Config(directory=tmp_path / "made" / "here").build(context())
    feed = Feed(snapshot())
    task = asyncio.create_task(sink.run(feed, lambda: seen.append((tmp_path / "made/here/all.csv").exists())))
    await until(lambda: seen)
    task.cancel()
    await asyncio.wait({task})
    assert seen == [True]


async def test_a_stopped_gateway_leaves_quality_shutdown_in_every_table(tmp_path: Path) -> None:
    async with running(Config(directory=tmp_path), context(), Feed(snapshot(mw=50.0))) as task:
        pass
    assert task.cancelled()
    for name in ("all.csv", "resource-1-A.csv", "resource-2-B.csv"):
        for row in rows(tmp_path / name):
            assert (row["quality"], row["directive"], row["setpoint_mw"]) == ("SHUTDOWN", "HOLD", "50.0")


async def test_a_sink_that_was_stopped_serves_again_when_started_again(tmp_path: Path) -> None:
    sink = Config(directory=tmp_path).build(context())
    for _ in range(2):
        started = asyncio.Event()
        task = asyncio.create_task(sink.run(Feed(snapshot()), started.set))
        await started.wait()
        assert rows(tmp_path / "all.csv")[0]["quality"] == "GOOD"
        task.cancel()
        await asyncio.wait({task})


async def test_a_directory_that_takes_no_files_is_an_error_for_the_supervisor(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OSError, match="taken"):
        await Config(directory=tmp_path / "taken").build(context()).run(Feed(snapshot()), lambda: None)


async def test_the_newest_documents_of_a_test_environment_are_marked_and_stay_xml(tmp_path: Path) -> None:
    store = ShelfStore(shelf=[payload(1)])
    async with running(Config(directory=tmp_path), context(store, environment="simulator"), Feed(snapshot())):
        await until((tmp_path / "dispatch.xml").exists)
    text = (tmp_path / "dispatch.xml").read_text()
    assert text.startswith("<DispatchBatch row='1'/>")
    assert "TEST DATA - simulator" in text
    assert json.loads((tmp_path / "archive" / "position.json").read_text())["row"] == 1
