"""kill -9 of the real gateway at chosen bytes of its answers: after the last start everything is settled, once."""

from __future__ import annotations

import asyncio
import random
import subprocess
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from caiso_ads.simulator.server import AdsSimulator
from caiso_ads.simulator.switches import Switches
from tests.e2e import processes
from tests.e2e.answering import SharedClock, arrivals, configuration, disagreements, ends, issue, until
from tests.e2e.cutting import Passage, proxy_to

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

SPEED = 10.0
KILLS = 10
AT_ONCE = 4
CALL_BYTES = 6000
"""About what passes in one answer, handshake and reply."""


@dataclass
class Killer:
    """Kills the process as soon as so many bytes of any one answer have passed."""

    victim: subprocess.Popen[bytes]
    after: int

    def __call__(self, passage: Passage) -> None:
        if sum(passage.passed.values()) >= self.after:
            self.victim.kill()

    def is_dead(self) -> bool:
        return self.victim.poll() is not None


async def test_after_kills_at_any_byte_of_an_answer_the_iso_has_one_and_the_store_knows(tmp_path: Path) -> None:
    clock, moments = SharedClock(SPEED), random.Random(11)
    database, asked = tmp_path / "gateway.db", set[str]()

    async with AdsSimulator(clock=clock, directory=tmp_path, switches=Switches()) as simulator:
        async with proxy_to(simulator.port) as proxy:
            config = configuration(tmp_path, simulator, proxy.port)
            for shelf in (simulator.market.dispatches, simulator.market.trajectories):
                shelf.forget_before(clock.now().wall - timedelta(minutes=10))  # the past is not what is tried here
            midway = 0
            for _ in range(KILLS):
                batch = issue(simulator.market, AT_ONCE)
                asked |= {row.instruction_uid for row in batch.instructions}
                process = processes.start(*clock.gateway(config), log=tmp_path / "gateway.log")
                victim = Killer(process, moments.randrange(1, CALL_BYTES))
                proxy.watch = victim
                assert await until(victim.is_dead, 40.0), (tmp_path / "gateway.log").read_text()
                midway += "sending" in {states[-1] for states in ends(database).values()}
            proxy.watch = None
            process = processes.start(*clock.gateway(config), log=tmp_path / "gateway.log")
            try:
                settled = await until(
                    lambda: (
                        ends(database).keys() >= asked
                        and not {states[-1] for states in ends(database).values()} & {"decided", "sending"}
                    ),
                    40.0,
                )
            finally:
                process.terminate()
                await asyncio.to_thread(process.wait, 20)
        assert settled, f"{ends(database)}\n{(tmp_path / 'gateway.log').read_text()}"
        assert midway >= KILLS // 2, "the kills must hit answers that are on their way"
        assert disagreements(simulator, database) == []
        assert max(Counter(arrivals(simulator)).values()) == 1
        assert "Traceback" not in (tmp_path / "gateway.log").read_text()
