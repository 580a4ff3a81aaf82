"""The task runner: ``python3 tasks.py <task>``. It makes its own environment, so a bare Python is enough.

Rule: standard library only, no shell, and the same steps on a workstation and in ``.ci/run``. Each Python version has
its own environment beside this file, for example ``.venv-3.11``; requirements are installed only when they changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 13)
ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv-{}.{}".format(*sys.version_info)
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
RUN_PINS = ("requirements.txt", "requirements-build.txt")
DEV_PINS = ("requirements-dev.txt",)
NOTHING_CHOSEN = 5  # the exit status of pytest where the arguments leave no test of a run
WITH_ALL = "--with-all"
WITH_PICTURES = "--pictures"
CODE = ("src", "tests", "benchmarks", "tasks.py")

CHECKS = (
    ("ruff", "format", "--check", *CODE),
    ("ruff", "check", *CODE),
    ("mypy",),
    ("lint-imports", "--no-logo"),
)

# The pins file, and what its compilation reads. Later files are held to the versions of the earlier ones.
PIN_SOURCES = (
    ("requirements.txt", ("pyproject.toml",)),
    ("requirements-build.txt", ("--group", "build", "-c", "requirements.txt")),
    ("requirements-dev.txt", ("pyproject.toml", "--group", "dev", "-c", "requirements.txt")),
)

# Pages that the program writes about itself.
GENERATED = (
    ("docs/configuration.md", ("check", "--document")),
    ("docs/points.md", ("points", "--catalogue")),
    ("docs/directive.md", ("points", "--directives")),
    ("docs/alarms.md", ("alarms", "catalogue", "--document")),
    ("docs/roles.md", ("users", "matrix")),
    ("docs/api.md", ("api", "--document")),
)

USAGE = """usage: python3 tasks.py <task> [arguments]

  demo [arguments]               simulator, gateway, page and register map in one; see: demo --help
       [--with-all]              installs the libraries of every protocol first: DNP3, OPC UA and so on
  test [--fast] [arguments]      format, lint, types, import rules, then pytest; --fast leaves out the slow tests
       [--only-pytest]           leaves out the checks before pytest: they are the same on every Python
  lint                           the same without pytest
  bench [names]                  run all benchmarks and write docs/performance.md, or print some
  docs [--pictures]              write the generated pages of docs/ again; the pictures of docs/images/ too
  pins                           choose the newest allowed versions and write the requirements files
