"""A person's answer: refused here, or recorded, sent and told; of many at once one wins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from caiso_ads.core.codes import BatchStatus, ResponseResult
from caiso_ads.errors import CommandError, StoreError, UnreachableError
from caiso_ads.loop.board import Board
from caiso_ads.loop.commands import Command, Result
from caiso_ads.loop.operators import Operators, ReadOnly, person
from caiso_ads.loop.responder import ResponseLoop
from caiso_ads.loop.roles import RoleAlarm
from caiso_ads.ports.answers import AnswerStore
from caiso_ads.store.sqlite import SqlStore
from tests.answer_fakes import MemoryAnswers
from tests.fakes import START, FakeClock
from tests.response_fakes import hourly, iso_of


class Room:
    """A control room on fakes: what operators say is executed at once."""

    def __init__(self, store: AnswerStore, *, two: bool = False) -> None:
        self.clock, self.store, self.board = FakeClock(), store, Board()
        self.iso = iso_of(hourly(count=2), clock=self.clock)
        self.board.see(hourly(count=2), START)
        self.clock_ok = True
        self.loop = ResponseLoop(
            self.iso, self.iso, store, self.clock, RoleAlarm(self.clock, lambda _: None), lambda: self.clock_ok
        )
        self.operators = Operators(self.board, store, self.loop, lambda: self.clock_ok, two_person_declines=two)
        self.task = asyncio.create_task(self.loop.run())

    async def says(self, who: str = "alice", **said: object) -> Result:
        """Give a command and see it through."""
        asking = asyncio.create_task(self.operators(self.command(who, **said), self.clock.now().wall))
        async with asyncio.timeout(30):
            while not asking.done():
                await self.clock.advance(0.1)
                await asyncio.sleep(0.001)
        return await asking

    @staticmethod
    def command(who: str, **said: object) -> Command:
        """Return a command as the spool has checked it."""
        frame = {"format": 1, "at": START.isoformat(), "host": "h", "who": f"ads (sudo by {who})"}
        return Command("0" * 32, {"instruction": "H-I0", "revision": 0, **frame, **said}, "ads")


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AnswerStore]:
    if request.param == "memory":
        yield MemoryAnswers()
        return
    made = await SqlStore.open(tmp_path / "gateway.db", FakeClock())
    yield made
    await made.close()


@pytest.fixture
async def room(store: AnswerStore) -> AsyncIterator[Room]:
    made = Room(store)
    yield made
    made.task.cancel()
    await asyncio.wait({made.task})


@pytest.fixture
async def two(store: AnswerStore) -> AsyncIterator[Room]:
    made = Room(store, two=True)
    yield made
    made.task.cancel()
    await asyncio.wait({made.task})


async def test_each_kind_is_recorded_sent_and_told(room: Room) -> None:
    accepted = await room.says(kind="accept")
    cut = await room.says(kind="partial", instruction="H-I1", mw=40.5, reason_code="unit-derate")
    assert accepted == Result(done=True, text="accept of H-I0 for R1: confirmed: accepted by the ISO")
    assert cut == Result(done=True, text="partial 40.5 MW of H-I1 for R2: confirmed: accepted by the ISO")
    assert room.iso.ledger == [("accept", "H-I0"), ("partial", "H-I1")]
    [answer] = await room.store.answers_of("H-I1")
    assert (answer.who, answer.mw, answer.reason_code) == ("ads (sudo by alice)", 40.5, 13)
    assert answer.closes_at == hourly().batch_expires


async def test_what_the_iso_refuses_is_told_and_not_done(room: Room) -> None:
    room.iso.code = ResponseResult.RC_UNAUTHORIZED
    result = await room.says(kind="accept")
    assert not result.done
    assert "refused: this certificate has no right" in result.text


async def test_an_outcome_not_known_in_time_is_told_as_that(room: Room) -> None:
    room.iso.lose = "after"

    async def fall_silent(operation: str, _: str) -> None:
        if operation == "accept":
            room.iso.fail["batch"] = UnreachableError("down")

    room.iso.on_call = fall_silent
    result = await room.says(kind="accept")
    assert not result.done
    assert "not known yet whether the ISO has it" in result.text


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"kind": "accept", "instruction": "X"}, "instruction"), ({"kind": "accept", "instruction": 5}, "instruction"),
        ({"kind": "accept", "revision": 1}, "revision"), ({"kind": "accept", "revision": True}, "revision"),
        ({"kind": "accept", "revision": "0"}, "revision"), ({"kind": "decline"}, "reason"),
        ({"kind": "decline", "reason_code": 15}, "reason"), ({"kind": "partial", "reason_code": 13}, "mw"),
        ({"kind": "partial", "reason_code": 13, "mw": 80.5}, "mw"),
        ({"kind": "partial", "reason_code": 13, "mw": -1}, "mw"),
        ({"kind": "partial", "reason_code": 13, "mw": float("nan")}, "mw"),
        ({"kind": "partial", "reason_code": 13, "mw": 10**400}, "mw"), ({"kind": "second"}, "answer"),
        ({"kind": "second", "answer": 7}, "answer"),
    ],
)  # fmt: skip
async def test_what_the_iso_would_refuse_is_refused_here_and_nothing_is_recorded(
    room: Room, said: dict[str, Any], field: str
) -> None:
    with pytest.raises(CommandError) as refused:
        await room.says(**said)
    assert refused.value.field == field
    assert room.iso.calls == []
    assert list(await room.store.answers_of("H-I0")) == []


async def test_the_window_the_clock_and_a_cancelled_batch_are_looked_at(room: Room) -> None:
    room.clock_ok = False
    with pytest.raises(CommandError, match="clock"):
        await room.says(kind="accept")
    room.clock_ok = True
    room.board.see(replace(hourly(count=2), batch_status=BatchStatus.EMERGENCY_CANCELLED, revision_no=1), START)
    with pytest.raises(CommandError, match="cancelled"):
        await room.says(kind="accept")
    room.board.see(replace(hourly(count=2), revision_no=2), START)
    await room.clock.advance(595.0)
    with pytest.raises(CommandError, match="window ends"):
        await room.says(kind="accept")
    assert room.iso.calls == []


async def test_of_fifty_at_once_one_wins_and_the_others_are_told_who_was_first(room: Room) -> None:
    async def say(number: int) -> Result | CommandError:
        try:
            return await room.says(f"p{number}", kind="accept")
        except CommandError as refused:
            return refused

    told = await asyncio.gather(*(say(number) for number in range(50)))
    won = [result for result in told if isinstance(result, Result) and result.done]
    lost = [result for result in told if isinstance(result, CommandError)]
    assert (len(won), len(lost)) == (1, 49)
    assert all("was first" in str(refused) for refused in lost)
    assert room.iso.ledger == [("accept", "H-I0")]


async def test_a_decline_or_a_cut_waits_for_another_person(two: Room) -> None:
    proposed = await two.says("alice", kind="decline", reason_code=13)
    assert proposed.done
    assert "proposal 1, a second person must agree" in proposed.text
    assert two.iso.sent() == []
    with pytest.raises(CommandError, match="another one"):
        await two.says("Alice", kind="second", answer=1)
    agreed = await two.says("bob", kind="second", answer=1)
    assert agreed.text == "decline of H-I0 for R1: confirmed: accepted by the ISO"
    assert two.iso.ledger == [("decline", "H-I0")]
    cut = await two.says(kind="partial", instruction="H-I1", mw=0, reason_code=13)
    assert "proposal 2" in cut.text
    with pytest.raises(CommandError, match="no proposal 1 waits"):
        await two.says("carol", kind="second", answer=1)


async def test_the_second_person_comes_too_late_when_the_window_has_closed(two: Room) -> None:
    await two.says("alice", kind="decline", reason_code=13)
    await two.clock.advance(596.0)
    with pytest.raises(CommandError, match="window ends"):
        await two.says("bob", kind="second", answer=1)
    await two.clock.advance(10.0)
    await asyncio.sleep(0.1)
    assert two.iso.sent() == []


async def test_a_store_that_cannot_write_means_nothing_is_sent() -> None:
    room = Room(MemoryAnswers(broken=True))
    await room.clock.settle()
    with pytest.raises(StoreError):
        await room.says(kind="accept")
    assert room.iso.calls == []
    room.task.cancel()


async def test_read_only_refuses_every_command_that_would_send() -> None:
    handlers = ReadOnly().handlers()
    assert sorted(handlers) == ["accept", "decline", "mss", "partial", "second"]
    for kind, handler in handlers.items():
        with pytest.raises(CommandError, match="read-only"):
            await handler(Room.command("alice", kind=kind), START)


def test_a_person_is_the_one_behind_sudo_and_a_name_that_contradicts_the_file_is_not_taken() -> None:
    assert person("ads (sudo by alice)") == person("ads (sudo by Alice)") == "alice"
    assert person("ads") == "ads"
    told = replace(Room.command("x"), said={"who": "root (sudo by alice)"})
    assert told.author == "ads"
    assert Room.command("alice").author == "ads (sudo by alice)"
