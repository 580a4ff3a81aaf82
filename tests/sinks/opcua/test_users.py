"""The file of users: hashes only, one line each, and every wrong line refused by its number."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from caiso_ads.errors import ConfigError
from caiso_ads.sinks.opcua.users import add_user, hashed, matches, read_users

GOOD = "correct horse battery"


def test_the_password_matches_its_hash_and_no_other_does() -> None:
    kept = hashed(GOOD)
    assert matches(GOOD, kept)
    assert not matches(GOOD + "y", kept)
    assert not matches("", kept)
    assert hashed(GOOD) != kept


def test_users_are_added_and_replaced_and_the_file_is_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "users"
    add_user(path, "one", GOOD)
    add_user(path, "two", GOOD)
    add_user(path, "one", "another long word")
    users = read_users(path)
    assert list(users) == ["one", "two"]
    assert matches("another long word", users["one"])
    assert GOOD not in path.read_text()
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("name", "password"), [("a b", GOOD), ("", GOOD), ("one", "short"), ("one", "x" * 300)])
def test_a_wrong_name_and_a_weak_password_are_refused(tmp_path: Path, name: str, password: str) -> None:
    with pytest.raises(ConfigError):
        add_user(tmp_path / "users", name, password)
    assert not (tmp_path / "users").exists()


@pytest.mark.parametrize("line", ["one", "one:secret", "one:scrypt$00$00", "one:scrypt$zz$zz", f":{hashed(GOOD)}"])
def test_a_wrong_line_is_refused_by_number_and_never_shown(tmp_path: Path, line: str) -> None:
    path = tmp_path / "users"
    path.write_text(f"# users\n{line}\n")
    with pytest.raises(ConfigError, match="line 2") as refused:
        read_users(path)
    assert "secret" not in str(refused.value)


def test_a_name_stands_once_and_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "users"
    with pytest.raises(ConfigError, match="users"):
        read_users(path)
    path.write_text(f"one:{hashed(GOOD)}\none:{hashed(GOOD)}\n")
    with pytest.raises(ConfigError, match="twice"):
        read_users(path)
