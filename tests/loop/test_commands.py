"""The whole way of an operator's command, from the asking to the answer; only files of our own are ever executed."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import stat
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from caiso_ads.core.override import Cleared, Override, active
from caiso_ads.core.quality import Directive
from caiso_ads.errors import CommandError, StoreError
from caiso_ads.loop import commands
from caiso_ads.loop.commands import Result, Spool, ask, whoami
from caiso_ads.ports import Clock, Store, SystemClock
from caiso_ads.store.chain import first_broken
from caiso_ads.store.sqlite import SqlStore
from tests.commanding import handle
from tests.fakes import START, FakeClock, MemoryStore

posix = pytest.mark.skipif(sys.platform == "win32", reason="owner and mode are POSIX")


@dataclass(frozen=True)
class Limits:
    """A resource, as far as an override looks at it."""

    pmin_mw: float = 0.0
    pmax_mw: float = 100.0


RESOURCES = {"A": Limits(), "B": Limits()}
SET: dict[str, object] = {
    "kind": "set", "resource": "A", "mw": 50.0, "directive": None, "reason": "relay test",
    "until": (START + timedelta(minutes=30)).isoformat(),
}  # fmt: skip
CLEAR: dict[str, object] = {"kind": "clear", "resource": "A", "reason": "done"}
HERE: dict[str, object] = {"at": START.isoformat(), "who": "alice", "host": "h"}


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    made = Spool(tmp_path / "gateway.db")
    made.prepare()
    return made


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MemoryStore | SqlStore]:
    made = MemoryStore() if request.param == "memory" else await SqlStore.open(tmp_path / "gateway.db", FakeClock())
    yield made
    await made.close()


def put(spool: Spool, body: bytes | str, name: str = "") -> Path:
    """Put a file into the folder as somebody else would."""
    path = spool.folder / (name or f"{secrets.token_hex(16)}.command")
    path.write_bytes(body.encode() if isinstance(body, str) else body)
    path.chmod(0o600)
    return path


def good(**changes: object) -> str:
    """Return the text of a good command with some fields changed."""
    return json.dumps({"format": 1, **SET, **HERE, **changes})


def kinds(spool: Spool) -> list[str]:
    """Return what lies in the folder, by kind."""
    return sorted(path.suffix for path in spool.folder.iterdir())


def nothing(_: Override | Cleared) -> None:
    """Fold nothing."""


async def serve(spool: Spool, store: Store, clock: Clock, applied: list[Override | Cleared]) -> None:
    """Be the gateway, until cancelled."""
    while True:
        await handle(spool, store, clock, RESOURCES, applied.append)
        await asyncio.sleep(0.01)


async def answered(spool: Spool, store: Store, *said: dict[str, object]) -> tuple[list[Result], list[Any]]:
    """Ask all at once while a gateway serves, in real time; labels of time are those of a fake clock."""
    applied: list[Override | Cleared] = []
    clock = FakeClock()
    gateway = asyncio.create_task(serve(spool, store, clock, applied))
    try:
        return await asyncio.gather(*(ask(spool, each, RealSleep(clock)) for each in said)), applied
    finally:
        gateway.cancel()
        await asyncio.wait({gateway})


class RealSleep(FakeClock):
    """Stands still, but sleeping lets real time pass."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock.now().wall)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def test_a_command_is_committed_applied_and_answered(spool: Spool, store: MemoryStore | SqlStore) -> None:
    [result], applied = await answered(spool, store, SET)
    assert result == Result(done=True, text="A: forced to 50.0 MW until 2026-07-01 12:30:00 UTC")
    expected = Override("A", 50.0, None, "relay test", whoami(), START, START + timedelta(minutes=30))
    assert applied == [expected]
    assert list(await store.open_overrides()) == [expected]
    assert kinds(spool) == []


async def test_a_command_can_be_cleared_early_and_only_once(spool: Spool, store: MemoryStore | SqlStore) -> None:
    hold = {**SET, "mw": None, "directive": "hold"}
    [first], applied = await answered(spool, store, hold)
    [second], cleared = await answered(spool, store, CLEAR)
    [third], none = await answered(spool, store, CLEAR)
    assert (first.done, second.done, third.done) == (True, True, False)
    assert "HOLD" in first.text
    assert third.text == "resource: nothing is forced for A"
    assert [item.directive for item in applied] == [Directive.HOLD]
    assert (cleared, none) == ([Cleared("A", "done", whoami(), START)], [])
    assert list(await store.open_overrides()) == []


async def test_two_commands_at_once_are_both_answered_and_one_stands(
    spool: Spool, store: MemoryStore | SqlStore
) -> None:
    results, applied = await answered(spool, store, SET, {**SET, "mw": 60.0}, {**SET, "resource": "B"})
    assert [result.done for result in results] == [True, True, True]
    standing = await store.open_overrides()
    assert sorted(item.resource_id for item in standing) == ["A", "B"]
    last_of_a = [item for item in applied if item.resource_id == "A"][-1]
    assert last_of_a in standing
    if isinstance(store, SqlStore):
        rows = await store.audit_rows(0, 10)
        assert (len(rows), first_broken(rows)) == (3, None)


