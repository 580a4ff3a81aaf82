"""The import rules hold: the contracts of ``.importlinter``, and one home for each third-party library."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "caiso_ads"

# Each third-party library and the only places that may import it. A new library needs a line here, and so a thought.
HOMES: dict[str, tuple[str, ...]] = {
    "aiohttp": ("ads", "notify", "oasis", "simulator", "web"),
    "aiomqtt": ("sinks",),
    "alembic": ("store",),
    "argon2": ("web",),
    "asyncua": ("sinks",),
    "click": ("cli",),
    "cryptography": ("ads", "simulator", "sinks"),
    "dnp3": ("sinks",),
    "lxml": ("wire",),
    "msgspec": ("config", "notify", "sinks", "simulator", "store", "cli", "web", "wire"),
    "paho": ("sinks",),
    "pyarrow": ("cli",),
    "rich": ("cli",),
    "sqlalchemy": ("store",),
    "uvloop": ("cli",),
}


def imports(path: Path) -> Iterator[str]:
    """Yield the top-level names of everything a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield (node.module or "").split(".")[0]


def foreign(path: Path) -> set[str]:
    """Return what a module imports that is neither ours nor the standard library's."""
    return {name for name in imports(path) if name != "caiso_ads" and name not in sys.stdlib_module_names}


def test_every_contract_is_kept() -> None:
    command = "from importlinter.cli import lint_imports; import sys; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_core_needs_the_standard_library_only() -> None:
    modules = list((PACKAGE / "core").rglob("*.py"))
    assert modules
    assert {path.name: foreign(path) for path in modules if foreign(path)} == {}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_each_library_stays_in_its_home(path: Path) -> None:
    home = path.relative_to(PACKAGE).parts[0]
    assert [name for name in sorted(foreign(path)) if home not in HOMES.get(name, ())] == []


def test_no_home_is_stale() -> None:
    used = {(name, path.relative_to(PACKAGE).parts[0]) for path in PACKAGE.rglob("*.py") for name in foreign(path)}
    assert [(name, home) for name, homes in HOMES.items() for home in homes if (name, home) not in used] == []


def test_the_daemon_does_not_hold_what_only_commands_need() -> None:
    """Each of these is several megabytes resident, and an idle gateway runs on small machines."""
    check = "import sys, caiso_ads.app; print([m for m in ('cryptography', 'rich', 'click', 'pyarrow') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
