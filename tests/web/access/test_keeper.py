"""The file: whole, private, durable, changed by one at a time; broken it lets nobody in."""

from __future__ import annotations

import os
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from caiso_ads.errors import CommandError, StoreError
from caiso_ads.web.access import book as books
from caiso_ads.web.access.book import Book
from caiso_ads.web.access.keeper import Keeper, LiveBook, Work, folder_of
from caiso_ads.web.access.people import Role
from tests.fakes import START


def add(name: str) -> Work:
    return lambda book: books.with_user(book, name, "hash", (Role.ADMIN,), START)


def keeper(tmp_path: Path) -> Keeper:
    return Keeper(folder_of(tmp_path / "gateway.db"))


def test_it_stands_beside_the_store_for_our_own_user_alone(tmp_path: Path) -> None:
    one = keeper(tmp_path)
    one.change(add("ada"))
    assert one.path == tmp_path / "gateway.db.access" / "users.json"
    if os.name == "posix":
        assert [stat.S_IMODE(path.stat().st_mode) for path in (one.folder, one.path)] == [0o700, 0o600]
    assert one.read().existing("ada").roles == (Role.ADMIN,)
    assert sorted(path.name for path in one.folder.iterdir()) == ["lock", "users.json"]


def test_the_secret_of_an_installation_stays(tmp_path: Path) -> None:
    one = keeper(tmp_path)
    assert one.change(add("ada")).secret == one.change(add("bob")).secret == one.read().secret
    assert len(one.read().secret) == 64


def test_what_is_refused_is_not_written(tmp_path: Path) -> None:
    one = keeper(tmp_path)
    one.change(add("ada"))
    before = one.path.read_bytes()
    with pytest.raises(CommandError):
        one.change(add("ada"))
    assert one.path.read_bytes() == before


def test_two_who_change_at_once_lose_nothing(tmp_path: Path) -> None:
    names = [f"user{number}" for number in range(24)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: keeper(tmp_path).change(add(name)), names))
    assert sorted(user.name for user in keeper(tmp_path).read().users) == sorted(names)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"format": 2, "secret": "' + b"0" * 64 + b'"}', b'{"users": 3}'])
def test_a_broken_file_is_an_error_and_never_an_empty_one(tmp_path: Path, body: bytes) -> None:
    one = keeper(tmp_path)
    one.change(add("ada"))
    one.path.write_bytes(body)
    with pytest.raises(StoreError, match=r"users\.json") as caught:
        one.read()
    assert caught.value.cure


@pytest.mark.skipif(sys.platform == "win32", reason="there the rights of the folder decide")
def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    one = keeper(tmp_path)
    one.change(add("ada"))
    one.path.chmod(0o644)
    with pytest.raises(StoreError, match="0644") as caught:
        one.read()
    assert "chmod 600" in caught.value.cure


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used"):
        Keeper(tmp_path / "file" / "x").change(add("ada"))


async def test_a_running_gateway_follows_what_another_process_changes(tmp_path: Path) -> None:
    seen: list[Book] = []
    live = LiveBook(keeper(tmp_path), seen.append)
    await live.load()
    assert (await live.fresh(10.0)).users == ()
    keeper(tmp_path).change(add("ada"))
    assert (await live.fresh(10.5)).users == ()  # looks once a second
    assert (await live.fresh(11.0)).user("ada") is not None
    assert seen[-1].user("ada") is not None


@pytest.mark.parametrize("spoil", ["gone", "broken"])
async def test_breaking_the_file_lets_nobody_in(tmp_path: Path, spoil: str, caplog: pytest.LogCaptureFixture) -> None:
    keeper(tmp_path).change(add("ada"))
    live = LiveBook(keeper(tmp_path), lambda _: None)
    await live.load()
    live.keeper.path.unlink() if spoil == "gone" else live.keeper.path.write_bytes(b"{")
    for mono in (10.0, 20.0):
        assert (await live.fresh(mono)).user("ada") is not None
    assert len([one for one in caplog.records if one.levelname == "ERROR"]) == 1
