"""The command line: one table of commands, loaded one by one."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from caiso_ads import __version__
from caiso_ads.cli import COMMANDS, main

HEAVY = ("aiohttp", "alembic", "cryptography", "lxml", "msgspec", "rich", "sqlalchemy")


def test_the_version_is_the_packages() -> None:
    done = CliRunner().invoke(main, ["--version"])
    assert done.stdout == f"caiso-ads, version {__version__}\n"


def test_help_names_every_command_with_its_line() -> None:
    shown = " ".join(CliRunner().invoke(main, ["--help"]).stdout.split())
    assert [name for name, (_, line) in COMMANDS.items() if f"{name} {line}" not in shown] == []


def test_an_unknown_command_is_refused() -> None:
    done = CliRunner().invoke(main, ["frobnicate"])
    assert done.exit_code == 2
    assert "frobnicate" in done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_loads_and_helps(name: str) -> None:
    done = CliRunner().invoke(main, [name, "--help"])
    assert done.exit_code == 0
    assert done.stdout.startswith(f"Usage: main {name}")


def test_help_loads_no_heavy_library() -> None:
    command = (
        "import sys; from click.testing import CliRunner; from caiso_ads.cli import main; "
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0; "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, encoding="utf-8", check=False)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
