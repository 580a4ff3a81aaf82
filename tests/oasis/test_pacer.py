from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from caiso_ads.errors import ConfigError, OasisError, ThrottledError
from caiso_ads.filelock import take
from caiso_ads.oasis.pace import decode
from caiso_ads.oasis.pacer import Pacer
from tests.fakes import FakeClock
from tests.price_fakes import HurriedClock

_ASKER = """
import asyncio, sys
from pathlib import Path
from caiso_ads.oasis.pacer import Pacer
from caiso_ads.ports import SystemClock

async def main():
    pacer = Pacer(Path(sys.argv[1]), SystemClock(), 0.1)
    for _ in range(8):
        async with pacer.turn(live=False) as started:
            print(repr(started), flush=True)

asyncio.run(main())
"""


async def start(pacer: Pacer, *, live: bool = False) -> float:
    async with pacer.turn(live=live) as started:
        return started


async def test_two_requests_start_six_seconds_apart(tmp_path: Path) -> None:
    clock = HurriedClock()
    pacer = Pacer(tmp_path / "pace", clock)
    assert await start(pacer) + 6 == await start(pacer)


async def test_a_restart_does_not_burst(tmp_path: Path) -> None:
    clock = HurriedClock()
    first = await start(Pacer(tmp_path / "pace", clock))
    assert await start(Pacer(tmp_path / "pace", clock)) == first + 6


async def test_a_live_request_passes_history_that_came_first(tmp_path: Path) -> None:
    clock, order = FakeClock(), []
    live, history = (Pacer(tmp_path / "pace", clock) for _ in range(2))
    await start(history)

    async def note(word: str, pacer: Pacer, *, live: bool) -> None:
        await start(pacer, live=live)
        order.append(word)

    tasks = [asyncio.create_task(note("history", history, live=False))]
    await clock.advance(1)
    tasks.append(asyncio.create_task(note("live", live, live=True)))
    await clock.advance(30)
    await asyncio.gather(*tasks)
    assert order == ["live", "history"]


async def test_a_refusal_makes_everybody_wait_and_an_answer_ends_the_doubling(tmp_path: Path) -> None:
    clock = HurriedClock()
    one, other = (Pacer(tmp_path / "pace", clock, jitter=lambda: 0.0) for _ in range(2))

    async def refused() -> None:
        async with one.turn(live=True):
            raise ThrottledError("no")

    with pytest.raises(ThrottledError):
        await refused()
    stopped = clock.now().wall.timestamp()
    assert await start(other) == stopped + 12, "the lowered rate is twice the interval"
    assert decode((tmp_path / "pace").read_bytes(), 0).strikes == 0
    for _ in range(3):
        with pytest.raises(ThrottledError):
            await refused()
    assert decode((tmp_path / "pace").read_bytes(), 0).strikes == 3
    with pytest.raises(OasisError):
        async with other.turn(live=False):
            raise OasisError(1000, "none")
    assert decode((tmp_path / "pace").read_bytes(), 0).strikes == 0


async def test_a_wall_clock_that_jumps_ahead_does_not_bring_a_request_forward(tmp_path: Path) -> None:
    clock = FakeClock()
    pacer = Pacer(tmp_path / "pace", clock)
    await start(pacer)
    clock.jump_wall(3600)
    waiting = asyncio.create_task(start(pacer))
    await clock.advance(5.9)
    assert not waiting.done()
    await clock.advance(0.2)
    assert waiting.done()


async def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError, match="pace"):
        await start(Pacer(tmp_path / "file" / "pace", HurriedClock()))
    with pytest.raises(ConfigError, match="min_interval_s"):
        Pacer(tmp_path / "pace", HurriedClock(), 0)


async def test_a_lock_that_is_never_given_back_is_named_after_a_while(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "pace", os.O_RDWR | os.O_CREAT)
    take(fd)
    try:
        with pytest.raises(ConfigError, match="cannot be locked"):
            await start(Pacer(tmp_path / "pace", HurriedClock()))
    finally:
        os.close(fd)


def test_two_processes_keep_one_pace(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _ASKER, str(tmp_path / "pace")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    starts = sorted(float(line) for each in running for line in each.communicate(timeout=60)[0].split())
    assert [each.returncode for each in running] == [0, 0]
    assert len(starts) == 16
    assert min(later - earlier for earlier, later in pairwise(starts)) >= 0.1 - 1e-4
