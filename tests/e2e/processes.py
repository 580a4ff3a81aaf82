"""Real processes for the end-to-end tests: the simulator and the gateway, started, killed and asked from outside."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

STARTING_S = 30.0


def environment() -> dict[str, str]:
    """Return an environment in which a child finds the repository, whatever its directory."""
    root = str(Path(__file__).parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}


def start(*words: str, log: Path) -> subprocess.Popen[bytes]:
    """Start ``python -m caiso_ads.cli.main …`` style commands; output goes to ``log``."""
    with log.open("ab") as output:
        return subprocess.Popen([sys.executable, *words], stdout=output, stderr=output, env=environment())


def caiso_ads(*words: str, log: Path) -> subprocess.Popen[bytes]:
    """Start the command line."""
    return start("-c", "from caiso_ads.cli import main; main()", *words, log=log)


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(condition: str, log: Path, process: subprocess.Popen[bytes]) -> str:
    """Wait until the log matches; the whole log is the error when it does not."""
    deadline = time.monotonic() + STARTING_S
    while time.monotonic() < deadline:
        text = log.read_text() if log.exists() else ""
        if found := re.search(condition, text):
            return found[0]
        if process.poll() is not None:
            raise AssertionError(f"ended with {process.returncode}: {text}")
        time.sleep(0.05)
    raise AssertionError(f"no {condition!r} in: {log.read_text()}")


def stop(process: subprocess.Popen[bytes]) -> int:
    """End a process the way a service manager does and return its exit code."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        return process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


@contextmanager
def simulator(directory: Path, *words: str) -> Iterator[Path]:
    """Run a simulator of its own process; yields the configuration it wrote. Its ledger is ``ledger.jsonl``."""
    log = directory / "simulator.log"
    process = caiso_ads(
        "simulate", "--port", "0", "--directory", str(directory), "--ledger", str(directory / "ledger.jsonl"),
        "--modbus-port", str(free_port()), *words, log=log,
    )  # fmt: skip
    try:
        wait_for("Ctrl-C stops it", log, process)
        yield directory / "gateway.toml"
    finally:
        stop(process)


def ledger(directory: Path) -> list[dict[str, object]]:
    """Return what the simulator issued and was asked."""
    return [json.loads(line) for line in (directory / "ledger.jsonl").read_text().splitlines()]