async def test_the_gateway_checks_again_and_says_why_not(spool: Spool, store: MemoryStore | SqlStore) -> None:
    bad: tuple[dict[str, object], ...] = (
        {"mw": 101.0},
        {"resource": "C"},
        {"mw": None, "directive": "follow"},
        {"until": START.isoformat()},
    )
    for change, field in zip(bad, ("mw", "resource", "directive", "until"), strict=True):
        [result], applied = await answered(spool, store, {**SET, **change})
        assert not result.done
        assert result.text.startswith(field)
        assert applied == []
    assert list(await store.open_overrides()) == []


async def test_an_answer_stays_readable_however_much_there_is_to_say(spool: Spool) -> None:
    many = {f"RESOURCE_{number}": Limits() for number in range(500)}
    for resource in ("C", "\U0001f600" * 300):
        command_id = spool.submit({**SET, **HERE, "resource": resource})
        await handle(spool, MemoryStore(), FakeClock(), many, nothing)
        result = spool.result(command_id)
        assert result is not None
        assert not result.done
        assert result.text


async def test_the_order_is_commit_then_apply_then_answer(spool: Spool) -> None:
    store, seen = MemoryStore(), []
    command_id = spool.submit({**SET, **HERE})

    def note(_: Override | Cleared) -> None:
        seen.append((store.log[-1][0], spool.result(command_id)))

    await handle(spool, store, FakeClock(), RESOURCES, note)
    assert seen == [("override", None)]
    assert (spool.result(command_id) or Result(done=False, text="")).done


async def test_a_store_that_cannot_write_refuses_and_nothing_is_applied(spool: Spool) -> None:
    applied: list[Override | Cleared] = []
    command_id = spool.submit({**SET, **HERE})
    assert await handle(spool, MemoryStore(broken=True), FakeClock(), RESOURCES, applied.append) == []
    result = spool.result(command_id)
    assert result is not None
    assert not result.done
    assert "no space left" in result.text
    assert applied == []


async def unanswered(spool: Spool, meanwhile: Callable[[], object]) -> str:
    """Ask, let five seconds pass, and return the error."""
    clock = FakeClock()
    task = asyncio.create_task(ask(spool, SET, clock))
    await clock.advance(1.0)
    meanwhile()
    await clock.advance(6.0)
    with pytest.raises(CommandError) as error:
        await task
    return f"{error.value}; {error.value.cure}"


async def test_without_a_gateway_the_command_is_taken_back_and_that_is_said(spool: Spool) -> None:
    assert "no gateway is running: nobody took the command; nothing was done" in await unanswered(spool, lambda: None)
    assert kinds(spool) == []
    assert spool.take() == []


async def test_where_no_gateway_ever_ran_it_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no gateway is running"):
        await ask(Spool(tmp_path / "gateway.db"), SET, FakeClock())


async def test_killed_between_claim_and_answer_is_unknown_and_not_executed_again(spool: Spool) -> None:
    said = await unanswered(spool, spool.take)
    assert "unknown whether it is in force; look with: caiso-ads override list" in said
    spool.prepare()  # the gateway starts again
    assert spool.take() == []
    assert kinds(spool) == []


class Killed(BaseException):
    """The process ends here."""


