"""The one-time token: a private file, once, for an hour, and only while there is no user."""

from __future__ import annotations

import os
import stat
from datetime import timedelta
from pathlib import Path

from caiso_ads.web.access import book as books
from caiso_ads.web.access.keeper import Keeper
from caiso_ads.web.access.people import Role
from caiso_ads.web.access.setup import SETUP_WITHIN, fits, offer_setup
from tests.fakes import START


def test_it_stands_in_a_private_file_and_only_its_hash_beside_it(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "access")
    assert offer_setup(keeper, START)
    token = keeper.setup_path.read_text().strip()
    if os.name == "posix":
        assert stat.S_IMODE(keeper.setup_path.stat().st_mode) == 0o600
    assert token not in keeper.path.read_text()
    assert fits(keeper.read(), token, START)
    assert not fits(keeper.read(), token + "x", START)
    assert not fits(keeper.read(), "", START)


def test_it_expires_and_a_newer_one_ends_it(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "access")
    offer_setup(keeper, START)
    token = keeper.setup_path.read_text().strip()
    assert fits(keeper.read(), token, START + SETUP_WITHIN - timedelta(seconds=1))
    assert not fits(keeper.read(), token, START + SETUP_WITHIN)
    offer_setup(keeper, START)
    assert not fits(keeper.read(), token, START)


def test_with_a_user_there_is_none(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "access")
    offer_setup(keeper, START)
    token = keeper.setup_path.read_text().strip()
    book = keeper.change(lambda book: books.with_user(book, "ada", "hash", (Role.ADMIN,), START))
    assert not fits(book, token, START)
    assert not offer_setup(keeper, START)
    assert not keeper.setup_path.exists()
