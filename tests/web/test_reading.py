"""Reads run beside the loop, are stopped when they take too long, and are refused when too many wait."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from caiso_ads.errors import StoreError
from caiso_ads.store.looking import ReadOnly
from caiso_ads.web.answers import ProblemError
from caiso_ads.web.reading import MOST_AT_ONCE, Reads

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


class Asking(ReadOnly):
    """Asks what it is told."""

    def ask(self, query: str) -> list[tuple[object, ...]]:
        return self._ask(query)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "x.db"
    with sqlite3.connect(found) as db:
        db.execute("CREATE TABLE t (a)")
    db.close()
    return found


async def test_it_gives_what_the_work_gave_and_ran_in_a_thread(path: Path) -> None:
    reads = Reads(path)
    name = await reads.of(Asking, lambda reader: (reader.ask("SELECT 7"), threading.current_thread().name))
    assert name[0] == [(7,)]
    assert name[1].startswith("web-reading")
    reads.close()
    assert await reads.of(Asking, lambda reader: reader.ask("SELECT 8")) == [(8,)]  # a sink that starts again
    reads.close()


async def test_what_takes_too_long_is_stopped_in_the_database(path: Path) -> None:
    reads, ended = Reads(path), threading.Event()

    def work(reader: Asking) -> None:
        try:
            reader.ask(ENDLESS)
        finally:
            ended.set()

    with pytest.raises(ProblemError) as refused:
        await reads.of(Asking, work, within_s=0.05)
    assert refused.value.status == 503
    assert await asyncio.to_thread(ended.wait, 10)
    reads.close()


async def test_too_many_at_once_are_refused_and_the_place_is_free_again(path: Path) -> None:
    reads, go = Reads(path), threading.Event()
    waiting = [asyncio.create_task(reads.of(Asking, lambda _: go.wait(10))) for _ in range(MOST_AT_ONCE)]
    await asyncio.sleep(0)
    with pytest.raises(ProblemError) as refused:
        await reads.of(Asking, lambda _: None)
    assert refused.value.status == 503
    go.set()
    await asyncio.gather(*waiting)
    assert await reads.of(Asking, lambda _: 1) == 1
    reads.close()


async def test_a_store_that_cannot_be_read_is_a_problem_without_its_path(tmp_path: Path) -> None:
    reads = Reads(tmp_path / "none.db")
    with pytest.raises(ProblemError) as refused:
        await reads.of(Asking, lambda _: None)
    assert refused.value.status == 503
    assert str(tmp_path) not in refused.value.problem.error
    reads.close()


async def test_what_no_database_can_look_up_is_the_askers_mistake(path: Path) -> None:
    reads = Reads(path)
    for mistake in (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogate"), OverflowError("too large")):

        def work(_: Asking, mistake: Exception = mistake) -> None:
            raise mistake

        with pytest.raises(ProblemError) as refused:
            await reads.of(Asking, work)
        assert refused.value.status == 400
    reads.close()


def test_a_reader_that_was_stopped_asks_nothing_more(path: Path) -> None:
    with Asking(path) as reader:
        reader.can_be_stopped()
        assert reader.ask("SELECT 1") == [(1,)]
        reader.stop()
        with pytest.raises(StoreError):
            reader.ask("SELECT 1")
