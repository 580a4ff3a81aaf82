"""The test button: the alarm is raised, each notifier says what became of it, and nobody else waits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import pytest

from caiso_ads.errors import CommandError
from caiso_ads.loop.alarm_test import AlarmTest
from caiso_ads.loop.commands import Command, Result
from caiso_ads.loop.desk import Desk
from tests.fakes import FakeClock


class Raised:
    slow = False

    def __init__(self, problem: str = "") -> None:
        self.problem = problem

    async def __call__(self, command: Command, now: datetime) -> Result:
        if self.problem:
            raise CommandError(self.problem)
        return Result(done=True, text=f"{command.kind} is raised")


async def test_the_answer_tells_the_outcome_of_each_notifier() -> None:
    asked: list[str] = []

    async def try_out(who: str) -> Sequence[str]:
        asked.append(who)
        return ["mail: sent", "hook: failed: no route"]

    desk = Desk({"alarm-test": AlarmTest(Raised(), try_out)}, FakeClock())
    result = await desk.ask({"kind": "alarm-test"}, "ann", "here")
    assert result == Result(done=True, text="alarm-test is raised; mail: sent; hook: failed: no route")
    assert asked == ["ann"]


async def test_other_commands_do_not_wait_for_a_notifier_that_hangs() -> None:
    async def hang(_who: str) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    desk = Desk({"alarm-test": AlarmTest(Raised(), hang), "set": Raised()}, FakeClock())
    assert desk.is_slow("alarm-test")
    testing = asyncio.create_task(desk.ask({"kind": "alarm-test"}, "ann", "here"))
    await asyncio.sleep(0)
    assert (await desk.ask({"kind": "set"}, "ann", "here")).done
    testing.cancel()
    await asyncio.wait({testing})


async def test_a_test_that_is_refused_sends_nothing() -> None:
    async def never(_who: str) -> Sequence[str]:
        pytest.fail("it was refused")

    with pytest.raises(CommandError, match="no"):
        await AlarmTest(Raised("no"), never)(Command("1", {"kind": "alarm-test"}, "ann"), FakeClock().now().wall)
