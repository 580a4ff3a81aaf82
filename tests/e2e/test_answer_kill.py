"""kill -9 of the real gateway at chosen bytes of its answers: after the last start everything is settled, once."""

from __future__ import annotations

import asyncio
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from caiso_ads.ports import ScaledClock
from caiso_ads.simulator.kit import write_kit
from caiso_ads.simulator.server import AdsSimulator
from caiso_ads.simulator.switches import Switches
from caiso_ads.wire.operations import VERSIONS
from tests.e2e import processes
from tests.e2e.answering import DOT_MW, OURS, arrivals, disagreements, ends, issue
from tests.e2e.cutting import CuttingProxy, Passage, proxy_to

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

SPEED = 10.0
KILLS = 10
AT_ONCE = 4
CALL_BYTES = 6500
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


def configuration(directory: Path, simulator: AdsSimulator, proxy: CuttingProxy) -> Path:
    """Write a kit whose policy accepts what is asked for, through the proxy."""
    response_url = f"https://127.0.0.1:{proxy.port}{VERSIONS['v8'].response_path}"
    kit = write_kit(
        directory, simulator.url, response_url, simulator.fleet, modbus_port=processes.free_port(), poll_interval_s=5.0
    )  # fmt: skip
    text = kit.config.read_text().replace(f'id = "{OURS}"', f'id = "{OURS}"\nauto_accept_within_mw = {DOT_MW}')
    kit.config.write_text(f'{text}\n[responses]\nmode = "on"\n'.replace("acknowledge = true", "acknowledge = false"))
    return kit.config


async def until(condition: Callable[[], bool], within_s: float) -> bool:
    """Wait until a function says so."""
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.01)
    return True


async def test_after_kills_at_any_byte_of_an_answer_the_iso_has_one_and_the_store_knows(tmp_path: Path) -> None:
    wall, mono, moments = datetime.now(UTC), time.monotonic(), random.Random(11)
    database, asked = tmp_path / "gateway.db", set[str]()

    def start(config: Path) -> subprocess.Popen[bytes]:
        words = (str(Path(__file__).with_name("fast_gateway.py")), str(config), str(SPEED), wall.isoformat(), str(mono))
        return processes.start(*words, log=tmp_path / "gateway.log")

    clock = ScaledClock(SPEED, wall)
    async with AdsSimulator(clock=clock, directory=tmp_path, switches=Switches()) as simulator:
        async with proxy_to(simulator.port) as proxy:
            config = configuration(tmp_path, simulator, proxy)
            for shelf in (simulator.market.dispatches, simulator.market.trajectories):
                shelf.forget_before(clock.now().wall - timedelta(minutes=10))  # the past is not what is tried here
            midway = 0
            for _ in range(KILLS):
                batch = issue(simulator.market, AT_ONCE)
                asked |= {row.instruction_uid for row in batch.instructions}
                process = start(config)
                victim = Killer(process, moments.randrange(1, CALL_BYTES))
                proxy.watch = victim
                assert await until(victim.is_dead, 40.0), (tmp_path / "gateway.log").read_text()
                midway += "sending" in {states[-1] for states in ends(database).values()}
            proxy.watch = None
            process = start(config)
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
