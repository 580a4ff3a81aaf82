"""The feed of the evidence chain: nothing waits for the disk, nothing is lost without being counted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from caiso_ads.errors import StoreError
from caiso_ads.loop.evidence import ROWS_A_COMMIT, WRITE_EVERY_S, EvidenceLog
from caiso_ads.ports.answers import Fact
from tests.fakes import START, FakeClock


@dataclass
class Chain:
    """A chain that keeps its commits; ``gate`` holds a commit back, ``broken`` refuses it."""

    commits: list[tuple[Fact, ...]] = field(default_factory=list)
    broken: bool = False
    gate: asyncio.Event | None = None

    async def append_facts(self, facts: Sequence[Fact]) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.broken:
            raise StoreError("no space left on device")
        self.commits.append(tuple(facts))

    @property
    def texts(self) -> list[str]:
        return [fact.text for commit in self.commits for fact in commit]


def fact(text: str) -> Fact:
    return Fact("seen", START, "modbus", text)


async def test_what_is_noted_is_written_in_order_and_in_one_commit() -> None:
    chain, clock = Chain(), FakeClock()
    evidence = EvidenceLog(chain, clock)
    task = asyncio.create_task(evidence.run())
    for number in range(3):
        evidence.note(fact(str(number)))
    await clock.advance(WRITE_EVERY_S / 2)
    assert chain.commits == []
    await clock.advance(WRITE_EVERY_S)
    assert [len(commit) for commit in chain.commits] == [3]
    assert chain.texts == ["0", "1", "2"]
    assert evidence.waiting == 0
    await stop(task)


async def test_a_commit_is_bounded() -> None:
    chain = Chain()
    evidence = EvidenceLog(chain, FakeClock())
    for number in range(ROWS_A_COMMIT + 1):
        evidence.note(fact(str(number)))
    await evidence.write()
    assert [len(commit) for commit in chain.commits] == [ROWS_A_COMMIT, 1]


async def test_a_store_that_fails_is_tried_again_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    chain, clock = Chain(broken=True), FakeClock()
    evidence = EvidenceLog(chain, clock)
    task = asyncio.create_task(evidence.run())
    evidence.note(fact("one"))
    with caplog.at_level(logging.WARNING):
        await clock.advance(5 * WRITE_EVERY_S)
    assert len([record for record in caplog.records if "waits for the store" in record.message]) == 1
    evidence.note(fact("two"))
    chain.broken = False
    await clock.advance(2 * WRITE_EVERY_S)
    assert chain.texts == ["one", "two"]
    await stop(task)


async def test_what_finds_no_room_is_counted_in_its_place(caplog: pytest.LogCaptureFixture) -> None:
    chain = Chain(broken=True)
    evidence = EvidenceLog(chain, FakeClock(), most=2)
    for text in ("one", "two", "lost", "lost", "lost"):
        evidence.note(fact(text))
    await evidence.write()
    assert evidence.waiting == 2
    chain.broken = False
    await evidence.write()
    evidence.note(fact("later"))
    await evidence.write()
    assert chain.texts[:2] == ["one", "two"]
    assert chain.texts[3:] == ["later"]
    gap = chain.commits[1][0]
    assert (gap.kind, gap.who) == ("gap", "gateway")
    assert gap.detail == {"rows": 3, "first_at": START.isoformat(), "last_at": START.isoformat()}
    assert len([record for record in caplog.records if "queue is full" in record.message]) == 1


async def test_what_is_noted_while_a_commit_runs_is_not_lost() -> None:
    chain, clock = Chain(gate=asyncio.Event()), FakeClock()
    evidence = EvidenceLog(chain, clock)
    task = asyncio.create_task(evidence.run())
    evidence.note(fact("one"))
    await clock.advance(2 * WRITE_EVERY_S)
    evidence.note(fact("two"))
    assert chain.gate is not None
    chain.gate.set()
    await clock.settle()
    assert chain.texts == ["one", "two"]
    await stop(task)


async def test_the_end_between_two_writes_writes_what_waits() -> None:
    chain, clock = Chain(), FakeClock()
    evidence = EvidenceLog(chain, clock)
    task = asyncio.create_task(evidence.run())
    await clock.advance(1.5 * WRITE_EVERY_S)
    evidence.note(fact("last"))
    await stop(task)
    assert chain.texts == ["last"]


async def test_the_end_writes_what_waits_and_nothing_twice() -> None:
    chain, clock = Chain(gate=asyncio.Event()), FakeClock()
    evidence = EvidenceLog(chain, clock)
    task = asyncio.create_task(evidence.run())
    evidence.note(fact("under way"))
    await clock.advance(2 * WRITE_EVERY_S)
    evidence.note(fact("waiting"))
    task.cancel()
    await clock.settle()
    evidence.note(fact("last"))
    assert chain.gate is not None
    chain.gate.set()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert chain.texts == ["under way", "waiting", "last"]


@pytest.mark.parametrize(
    "bad",
    [
        Fact("seen", START, "modbus", "bad", detail={"mw": math.nan}),
        Fact("seen", START, "modbus", "bad", detail={"at": START}),
        Fact("seen", START, "modbus", "bad \ud800"),
        Fact("seen", START.replace(tzinfo=None), "modbus", "bad"),
    ],
)
async def test_a_row_that_no_store_can_take_is_named_and_blocks_nobody(bad: Fact) -> None:
    chain = Chain()
    evidence = EvidenceLog(chain, FakeClock())
    evidence.note(bad)
    evidence.note(fact("good"))
    await evidence.write()
    gap, good = chain.commits[0]
    assert (gap.kind, gap.at) == ("gap", START)
    assert "bad" in str(gap.detail["text"])
    assert gap.text.isascii()
    assert good.text == "good"


async def test_the_end_with_a_broken_store_ends() -> None:
    chain, clock = Chain(broken=True), FakeClock()
    evidence = EvidenceLog(chain, clock)
    task = asyncio.create_task(evidence.run())
    await clock.advance(WRITE_EVERY_S)
    evidence.note(fact("one"))
    await stop(task)
    assert evidence.waiting == 1


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_two_who_write_at_once_write_nothing_twice() -> None:
    store = Slow()
    evidence = EvidenceLog(store, FakeClock())
    for number in range(3):
        evidence.note(Fact("x", START, "w", str(number)))
    both = await asyncio.gather(evidence.durable(), evidence.durable())
    assert all(both)
    assert [fact.text for fact in store.rows] == ["0", "1", "2"]


class Slow:
    """Takes a moment for each commit."""

    def __init__(self) -> None:
        self.rows: list[Fact] = []

    async def append_facts(self, facts: Sequence[Fact]) -> None:
        """Let others run first."""
        await asyncio.sleep(0)
        self.rows += facts
