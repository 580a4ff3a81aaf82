"""``caiso-ads opcua add-user``: a password becomes a hash in a file, and is shown nowhere."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from caiso_ads.cli import main
from caiso_ads.sinks.opcua.users import matches, read_users

WORD = "correct horse battery"


def add(file: Path, *more: str, typed: str | None = None) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["opcua", "add-user", "historian", "--file", str(file), *more], input=typed)
    return done.exit_code, done.output


def test_a_typed_password_is_kept_as_a_hash_and_not_shown(tmp_path: Path) -> None:
    code, output = add(tmp_path / "users", typed=f"{WORD}\n{WORD}\n")
    assert code == 0, output
    assert WORD not in output
    assert matches(WORD, read_users(tmp_path / "users")["historian"])


def test_a_password_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "word").write_text(f"{WORD}\n")
    (tmp_path / "word").chmod(0o600)
    code, output = add(tmp_path / "users", "--password-file", str(tmp_path / "word"))
    assert code == 0, output
    assert matches(WORD, read_users(tmp_path / "users")["historian"])


def test_a_short_password_is_refused_with_a_cure(tmp_path: Path) -> None:
    code, output = add(tmp_path / "users", typed="short\nshort\n")
    assert code != 0
    assert "12" in output
    assert not (tmp_path / "users").exists()
