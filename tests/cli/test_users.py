"""``caiso-ads users``: the same file as the page's, no password shown, and a line for the evidence."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from caiso_ads.cli import main
from caiso_ads.cli._configuration_page import EXAMPLE
from caiso_ads.web.access.book import digest
from caiso_ads.web.access.keeper import Keeper
from caiso_ads.web.access.passwords import matches

PHRASE = "correct horse battery staple"


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    (tmp_path / "gateway.toml").write_text(EXAMPLE + "\n[web]\nport = 0\n")
    return Keeper(tmp_path / "data" / "gateway.db.access")


def users(keeper: Keeper, *words: str, typed: str | None = None) -> tuple[int, str]:
    config = keeper.folder.parents[1] / "gateway.toml"
    done = CliRunner().invoke(main, ["users", *words, "--config", str(config)], input=typed)
    return done.exit_code, done.output


def add(keeper: Keeper, name: str, role: str) -> None:
    code, output = users(keeper, "add", name, "--role", role, typed=f"{PHRASE}\n{PHRASE}\n")
    assert code == 0, output
    assert PHRASE not in output


def test_users_are_made_shown_changed_and_removed(keeper: Keeper) -> None:
    assert "setup-token" in users(keeper, "list")[1]
    add(keeper, "ada", "admin")
    add(keeper, "bob", "viewer")
    assert users(keeper, "roles", "BOB", "--role", "operator", "--role", "viewer")[0] == 0
    shown = json.loads(users(keeper, "list", "--json")[1])
    assert [(one["name"], one["roles"]) for one in shown] == [("ada", ["admin"]), ("bob", ["viewer", "operator"])]
    (keeper.folder / "word").write_text("another phrase entirely\n")
    (keeper.folder / "word").chmod(0o600)
    assert users(keeper, "password", "bob", "--password-file", str(keeper.folder / "word"))[0] == 0
    assert matches("another phrase entirely", keeper.read().existing("bob").password)[0]
    assert users(keeper, "remove", "bob", typed="n\n")[0] == 1
    assert users(keeper, "remove", "bob", "--yes")[0] == 0
    assert "bob" not in users(keeper, "list")[1]
    assert [change.text for change in keeper.read().untold] == [
        "made the user ada, admin, by the command line",
        "made the user bob, viewer, by the command line",
        "changed the roles of bob from viewer to operator, viewer, by the command line",
        "changed the password of bob, by the command line",
        "removed the user bob, by the command line",
    ]
    assert all(change.who for change in keeper.read().untold)


@pytest.mark.parametrize(
    "words", [("remove", "eve", "--yes"), ("roles", "eve", "--role", "viewer"), ("password", "eve")]
)
def test_who_is_not_there_is_an_error(keeper: Keeper, words: tuple[str, ...]) -> None:
    code, output = users(keeper, *words)
    assert code == 2
    assert "no such user" in output


def test_the_last_admin_stays_and_short_passwords_do_not(keeper: Keeper) -> None:
    add(keeper, "ada", "admin")
    assert "last admin" in users(keeper, "remove", "ada", "--yes")[1]
    code, output = users(keeper, "add", "bob", "--role", "viewer", typed="short\nshort\n")
    assert code == 2
    assert "12" in output


def test_a_set_up_token_stands_in_its_file_and_is_not_printed(keeper: Keeper) -> None:
    code, output = users(keeper, "setup-token")
    assert code == 0, output
    assert str(keeper.setup_path) in output
    assert keeper.setup_path.read_text().strip() not in output
    add(keeper, "ada", "admin")
    assert not keeper.setup_path.exists()
    assert users(keeper, "setup-token")[0] == 2


def test_a_token_goes_to_a_private_file_and_is_revoked(keeper: Keeper, tmp_path: Path) -> None:
    out = tmp_path / "historian.token"
    made = ("token", "historian", "--role", "viewer", "--days", "30", "--out", str(out))
    code, output = users(keeper, *made)
    assert code == 0, output
    (token,) = keeper.read().tokens
    secret = out.read_text().strip()
    assert digest(secret) == token.digest
    assert secret not in output + users(keeper, "list")[1]
    if os.name == "posix":
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert users(keeper, *made)[0] == 2
    assert users(keeper, "token", "x", "--role", "admin", "--out", str(tmp_path / "x"))[0] == 2
    assert not (tmp_path / "x").exists()
    assert users(keeper, "revoke", "HISTORIAN")[0] == 0
    assert users(keeper, "revoke", "historian")[0] == 2
    assert keeper.read().tokens == ()


def test_the_matrix_is_the_page_of_the_documentation() -> None:
    done = CliRunner().invoke(main, ["users", "matrix"])
    root = Path(__file__).parents[2]
    assert done.output == (root / "docs" / "roles.md").read_text(encoding="utf-8")
