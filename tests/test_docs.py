"""The documentation is tested: what exists is described, and what is described exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest
import tasks
from click.testing import CliRunner

from caiso_ads.cli import COMMANDS, main
from caiso_ads.config import KeyDoc, describe_config
from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS, Point

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])
DECISION_PARTS = ("Objective", "Overview", "Is / Is not", "Prior art", "Open questions")

by_name = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def text(path: str | Path) -> str:
    """Return a page of the project."""
    return (ROOT / path).read_text(encoding="utf-8")


def commands(group: click.Group, prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command below a group, with its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*prefix, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*prefix, name))


def without_code(page: Path) -> str:
    """Return a page without its code, where brackets are no links."""
    return re.sub(r"```.*?```|`[^`\n]*`", "", text(page), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings as the usual renderers make them."""
    headings = re.findall(r"^#+ +(.+)$", re.sub(r"```.*?```", "", text(page), flags=re.DOTALL), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_every_command_and_option_has_help() -> None:
    silent = []
    for words, command in commands(main):
        silent += [] if command.get_short_help_str() else [words]
        silent += [
            (*words, option.name or "")
            for option in command.params
            if isinstance(option, click.Option) and not option.help and not option.hidden
        ]
    assert silent == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_told_to_users(name: str) -> None:
    assert any(f"caiso-ads {name}" in text(page) or f"tasks.py {name}" in text(page) for page in PAGES)


@by_name
def test_every_command_and_option_in_the_documentation_exists(page: Path) -> None:
    known = dict(commands(main))
    for line in re.findall(r"(?:^|[`$/] ?)caiso-ads +([a-z][^`#|>\n]*)", text(page), re.MULTILINE):
        said = line.split()
        words = max((key for key in known if key == tuple(said[: len(key)])), key=len, default=())
        assert words, f"there is no: caiso-ads {line}"
        command = known[words]
        rest = said[len(words) :]
        alone = not rest or (isinstance(command, click.Group) and command.invoke_without_command and rest[0][0] == "-")
        assert alone or not isinstance(command, click.Group), f"there is no: caiso-ads {line}"
        options = {"--help", *(name for param in command.params for name in param.opts)}
        assert {word for word in said if word.startswith("-")} <= options, f"caiso-ads {line}"


@by_name
def test_every_task_named_in_the_documentation_exists(page: Path) -> None:
    assert set(re.findall(r"tasks\.py ([a-z]+)", text(page))) <= set(tasks.TASKS)


def test_every_task_has_a_line_of_help() -> None:
    assert [name for name in tasks.TASKS if not re.search(rf"^  {name} .*\S$", tasks.USAGE, re.MULTILINE)] == []


@pytest.mark.parametrize("point", [*GATEWAY_POINTS, *RESOURCE_POINTS, *NODE_POINTS], ids=lambda point: point.key)
def test_every_point_is_documented(point: Point) -> None:
    assert re.search(rf"\b{point.key}\b", text("docs/points.md"))
    assert point.doc in text("docs/points.md")


@pytest.mark.parametrize("key", describe_config(), ids=lambda key: f"{key.table}{key.key}")
def test_every_configuration_key_is_documented_below_its_table(key: KeyDoc) -> None:
    _, _, rest = text("docs/configuration.md").partition(key.table)
    part = re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    assert f"`{key.key}`" in part
    assert key.doc


@pytest.mark.parametrize(("page", "words"), tasks.GENERATED)
def test_generated_pages_are_current(page: str, words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0
    assert done.stdout == text(page), "python3 tasks.py docs writes it again"


@by_name
def test_every_link_to_another_page_leads_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        aim = (page.parent / file).resolve() if file else page
        assert aim.exists(), f"{target} leads nowhere"
        assert not anchor or anchor in anchors(aim), f"{target}: no such heading"


@by_name
def test_pages_are_headed_and_end_with_one_newline(page: Path) -> None:
    assert text(page).startswith("# ")
    assert text(page).endswith("\n")
    assert not text(page).endswith("\n\n")


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        seen.add(page)
        links = re.findall(r"\]\(([^)\s#:]+\.md)", without_code(page))
        todo += [aim for link in links if (aim := (page.parent / link).resolve()).exists() and aim not in seen]
    assert [page.relative_to(ROOT).as_posix() for page in PAGES if page not in seen] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs/decisions").glob("0*.md")), ids=lambda page: page.name)
def test_each_decision_has_the_same_five_parts(page: Path) -> None:
    assert tuple(re.findall(r"^## (.+)$", text(page), re.MULTILINE)) == DECISION_PARTS
    assert len(text(page).split()) < 900, "a decision fits one page"


@by_name
def test_python_in_the_documentation_compiles_and_imports_what_exists(page: Path) -> None:
    for code in re.findall(r"```python\n(.*?)```", text(page), re.DOTALL):
        tree = compile(code, page.name, "exec", flags=ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                module = import_module(node.module or "")
                assert [name.name for name in node.names if not hasattr(module, name.name)] == []


def test_the_configuration_of_the_readme_is_accepted(tmp_path: Path) -> None:
    from caiso_ads.config import load_config

    found = re.search(r"```toml\n(.*?)```", text("README.md"), re.DOTALL)
    assert found
    (tmp_path / "gateway.toml").write_text(found[1], encoding="utf-8")
    assert load_config(tmp_path / "gateway.toml").resources
