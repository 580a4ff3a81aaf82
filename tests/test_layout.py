"""The shape of the code is a promise too: mirrored tests, small files, a docstring on everything public."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "caiso_ads"
TESTS = ROOT / "tests"
LONGEST, MEDIAN = 400, 150

# Source without a test file of its own name, each with the reason.
UNMIRRORED = {
    "core/answers.py": "nouns without behaviour; what is done with them is tested beside it",
    "core/happenings.py": "facts without behaviour; what they do is tested in tests/core/test_state.py",
    "core/price.py": "nouns without behaviour; what is done with them is tested beside it, in test_price_state.py and on",
    "ports/answers.py": "protocols and what they pass; whoever implements them is tested",
    "ports/evidence.py": "a protocol and a listener that keeps nothing; the one that does is loop/sightings.py",
    "ports/prices.py": "protocols and what they pass; whoever implements them is tested",
    "sinks/plant_writer/rules.py": "nouns without behaviour; the machine that goes by them is tested",
    "sinks/__init__.py": "the registry; tests/sinks/test_contract.py runs over it",
}

# Tests that mirror no module, each with the reason. A folder counts with all it holds.
FREE = {
    "e2e": "real processes: the whole program at once",
    "sinks/test_contract.py": "what every sink of the registry must hold",
    "web/test_static.py": "the files of the page, which are no Python",
    "web/test_contract.py": "every route of the API, by its own description",
    "test_docs.py": "the documentation",
    "test_fault_rows.py": "the fault catalogue, across the whole loop",
    "test_imports.py": "the import rules",
    "test_layout.py": "this file",
    "test_tasks.py": "tasks.py, which stands beside the package",
}

Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def everything() -> list[str]:
    """Return every module, relative to the package."""
    return sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def sources() -> list[str]:
    """Return every module that holds code; migrations are tested as a sequence."""
    return [name for name in everything() if has_code(PACKAGE / name) and "/versions/" not in name]


def is_private(source: str) -> bool:
    """Whether a module is a part of its neighbours (``_x.py``), which may be tested through them."""
    return Path(source).stem.startswith("_") and Path(source).stem != "__init__"


def has_code(path: Path) -> bool:
    """Whether a module defines a function or a class; a page of imports and names has nothing to test."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return any(isinstance(node, Documented) for node in body)


def mirrors(source: str) -> list[Path]:
    """Where the test of a module may stand: ``x/y.py`` in ``x/test_y.py``; a package's own code also by its name."""
    path = Path(source)
    folder = TESTS / path.parent
    if path.stem == "__init__":
        return [folder / "test_init.py", folder / f"test_{folder.name}.py", folder.parent / f"test_{folder.name}.py"]
    return [folder / f"test_{path.stem.strip('_')}.py", folder / f"test_{path.stem}.py"]


def is_free(test: Path) -> bool:
    """Whether a test file, or a folder above it, is on the list."""
    inside = test.relative_to(TESTS)
    return any(part.as_posix() in FREE for part in (inside, *inside.parents))


def public(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, Documented]]:
    """Yield the public functions and classes of a body, and the public methods of those classes."""
    for node in body:
        if isinstance(node, Documented) and not node.name.startswith("_") and not is_overload(node):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{prefix}{node.name}.")


def is_overload(node: Documented) -> bool:
    """Whether a function only declares one signature of another."""
    return any(isinstance(mark, ast.Name) and mark.id == "overload" for mark in node.decorator_list)


@pytest.mark.parametrize("source", [source for source in sources() if not is_private(source)])
def test_each_module_has_a_test_file_of_its_name(source: str) -> None:
    found = [path for path in mirrors(source) if path.exists()]
    if source in UNMIRRORED:
        assert found == [], f"{source} is tested now: take it off the list"
    else:
        assert found, f"{mirrors(source)[0].relative_to(ROOT)} is missing"


def test_the_lists_of_exceptions_are_not_stale() -> None:
    assert [name for name in UNMIRRORED if not (PACKAGE / name).exists()] == []
    assert [name for name in FREE if not (TESTS / name).exists()] == []


def test_no_test_file_outlives_its_module() -> None:
    """``test_y_more.py`` may stand beside ``test_y.py``, to keep both small."""
    known = [path.with_suffix("") for source in everything() for path in mirrors(source)]
    orphans = [
        path.relative_to(TESTS).as_posix()
        for path in TESTS.rglob("test_*.py")
        if not is_free(path)
        if not any(path.with_suffix("") == one or str(path).startswith(f"{one}_") for one in known)
    ]
    assert orphans == []


def test_no_file_is_longer_than_the_limit() -> None:
    paths = [*PACKAGE.rglob("*.py"), *TESTS.rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py"), ROOT / "tasks.py"]
    long = {path.relative_to(ROOT).as_posix(): lines(path) for path in paths if lines(path) > LONGEST}
    assert long == {}


def test_the_median_module_is_small() -> None:
    assert median(lines(PACKAGE / source) for source in sources()) <= MEDIAN


@pytest.mark.parametrize("source", sources())
def test_everything_public_says_what_it_is(source: str) -> None:
    tree = ast.parse((PACKAGE / source).read_text(encoding="utf-8"))
    assert [name for name, node in public(tree.body) if not ast.get_docstring(node)] == []


def test_each_module_says_its_one_idea() -> None:
    silent = [path for path in PACKAGE.rglob("*.py") if not ast.get_docstring(ast.parse(path.read_text("utf-8")))]
    assert [path.relative_to(ROOT).as_posix() for path in silent if "versions" not in path.parts] == []


def lines(path: Path) -> int:
    """Count the lines of a file."""
    return len(path.read_text(encoding="utf-8").splitlines())