"""


def main(arguments: list[str]) -> int:
    """Run one task and return the exit status."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        found = "{}.{}".format(*sys.version_info)
        print(f"caiso-ads needs Python 3.11, 3.12 or 3.13; this is {found} ({sys.executable}).", file=sys.stderr)
        print("Start this file with another interpreter, for example: python3.11 tasks.py", file=sys.stderr)
        return 2
    if not arguments or arguments[0] not in TASKS:
        print(USAGE, end="")
        return 0 if arguments and arguments[0] in ("help", "-h", "--help") else 2
    try:
        return TASKS[arguments[0]](arguments[1:])
    except subprocess.CalledProcessError as failed:
        print(f"tasks.py: stopped, this failed: {' '.join(map(str, failed.cmd))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def demo(arguments: list[str]) -> int:
    """Run ``caiso-ads demo`` in the caller's folder. Where the system can, it takes this process's place: signals reach it."""
    wanted, command = demo_plan(arguments)
    prepare(wanted)
    if os.name != "nt":
        os.execv(command[0], command)  # noqa: S606  no shell is wanted, and there is no way back by design
    return run(*command, folder=None)


def demo_plan(arguments: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """Return which pins the demo wants, and its command.

    With ``--with-all`` they are the developers': the extras' libraries have no other file of pins.
    """
    rest = [argument for argument in arguments if argument != WITH_ALL]
    return (DEV_PINS if len(rest) < len(arguments) else RUN_PINS), [str(BIN / "caiso-ads"), "demo", *rest]


def test(arguments: list[str]) -> int:
    """Check everything; pytest comes last so that its closing line is the last one."""
    prepare(DEV_PINS)
    failed = [] if "--only-pytest" in arguments else failing_checks()
    chosen = [argument for argument in arguments if argument not in ("--fast", "--only-pytest")]
    statuses = [run(PYTHON, "-m", "pytest", *options, *chosen) for options in test_runs(fast="--fast" in arguments)]
    statuses = [status for status in statuses if status != NOTHING_CHOSEN] or [NOTHING_CHOSEN]
    return report(failed) or max(statuses)


def test_runs(*, fast: bool) -> list[tuple[str, ...]]:
    """Return the options of each run of pytest: two at a time, and then what needs the machine for itself."""
    if fast:
        return [("-n", "2", "-m", "not slow")]
    return [("-n", "2", "-m", "not alone"), ("-m", "alone")]


def lint(arguments: list[str]) -> int:
    """Check format, lint, types and import rules."""
    if arguments:
        print(f"tasks.py: lint takes no arguments, got: {' '.join(arguments)}", file=sys.stderr)
        return 2
    prepare(DEV_PINS)
    return report(failing_checks())


def bench(arguments: list[str]) -> int:
    """Run the benchmarks."""
    prepare(DEV_PINS)
    return run(PYTHON, Path("benchmarks", "run.py"), *arguments)


def docs(arguments: list[str]) -> int:
    """Write the generated documentation again; with ``--pictures`` also those of the page, taken by its browser tests."""
    rest = [argument for argument in arguments if argument != WITH_PICTURES]
    prepare(DEV_PINS)
    for page, command in GENERATED:
        say(f"caiso-ads {' '.join(command)} > {page}")
        environment = {**os.environ, "PYTHONUTF8": "1"}
        done = subprocess.run([BIN / "caiso-ads", *command, *rest], check=True, stdout=subprocess.PIPE, env=environment)
        (ROOT / page).write_bytes(done.stdout.replace(b"\r\n", b"\n"))
    if WITH_PICTURES not in arguments:
        return 0
    os.environ["CAISO_ADS_PICTURES"] = "1"
    return run(PYTHON, "-m", "pytest", "-q", Path("tests", "e2e", "test_page_pictures.py"))


def pins(arguments: list[str]) -> int:
    """Compile the requirements files; needs ``uv``, which nothing else here needs."""
    command = ("uv", "pip", "compile", "--universal", "--generate-hashes", "--no-emit-index-url", "--no-header")
    for target, sources in PIN_SOURCES:
        options = ("--no-annotate", "--quiet", "--upgrade", "--python-version", "3.11", "--output-file", target)
        must(*command, *options, *sources, *arguments)
    return 0


def prepare(pins_files: tuple[str, ...]) -> None:
    """Make the environment and install the pins and this project, each only when it changed."""
    if not PYTHON.exists():
        make_environment()
    stamp = VENV / f"installed-{pins_files[0]}.sha256"
    wanted = fingerprint(*pins_files, "pyproject.toml")
    if stamp.exists() and stamp.read_text() == wanted:
        return
    stamp.unlink(missing_ok=True)
    say(f"installing {' and '.join(pins_files)} into {VENV.name}")
    pip = (PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    files = [option for name in pins_files for option in ("-r", name)]
    must(*pip, "--require-hashes", "--only-binary", ":all:", *files)
    must(*pip, "--no-deps", "--no-build-isolation", "--editable", ".")
    stamp.write_text(wanted)


def make_environment() -> None:
    """Make the virtual environment; leave nothing half made behind."""
    say(f"making {VENV.name} with {sys.executable}")
    try:
        must(sys.executable, "-m", "venv", VENV)
    except subprocess.CalledProcessError:
        shutil.rmtree(VENV, ignore_errors=True)
        print("tasks.py: this Python cannot make environments; on Debian: apt install python3-venv", file=sys.stderr)
        raise


def fingerprint(*names: str) -> str:
    """Return one SHA-256 over the files."""
    return hashlib.sha256(b"\0".join((ROOT / name).read_bytes() for name in names)).hexdigest()


def failing_checks() -> list[str]:
    """Run every check, also after one failed, and return those that did."""
    return [" ".join(check) for check in CHECKS if run(BIN / check[0], *check[1:])]


def report(failed: list[str]) -> int:
    """Name the checks that failed; status 1 when there is one."""
    for check in failed:
        print(f"tasks.py: failed: {check}", file=sys.stderr)
    return 1 if failed else 0


def must(*command: str | Path) -> None:
    """Run a command in the project's folder; CalledProcessError when it fails."""
    subprocess.run(command, check=True, cwd=ROOT)


def run(*command: str | Path, folder: Path | None = ROOT) -> int:
    """Run a command with our terminal, and return its status; it ends in its own time after an interrupt."""
    say(" ".join(part.name if isinstance(part, Path) else part for part in command))
    with subprocess.Popen(command, cwd=folder) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue  # the terminal sent it to the command as well


def say(text: str) -> None:
    """Print one line about what happens next, ahead of the output of the command itself."""
    print(f"+ {text}", flush=True)


TASKS = {"demo": demo, "test": test, "lint": lint, "bench": bench, "docs": docs, "pins": pins}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
