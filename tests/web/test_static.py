"""The page's own files: small, theirs alone, and without a way to make markup from a text."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from caiso_ads.web.pages import VIEWS

STATIC = Path(__file__).parents[2] / "src" / "caiso_ads" / "web" / "static"
OURS = sorted(path for path in STATIC.rglob("*.*") if "vendor" not in path.parts)
SCRIPTS = [path for path in OURS if path.suffix == ".js"]
LONGEST = 400
FIRST_PAGE = 150_000

MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|srcdoc"
    r"|\beval\b|new Function|setTimeout\(\s*[\"'`]|setInterval\(\s*[\"'`]|javascript:"
)
ELSEWHERE = re.compile(r"""["'`(=]\s*(?:https?:)?//[\w.-]""")
STYLE = re.compile(r"""setAttribute\(\s*["']style|\bstyle:\s|\.style\s*=|cssText|<[^>]+\s(?:style|on\w+)=""")


def name(path: Path) -> str:
    return path.relative_to(STATIC).as_posix()


@pytest.mark.parametrize("path", OURS, ids=name)
def test_no_file_makes_markup_from_text_or_names_another_host(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")  # a name, no address
    assert MARKUP.findall(text) == []
    assert ELSEWHERE.findall(text) == []
    assert path.suffix == ".css" or STYLE.findall(text) == [], "the policy of the page forbids styles in attributes"


@pytest.mark.parametrize("path", OURS, ids=name)
def test_no_file_is_longer_than_the_limit(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_each_script_says_its_one_idea_and_its_rule(path: Path) -> None:
    head = path.read_text(encoding="utf-8")[:400]
    assert head.startswith("// ")
    assert "Rule" in head


def test_every_script_can_be_read_by_node() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    for path in SCRIPTS:
        told = subprocess.run(
            [node, "--input-type=module", "--check"], input=path.read_bytes(), capture_output=True, check=False
        )
        assert told.returncode == 0, (name(path), told.stderr.decode())


def test_every_import_names_a_file_that_is_there() -> None:
    for path in SCRIPTS:
        for wanted in re.findall(r"""from "(\.[^"]+)";""", path.read_text(encoding="utf-8")):
            assert (path.parent / wanted).resolve() in SCRIPTS, f"{name(path)}: {wanted}"


def test_every_view_has_its_script_and_its_style() -> None:
    for view in VIEWS:
        assert STATIC / "views" / f"{view.strip('/') or 'now'}.js" in OURS
        assert STATIC / "css" / f"{view.strip('/') or 'now'}.css" in OURS


def test_all_of_the_page_but_the_plot_is_smaller_than_its_first_page_may_be() -> None:
    packed = sum(len(gzip.compress(path.read_bytes())) for path in OURS)
    assert packed <= FIRST_PAGE


@pytest.mark.parametrize(
    "wrong",
    ["a.innerHTML = b", "eval('1')", "new Function(a)", 'setTimeout("x()", 1)', "document.write(a)"],
)
def test_the_check_knows_what_it_looks_for(wrong: str) -> None:
    assert MARKUP.search(wrong)


@pytest.mark.parametrize("wrong", ['fetch("https://a.example/")', "url(//a.example/b)", "from '//a.example'"])
def test_the_check_knows_another_host(wrong: str) -> None:
    assert ELSEWHERE.search(wrong)