async def test_killed_between_commit_and_answer_leaves_the_override_durable(spool: Spool, tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    store = await SqlStore.open(path, FakeClock())
    command_id = spool.submit({**SET, **HERE})

    def die(_: Override | Cleared) -> None:
        raise Killed

    with pytest.raises(Killed):
        await handle(spool, store, FakeClock(), RESOURCES, die)
    await store.close()
    assert not spool.withdraw(command_id)
    spool.prepare()
    again = await SqlStore.open(path, FakeClock())
    standing = await again.open_overrides()
    assert list(active(standing, START)) == ["A"]
    assert active(standing, START + timedelta(minutes=30)) == {}
    assert await handle(spool, again, FakeClock(), RESOURCES, nothing) == []
    assert len(await again.audit_rows(0, 10)) == 1
    await again.close()


@pytest.mark.parametrize("seconds", [-11, 11, 3600])
async def test_a_command_nobody_waits_for_any_more_is_refused(spool: Spool, seconds: int) -> None:
    put(spool, good(at=(START + timedelta(seconds=seconds)).isoformat()))
    store = MemoryStore()
    assert await handle(spool, store, FakeClock(), RESOURCES, nothing) == []
    assert store.overrides == ()


@pytest.mark.parametrize(
    "body",
    [
        "", "{", "[]", "3", "null", "[" * 4000, "\xff\xfe", '{"format": 1}', good(format=2), good(kind="run"),
        good(at=5), good(who="a\nb"), good(host=None), good(extra=1), good(reason="x" * 5000),
    ],
)  # fmt: skip
def test_a_malformed_file_is_put_aside_reported_and_never_executed(
    spool: Spool, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = put(spool, body.encode("latin-1"))
    with caplog.at_level(logging.ERROR):
        assert spool.take() == []
    assert "refused and put aside" in caplog.text
    assert kinds(spool) == [".refused", ".result"]
    result = spool.result(path.stem)
    assert result is not None
    assert not result.done
    assert spool.take() == []


@posix
@pytest.mark.parametrize("kind", ["symlink", "dangling", "hard link", "fifo", "folder", "open to others"])
def test_what_is_no_plain_file_of_this_user_is_put_aside(spool: Spool, tmp_path: Path, kind: str) -> None:
    outside = tmp_path / "outside"
    outside.write_text(good())
    outside.chmod(0o600)
    path = spool.folder / f"{secrets.token_hex(16)}.command"
    if kind in ("symlink", "dangling"):
        path.symlink_to(outside if kind == "symlink" else tmp_path / "nowhere")
    elif kind == "hard link":
        path.hardlink_to(outside)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        put(spool, good(), path.name).chmod(0o666)
    assert spool.take() == []
    assert ".refused" in kinds(spool)
    assert outside.read_text() == good()


@posix
@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_put_aside(spool: Spool) -> None:
    os.chown(put(spool, good()), 65534, 65534)
    assert spool.take() == []
    assert ".refused" in kinds(spool)


@pytest.mark.parametrize(
    "name", ["notes.txt", "A.command", "..command", f"{'0' * 32}.command.txt", "x y\u20ac.command"]
)
def test_a_file_of_a_foreign_name_is_put_aside(spool: Spool, name: str, caplog: pytest.LogCaptureFixture) -> None:
    put(spool, good(), name)
    assert spool.take() == []
    assert kinds(spool) == [".refused"]
    assert caplog.text.isascii()


def test_many_at_once_are_taken_in_turns_and_what_is_aside_does_not_grow(spool: Spool) -> None:
    for _ in range(150):
        put(spool, "bad")
    taken = [spool.take() for _ in range(12)]
    assert taken == [[]] * 12
    assert len(kinds(spool)) <= commands.KEPT_ASIDE + 2 * commands.MOST_AT_ONCE


def test_a_folder_that_vanishes_stops_nothing_and_is_told_once(spool: Spool, caplog: pytest.LogCaptureFixture) -> None:
    spool.folder.rmdir()
    assert [spool.take(), spool.take()] == [[], []]
    assert caplog.text.count("no commands are taken") == 1


@posix
def test_the_folder_is_for_its_user_alone_or_refused(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "gateway.db")
    spool.prepare()
    assert stat.S_IMODE(spool.folder.stat().st_mode) == 0o700
    spool.folder.chmod(0o770)
    with pytest.raises(StoreError, match="not a folder of this user alone"):
        spool.prepare()
    spool.folder.rmdir()
    spool.folder.symlink_to(tmp_path)
    with pytest.raises(StoreError):
        spool.prepare()


@posix
def test_a_command_file_is_for_its_user_alone_and_its_name_is_no_text_of_the_user(spool: Spool) -> None:
    spool.submit({**SET, **HERE, "resource": "../../etc/x"})
    [path] = spool.folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert commands._NAME.fullmatch(path.name)


async def test_the_audit_tells_the_command_the_files_owner_and_the_host(spool: Spool, tmp_path: Path) -> None:
    store = await SqlStore.open(tmp_path / "gateway.db", FakeClock())
    command_id = spool.submit({**SET, **HERE})
    await handle(spool, store, FakeClock(), RESOURCES, nothing)
    [row] = await store.audit_rows(0, 10)
    told = json.loads(row.detail)
    assert (told["command"], told["host"], row.who) == (command_id, "h", "alice")
    assert told["owner"] == whoami().partition(" (")[0]
    await store.close()


async def test_an_answer_that_makes_no_sense_is_not_taken_for_success(spool: Spool) -> None:
    put(spool, "{}", f"{'0' * 32}.result")
    assert spool.result("0" * 32) == Result(done=False, text="")
    put(spool, "{", f"{'1' * 32}.result")
    with pytest.raises(CommandError, match="cannot be read"):
        spool.result("1" * 32)


async def test_on_real_clocks_it_takes_less_than_the_wait(spool: Spool) -> None:
    clock = SystemClock()
    until = (clock.now().wall + timedelta(minutes=1)).isoformat()
    gateway = asyncio.create_task(serve(spool, MemoryStore(), clock, []))
    assert (await ask(spool, {**SET, "until": until}, clock)).done
    gateway.cancel()
    await asyncio.wait({gateway})
