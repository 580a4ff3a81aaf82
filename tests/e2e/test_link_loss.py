"""The ISO goes away under a running gateway: what mbpoll reads, second by second, until the directive changes."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from caiso_ads.core.points import GATEWAY_POINTS, RESOURCE_POINTS
from caiso_ads.core.quality import Directive
from caiso_ads.sinks.modbus.layout import Plan, slot
from tests.e2e import processes

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(150)]

PLAN = Plan(("one",))
LINK_AGE = PLAN.native_base + slot([point.key for point in GATEWAY_POINTS].index("link_age_s"))
DIRECTIVE = PLAN.block_base(3) + slot([point.key for point in RESOURCE_POINTS].index("directive"))


def mbpoll(port: int, address: int, *kind: str) -> float:
    words = [
        "mbpoll",
        "-m",
        "tcp",
        "-p",
        str(port),
        "-a",
        "1",
        *kind,
        "-r",
        str(address + 1),
        "-c",
        "1",
        "-1",
        "127.0.0.1",
    ]
    text = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    found = re.search(r"^\[\d+\]:\s+(\S+)", text, re.MULTILINE)
    assert found, text
    return float(found[1])


@pytest.mark.skipif(shutil.which("mbpoll") is None, reason="needs Debian's mbpoll")
def test_mbpoll_reads_the_directive_change_when_the_link_is_lost(tmp_path: Path) -> None:
    """The fourth resource is gas, which follows always: TEST while fresh, HOLD once the last poll is 30 s old."""
    log = tmp_path / "gateway.log"
    with processes.simulator(tmp_path) as config:
        port = int(re.findall(r"port = (\d+)", config.read_text())[0])
        gateway = processes.caiso_ads("run", "--config", str(config), log=log)
        try:
            processes.wait_for("caiso-ads [0-9.]+, simulator", log, gateway)
            until(lambda: mbpoll(port, DIRECTIVE, "-t", "4") == Directive.TEST)
        except BaseException:
            processes.stop(gateway)
            raise
    try:
        seen: list[tuple[float, float, float]] = []
        deadline = time.monotonic() + 60.0
        while time.monotonic() < deadline and (not seen or seen[-1][1] != Directive.HOLD):
            before = mbpoll(port, LINK_AGE, "-t", "4:float", "-B")
            word = mbpoll(port, DIRECTIVE, "-t", "4")
            seen.append((before, word, mbpoll(port, LINK_AGE, "-t", "4:float", "-B")))
            time.sleep(0.1)
        assert seen[-1][1] == Directive.HOLD
        assert {word for _, word, _ in seen} == {Directive.TEST, Directive.HOLD}
        for before, word, after in seen:
            if after <= 30.0:
                assert word == Directive.TEST
            if before > 31.0:
                assert word == Directive.HOLD
    finally:
        assert processes.stop(gateway) == 0, log.read_text()


def until(condition: Callable[[], bool]) -> None:
    """Wait until it holds; a register that cannot be read yet is not yet."""
    deadline = time.monotonic() + 60.0
    while time.monotonic() < deadline:
        with suppress(subprocess.CalledProcessError):
            if condition():
                return
        time.sleep(0.2)
    raise AssertionError("never")
