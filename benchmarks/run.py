"""Runs the benchmark scripts and writes their table into docs/performance.md.

Rule: the page is rewritten only by a full run of every script; a part of them is printed only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "performance.md"
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
HEAD = ("| benchmark | what | here | yardstick | ratio | target | met |", "|---|---|---|---|---|---|---|")
NOT_RUN = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One figure, as the table shows it. ``met`` is None when it was not run."""

    name: str
    what: str
    value: str
    yardstick: str
    ratio: float | None
    target: str
    met: bool | None

    def line(self) -> str:
        """Return the row in Markdown."""
        ratio = "" if self.ratio is None else f"{self.ratio:.3g}"
        met = {True: "yes", False: "**no**", None: "not run"}[self.met]
        target = self.target.replace("<=", "≤").replace(">=", "≥")
        return f"| {self.name} | {self.what} | {self.value} | {self.yardstick} | {ratio} | {target} | {met} |"


def scripts() -> dict[str, Path]:
    """Return every benchmark by name."""
    return {path.stem: path for path in sorted(HERE.glob("[a-z]*.py")) if path.name != "run.py" and _is_script(path)}


def _is_script(path: Path) -> bool:
    return '__name__ == "__main__"' in path.read_text(encoding="utf-8")


def measure(name: str, path: Path) -> list[Row]:
    """Run one script and return its rows; a script that fails ends the whole run."""
    print(f"+ {name}", file=sys.stderr, flush=True)
    command = [sys.executable, str(path), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=False, cwd=HERE.parent)
    if done.returncode == NOT_RUN:
        return [Row(name, "something it needs is missing", "", "", None, "", None)]
    if done.returncode:
        sys.exit(f"benchmarks/{path.name} failed with status {done.returncode}")
    try:
        return [row(name, result) for result in json.loads(done.stdout)["results"]]
    except (ValueError, KeyError, TypeError) as error:
        sys.exit(f"benchmarks/{path.name} --json has not the form of benchmarks/README.md: {error!r}")


def row(name: str, result: dict[str, Any]) -> Row:
    """Make a row of one result; KeyError names what a script left out."""
    ratio = None if result["ratio"] is None else float(result["ratio"])
    texts = {key: str(result[key]).replace("|", "/") for key in ("what", "value", "yardstick", "target")}
    return Row(name, ratio=ratio, met=bool(result["met"]), **texts)


def table(rows: Iterable[Row]) -> str:
    """Return the table in Markdown."""
    return "\n".join([*HEAD, *(one.line() for one in rows)])


def machine() -> str:
    """Describe the machine without naming it."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, {python}, {datetime.now(UTC):%Y-%m-%d}"


def rewrite(page: str, inner: str) -> str:
    """Return the page with what stands between the markers replaced; ValueError when they are not there once."""
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise ValueError(f"{BEGIN} and {END} must each stand in the page once")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{inner}\n{END}{after}"


def main() -> None:
    """Read the command line, run, print, and write the page after a full run."""
    known = scripts()
    parser = argparse.ArgumentParser(description="Run the benchmarks and write docs/performance.md.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"only these, of: {', '.join(known)}")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}")
    rows = [one for name in options.names or known for one in measure(name, known[name])]
    print(table(rows))
    if options.names:
        return
    inner = f"Measured with `python3 tasks.py bench` on {machine()}.\n\n{table(rows)}"
    PAGE.write_text(rewrite(PAGE.read_text(encoding="utf-8"), inner), encoding="utf-8")


if __name__ == "__main__":
    main()
