"""Commands of whoever brings them: one after the other, slow ones beside, each answered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from caiso_ads.errors import CommandError, StoreError
from caiso_ads.loop.commands import Command, Result
from caiso_ads.loop.desk import Desk
from tests.fakes import START, FakeClock

CLEAR = {"kind": "clear", "resource": "A", "reason": "r"}


@dataclass
class Turnstile:
    """A handler that counts who is inside at one time."""

    slow: bool = False
    error: Exception | None = None
    inside: int = 0
    most: int = 0
    seen: list[Command] = field(default_factory=list)

    async def __call__(self, command: Command, now: datetime) -> Result:
        self.seen.append(command)
        self.inside += 1
        self.most = max(self.most, self.inside)
        await asyncio.sleep(0)
        self.inside -= 1
        if self.error is not None:
            raise self.error
        return Result(done=True, text="did it")


async def test_a_person_at_the_page_is_the_author_and_the_command_says_from_where() -> None:
    handler = Turnstile()
    assert (await Desk({"clear": handler}, FakeClock()).ask(CLEAR, "alice", "page, 10.0.0.7")).done
    (command,) = handler.seen
    assert command.author == "alice"
    assert command.origin == {"command": command.command_id, "owner": "alice", "host": "page, 10.0.0.7"}
    assert command.said["at"] == START.isoformat()


async def test_commands_take_turns_and_slow_ones_go_on_beside() -> None:
    quick, slow = Turnstile(), Turnstile(slow=True)
    desk = Desk({"clear": quick, "accept": slow}, FakeClock())
    await asyncio.gather(*(desk.ask(CLEAR, "alice", "h") for _ in range(3)))
    await asyncio.gather(*(desk.ask({"kind": "accept"}, "alice", "h") for _ in range(3)))
    assert (quick.most, slow.most) == (1, 3)
    assert desk.is_slow("accept")
    assert not desk.is_slow("clear")
    assert not desk.is_slow("unheard of")


async def test_what_is_refused_or_cannot_be_written_is_an_answer() -> None:
    desk = Desk({"clear": Turnstile(error=CommandError("no", field="reason"))}, FakeClock())
    assert await desk.ask(CLEAR, "alice", "h") == Result(done=False, text="reason: no")
    assert (await desk.ask({"kind": "accept"}, "alice", "h")).text == "kind: this gateway takes no command 'accept'"
    full = Desk({"clear": Turnstile(error=StoreError("disk full"))}, FakeClock())
    assert "disk full" in (await full.ask(CLEAR, "alice", "h")).text
