"""Commands that answer the ISO: their size, their wait, and the rows of an answer."""

from __future__ import annotations

import asyncio
import json
import secrets
from pathlib import Path

import pytest

from caiso_ads.errors import CommandError
from caiso_ads.loop import commands
from caiso_ads.loop.commands import Command, Result, Spool, ask
from tests.fakes import START, FakeClock

FRAME: dict[str, object] = {"format": 1, "at": START.isoformat(), "who": "alice", "host": "h"}
ACCEPT: dict[str, object] = {"kind": "accept", "instruction": "I", "revision": 0}


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    made = Spool(tmp_path / "gateway.db")
    made.prepare()
    return made


def taken(spool: Spool, **said: object) -> list[Command]:
    """Put a command into the folder, and return what the gateway takes."""
    path = spool.folder / f"{secrets.token_hex(16)}.command"
    path.write_text(json.dumps({**FRAME, **said}))
    path.chmod(0o600)
    return spool.take()


@pytest.mark.parametrize(
    ("kind", "size", "is_taken"),
    [("mss", 200_000, True), ("mss", 262_144, False), ("mss", 900_000, False), ("accept", 5_000, False)],
)
def test_only_load_following_may_be_large_and_not_without_limit(
    spool: Spool, kind: str, size: int, *, is_taken: bool
) -> None:
    field = "batch" if kind == "mss" else "instruction"
    assert bool(taken(spool, kind=kind, **{field: "x" * size})) is is_taken


def test_each_kind_may_say_its_own_fields_only(spool: Spool) -> None:
    assert len(taken(spool, **ACCEPT)) == 1
    assert taken(spool, **ACCEPT, mw=3.0) == []
    assert taken(spool, kind="second", answer=1, instruction="I") == []
    assert taken(spool, kind=["accept"]) == []


def test_an_answer_with_a_thousand_rows_comes_back_whole(spool: Spool) -> None:
    rows = tuple({"id": "i" * 80, "caiso_id": "c" * 80, "caiso_batch": "b" * 80, "valid": True} for _ in range(1000))
    [command] = taken(spool, kind="mss", batch="B", rows=[])
    spool.answer(command, Result(done=True, text="t", rows=rows))
    assert spool.result(command.command_id) == Result(done=True, text="t", rows=rows)


async def test_a_taken_answer_to_the_iso_is_waited_for_longer_and_one_not_taken_is_not(spool: Spool) -> None:
    clock = FakeClock()
    asking = asyncio.create_task(ask(spool, ACCEPT, clock))
    await clock.advance(1.0)
    [command] = spool.take()
    await clock.advance(20.0)
    assert not asking.done()
    spool.answer(command, Result(done=True, text="t"))
    await clock.advance(1.0)
    assert await asking == Result(done=True, text="t")

    nobody = asyncio.create_task(ask(spool, ACCEPT, clock))
    await clock.advance(6.0)
    with pytest.raises(CommandError, match="nothing was done"):
        await nobody


async def test_taken_and_never_answered_is_unknown_and_says_where_to_look(spool: Spool) -> None:
    clock = FakeClock()
    asking = asyncio.create_task(ask(spool, ACCEPT, clock))
    await clock.advance(1.0)
    spool.take()
    await clock.advance(commands.WAIT_S["accept"])
    with pytest.raises(CommandError, match="unknown whether it was sent") as error:
        await asking
    assert error.value.cure == "look with: caiso-ads instructions list"
