"""Fifty people accept one instruction at once through the running gateway's folder: one wins, all others are told who."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from caiso_ads.core.answers import AnswerState
from caiso_ads.core.model import DispatchBatch
from caiso_ads.loop.board import Board
from caiso_ads.loop.commands import Result, Spool, ask, whoami
from caiso_ads.loop.desk import Desk
from caiso_ads.loop.obeying import obey
from caiso_ads.loop.operators import Operators
from caiso_ads.ports import ScaledClock, SystemClock
from caiso_ads.simulator.answered import given
from caiso_ads.simulator.faults import Fault, FaultKind
from caiso_ads.simulator.fleet import BACKUP
from caiso_ads.simulator.server import AdsSimulator
from tests.e2e.answering import (
    Plant,
    answers_to,
    arrivals,
    disagreements,
    ends,
    issue,
    taken_once,
    until,
    until_settled,
)
from tests.simulator.caller import calling

pytestmark = [pytest.mark.slow]

PEOPLE = 50


@asynccontextmanager
async def gateway(plant: Plant, batch: DispatchBatch) -> AsyncIterator[Spool]:
    """Serve operators' commands on that batch."""
    clock, spool, board = SystemClock(), Spool(plant.path), Board()
    board.see(batch, clock.now().wall)
    async with plant.life() as (store, loop):
        spool.prepare()
        handlers = Operators(board, store, loop, lambda: True, two_person_declines=False).handlers()
        obeying = asyncio.create_task(obey(spool, clock, Desk(handlers, clock)))
        try:
            yield spool
        finally:
            obeying.cancel()
            with suppress(asyncio.CancelledError):
                await obeying


async def test_of_fifty_parallel_accepts_one_wins_and_the_others_are_told_who_was_first(tmp_path: Path) -> None:
    clock = SystemClock()
    async with AdsSimulator(clock=clock) as simulator:
        batch = issue(simulator.market, 1)
        plant = Plant(simulator, simulator.port, tmp_path / "gateway.db", clock)
        said = {"kind": "accept", "instruction": batch.instructions[0].instruction_uid, "revision": 0}
        async with gateway(plant, batch) as spool:
            results: list[Result] = await asyncio.gather(*(ask(spool, said, clock) for _ in range(PEOPLE)))
        assert sum(result.done for result in results) == 1
        losers = [result.text for result in results if not result.done]
        assert [text for text in losers if f"{whoami()} was first" not in text] == []
        assert len(arrivals(simulator)) == 1
        assert taken_once(simulator, batch)
        assert ends(plant.path) == {said["instruction"]: ["confirmed"]}
        assert disagreements(simulator, plant.path) == []


async def test_of_fifty_parallel_records_in_the_store_one_stands(tmp_path: Path) -> None:
    """The same without the folder, which hands commands on one by one: the database itself refuses the others."""
    clock = SystemClock()
    async with AdsSimulator(clock=clock) as simulator:
        answer = answers_to(issue(simulator.market, 1), clock.now().wall)[0]
        async with Plant(simulator, simulator.port, tmp_path / "gateway.db", clock).life() as (store, _):
            tries = (store.record_answer(answer, {}) for _ in range(PEOPLE))
            told = await asyncio.gather(*tries, return_exceptions=True)
        refused = [str(each) for each in told if isinstance(each, BaseException)]
        assert len(refused) == PEOPLE - 1
        assert all("ann was first" in each for each in refused)


async def test_the_same_answer_of_our_backup_is_not_taken_for_ours_that_got_lost(tmp_path: Path) -> None:
    clock = ScaledClock(60.0)
    async with AdsSimulator(clock=clock) as simulator, calling(simulator, BACKUP) as backup:
        batch = issue(simulator.market, 1)
        uid = batch.instructions[0].instruction_uid
        simulator.faults.add(Fault(FaultKind.LOST_REQUEST, operation="acceptInstruction"))
        plant = Plant(simulator, simulator.port, tmp_path / "gateway.db", clock)
        async with plant.life() as (store, loop):
            loop.add(await store.record_answer(answers_to(batch, clock.now().wall)[0], {}))
            assert await until(lambda: not list(simulator.faults), 10.0)
            reply = await backup.call("acceptInstruction", batchUID=batch.batch_uid, instructionUID=uid)
            assert reply.result == "0"
            await until_settled(store)
            told = (await store.answers_of(uid))[0]
        assert told.state is AnswerState.SUPERSEDED
        assert BACKUP in told.text
        assert [each.common_name for each in given(simulator.ledger)] == [BACKUP]
