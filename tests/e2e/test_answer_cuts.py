"""Connections cut at every byte between the first of a handshake and the last of a reply: one answer, never two.

The negative control sends again when the outcome is not known; the same campaign must catch it.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from caiso_ads.core.answers import Answer
from caiso_ads.loop.responder import Ending, ResponseLoop
from caiso_ads.ports import ScaledClock
from caiso_ads.simulator.server import AdsSimulator
from tests.e2e.answering import Plant, answers_to, arrivals, disagreements, ends, issue, until_settled
from tests.e2e.cutting import TO_CLIENT, TO_SERVER, Cut, CuttingProxy, cuts, proxy_to

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

SPEED = 60.0
AT_ONCE = 40


class SendsAgain(ResponseLoop):
    """What a naive client does with a call that failed."""

    async def _say(self, answer: Answer) -> Ending | None:
        ending = await super()._say(answer)
        return await super()._say(answer) if ending is None else ending


async def lengths_of_a_call(
    plant: Plant, proxy: CuttingProxy, simulator: AdsSimulator, clock: ScaledClock
) -> dict[str, int]:
    """Return how many bytes go each way in an answer that nothing disturbs."""
    async with plant.life() as (store, loop):
        answer = await store.record_answer(answers_to(issue(simulator.market, 1), clock.now().wall)[0], {})
        loop.add(answer)
        await until_settled(store)
    return proxy.passages[-1].passed


async def round_of(
    plan: Sequence[Cut],
    plant: Plant,
    proxy: CuttingProxy,
    simulator: AdsSimulator,
    clock: ScaledClock,
    moments: random.Random,
) -> None:
    """Answer as many instructions as there are cuts, end the process in the middle of it, and start again."""
    batch = issue(simulator.market, len(plan))
    first = len(proxy.passages)
    proxy.plan.extend(plan)
    async with plant.life() as (store, loop):
        for answer in answers_to(batch, clock.now().wall):
            loop.add(await store.record_answer(answer, {}))
        enough = first + moments.randrange(len(plan) // 2, len(plan) + 1)
        async with asyncio.timeout(20.0):
            while len(proxy.passages) < enough:  # noqa: ASYNC110 - real connections are waited for
                await asyncio.sleep(0.001)
    async with plant.life() as (store, _):
        await until_settled(store)
    proxy.plan.clear()


async def campaign(path: Path, loop_type: type[ResponseLoop], *, step: int, late_only: bool = False) -> list[str]:
    """Cut everywhere; return what is wrong afterwards."""
    clock = ScaledClock(SPEED)
    async with AdsSimulator(clock=clock) as simulator, proxy_to(simulator.port) as proxy:
        plant = Plant(simulator, proxy.port, path, clock, loop_type)
        lengths = await lengths_of_a_call(plant, proxy, simulator, clock)
        assert lengths[TO_SERVER] > 1000
        assert lengths[TO_CLIENT] > 1000
        plan = [cut for cut in cuts(lengths, step=step) if not late_only or cut.direction == TO_CLIENT]
        moments = random.Random(5)
        moments.shuffle(plan)
        for place in range(0, len(plan), AT_ONCE):
            await round_of(plan[place : place + AT_ONCE], plant, proxy, simulator, clock, moments)
        wrong = disagreements(simulator, path)
        told = Counter(states[-1] for states in ends(path).values())
        assert told["confirmed"] > 10
        if not late_only:
            assert told["lost"] > 10
        if loop_type is ResponseLoop:
            assert max(Counter(arrivals(simulator)).values()) == 1
        return wrong


async def test_cut_at_every_byte_the_iso_hears_one_answer_and_the_store_says_which(tmp_path: Path) -> None:
    assert await campaign(tmp_path / "gateway.db", ResponseLoop, step=40) == []


async def test_the_same_campaign_catches_a_loop_that_sends_again(tmp_path: Path) -> None:
    wrong = await campaign(tmp_path / "gateway.db", SendsAgain, step=48, late_only=True)
    assert any("answered twice" in each for each in wrong), "the campaign cannot see what it is there to see"
