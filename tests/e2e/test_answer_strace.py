"""What the kernel saw of an answer: SENDING was on the disk before the gateway so much as called the ISO's number."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from caiso_ads.simulator.server import AdsSimulator
from tests.e2e import processes
from tests.e2e.answering import SharedClock, arrivals, configuration, issue, until
from tests.e2e.cutting import proxy_to

pytestmark = [pytest.mark.slow]

SENDING = "answer sending"
"""Stands in the evidence row of the commit that allows the sending."""


def traced(config: Path, clock: SharedClock, trace: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start the gateway with strace behind it; the process returned is the gateway."""
    words = ("strace", "-D", "-f", "-s", "8192", "-e", "trace=pwrite64,fdatasync,fsync,connect", "-o", str(trace))
    with log.open("ab") as output:
        command = [*words, sys.executable, *clock.gateway(config)]
        return subprocess.Popen(command, stdout=output, stderr=output, env=processes.environment())


def order(trace: Path, port: int) -> list[str]:
    """Return what matters, in order: ``written``, ``synced`` for a sync that ended well, and ``connect``."""
    seen = []
    for line in trace.read_text(errors="replace").splitlines():
        if "pwrite64(" in line and SENDING in line:
            seen.append("written")
        elif re.search(r"(fdatasync\(\d+\)|fsync\(\d+\)|f(data)?sync resumed>\)) += 0", line):
            seen.append("synced")
        elif "connect(" in line and f"htons({port})" in line:
            seen.append("connect")
    return seen


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
async def test_the_commit_is_on_the_disk_before_the_connection_is_asked_for(tmp_path: Path) -> None:
    clock, log, trace = SharedClock(5.0), tmp_path / "gateway.log", tmp_path / "trace"
    async with AdsSimulator(clock=clock, directory=tmp_path) as simulator, proxy_to(simulator.port) as proxy:
        config = configuration(tmp_path, simulator, proxy.port)
        for shelf in (simulator.market.dispatches, simulator.market.trajectories):
            shelf.forget_before(clock.now().wall - timedelta(minutes=10))
        issue(simulator.market, 1)
        process = traced(config, clock, trace, log)
        try:
            answered = await until(lambda: bool(arrivals(simulator)), 40.0)
        finally:
            process.terminate()
            await asyncio.to_thread(process.wait, 20)
    assert answered, log.read_text()
    assert await until(lambda: f"{process.pid} +++ " in trace.read_text(errors="replace"), 30.0)
    seen = order(trace, proxy.port)
    first = seen.index("connect")
    assert seen.count("connect") == 1
    assert "written" in seen[:first]
    written = max(place for place in range(first) if seen[place] == "written")
    assert "synced" in seen[written:first]
