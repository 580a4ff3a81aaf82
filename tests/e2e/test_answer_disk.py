"""A disk that is really full at each commit of an answer: nothing leaves before its commit, nothing leaves twice."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from caiso_ads.errors import StoreError
from caiso_ads.ports import ScaledClock
from caiso_ads.simulator.server import AdsSimulator
from tests.e2e.answering import Plant, answers_to, arrivals, disagreements, ends, issue, until_settled
from tests.e2e.cutting import TO_CLIENT, proxy_to

if sys.platform == "win32":
    pytest.skip("needs a limit of the size of files", allow_module_level=True)
else:
    import resource

pytestmark = [pytest.mark.slow]

SPEED = 20.0


class Disk:
    """Full: no file may grow beyond what the journal of the database has now."""

    def __init__(self, database: Path) -> None:
        self._journal = database.with_name(database.name + "-wal")
        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._journal.stat().st_size, self._before[1]))

    def empty(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)


@contextmanager
def disk_of(database: Path) -> Iterator[Disk]:
    disk = Disk(database)
    try:
        yield disk
    finally:
        disk.empty()


@pytest.mark.parametrize("step", ["record", "mark sending", "settle"])
async def test_whichever_commit_finds_the_disk_full_one_answer_leaves_after_its_commit(
    tmp_path: Path, step: str
) -> None:
    clock, path = ScaledClock(SPEED), tmp_path / "gateway.db"
    async with AdsSimulator(clock=clock) as simulator, proxy_to(simulator.port) as proxy:
        batch = issue(simulator.market, 1)
        answer = answers_to(batch, clock.now().wall)[0]
        async with Plant(simulator, proxy.port, path, clock).life() as (store, loop):
            with disk_of(path) as disk:
                if step == "record":
                    disk.fill()
                    with pytest.raises(StoreError):
                        await store.record_answer(answer, {})
                    disk.empty()
                answer = await store.record_answer(answer, {})
                if step == "mark sending":
                    disk.fill()
                elif step == "settle":
                    proxy.watch = lambda passage: disk.fill() if passage.passed[TO_CLIENT] else None
                loop.add(answer)
                await asyncio.sleep(0.6)
                stands = ends(path)[answer.instruction_uid]
                if step == "mark sending":
                    assert (stands, proxy.passages) == (["decided"], [])
                elif step == "settle":
                    assert (stands, len(arrivals(simulator))) == (["sending"], 1)
                proxy.watch = None
                disk.empty()
                await until_settled(store)
        assert ends(path) == {answer.instruction_uid: ["confirmed"]}
        assert arrivals(simulator) == [answer.instruction_uid]
        assert disagreements(simulator, path) == []
