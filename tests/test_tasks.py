"""The task runner and the pins it installs: complete, hashed, and bound to no place."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import tasks

ROOT = Path(__file__).parents[1]
PIN = re.compile(r"^([a-z0-9.-]+)==([^\s;\\]+)(?: ;[^\\]*)?((?: \\\n    --hash=sha256:[0-9a-f]{64})*)$", re.MULTILINE)

each_pins_file = pytest.mark.parametrize("name", [name for name, _ in tasks.PIN_SOURCES])


def pins(name: str) -> dict[str, str]:
    """Return the versions of one requirements file."""
    return {found[0]: found[1] for found in PIN.findall((ROOT / name).read_text(encoding="utf-8"))}


def required(requirements: list[str]) -> set[str]:
    """Return the normal names of requirements as pyproject writes them."""
    return {re.split(r"[<>=;\[ ]", text, maxsplit=1)[0].lower().replace("_", "-") for text in requirements}


@each_pins_file
def test_every_pin_has_hashes_and_nothing_else_stands_in_the_file(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert pins(name)
    assert all("--hash=" in hashes for _, _, hashes in PIN.findall(text))
    assert PIN.sub("", text).strip() == ""
    assert "/" not in text


def test_the_pins_cover_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    assert required(project["project"]["dependencies"]) <= set(pins("requirements.txt"))
    assert required(project["build-system"]["requires"]) == required(groups["build"])
    assert required(groups["build"]) <= set(pins("requirements-build.txt"))
    assert required([text for text in groups["dev"] if isinstance(text, str)]) <= set(pins("requirements-dev.txt"))


def test_what_is_tested_is_what_is_installed() -> None:
    dev = pins("requirements-dev.txt")
    installed = pins("requirements.txt") | pins("requirements-build.txt")
    assert {name: dev.get(name) for name in installed} == installed


def test_an_unknown_task_shows_the_usage_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert tasks.main(["nonsense"]) == 2
    assert capsys.readouterr().out == tasks.USAGE


def test_asking_for_help_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert tasks.main(["--help"]) == 0
    assert capsys.readouterr().out == tasks.USAGE


def test_the_fingerprint_changes_with_any_file(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("a")
    two.write_text("b")
    before = tasks.fingerprint(str(one), str(two))
    assert tasks.fingerprint(str(one), str(two)) == before
    two.write_text("c")
    assert tasks.fingerprint(str(one), str(two)) != before


def test_the_runner_needs_the_standard_library_only() -> None:
    command = [sys.executable, "-S", "-I", str(ROOT / "tasks.py"), "help"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stdout) == (0, tasks.USAGE), done.stderr


def test_the_demo_installs_the_libraries_of_all_protocols_only_when_asked() -> None:
    pins_files, command = tasks.demo_plan(["--plain"])
    assert (pins_files, command[1:]) == (tasks.RUN_PINS, ["demo", "--plain"])
    pins_files, command = tasks.demo_plan(["--with-all", "--plain"])
    assert (pins_files, command[1:]) == (tasks.DEV_PINS, ["demo", "--plain"])
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    wanted = {name for extra in ("dnp3", "opcua", "mqtt") for name in required(extras[extra])}
    assert wanted <= set(pins("requirements-dev.txt"))


def test_what_needs_the_machine_for_itself_runs_after_the_others_and_never_in_the_fast_suite() -> None:
    assert tasks.test_runs(fast=True) == [("-n", "2", "-m", "not slow")]
    both, alone = tasks.test_runs(fast=False)
    assert ("-n" in both, "-n" in alone) == (True, False)
    assert (both[-1], alone[-1]) == ("not alone", "alone")


def test_whatever_needs_the_machine_for_itself_is_slow_too() -> None:
    marked = [path for path in (ROOT / "tests").rglob("test_*.py") if "mark.alone" in path.read_text(encoding="utf-8")]
    assert marked
    for path in marked:
        assert "mark.slow" in path.read_text(encoding="utf-8"), path
