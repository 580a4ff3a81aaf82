from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from caiso_ads.cli.simulate import command
from caiso_ads.config import load_config


def test_the_catalogue_lists_scenarios_faults_and_switches() -> None:
    done = CliRunner().invoke(command, ["--list-scenarios"])
    assert done.exit_code == 0
    for name in ("contingency", "truncated-base64", "unknown_uid", "dst-autumn-2025", "oasis-NNNN", "rtd_posting"):
        assert name in done.output


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--fault", "drop"], "drop"),
        (["--switch", "unknown_uid=maybe"], "unknown_uid"),
        (["--scenario", "unheard-of"], "unheard-of"),
        (["--fault", "oasis-999"], "oasis-999"),
    ],
)
def test_a_wrong_option_is_one_line_with_its_cure(arguments: list[str], names: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["--directory", str(tmp_path), *arguments])
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")
    assert names in done.stderr
    assert "cure: " in done.stderr


@pytest.mark.slow
def test_it_serves_until_a_signal_and_leaves_a_usable_configuration(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    program = [sys.executable, "-c", "from caiso_ads.cli import main; main()", "simulate"]
    options = [
        "--port",
        "0",
        "--oasis-port",
        "0",
        "--directory",
        str(tmp_path),
        "--speed",
        "60",
        "--ledger",
        str(ledger),
        "--scenario",
        "dst",
    ]
    flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    process = subprocess.Popen(
        program + options,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        creationflags=flags,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    with process.stdout as output:
        lines = []
        for line in output:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM))
        rest = output.read()
    assert process.wait(timeout=20) == 0
    text = "".join(lines)
    assert text.startswith("ADS SIMULATOR, not CAISO")
    assert "2026-11-01 07:00" in text
    assert "Simulator stopped." in rest
    config = load_config(tmp_path / "gateway.toml")
    assert config.ads.url in text
    assert config.oasis.url in text
    assert re.search(r"price service +https://127\.0\.0\.1:\d+/oasisapi .*500 nodes", text)
    issued = [json.loads(line) for line in ledger.read_text("utf-8").splitlines()]
    assert len(issued) > 1000
    assert {row["operation"] for row in issued} <= {"issue", "change"}
