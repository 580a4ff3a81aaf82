from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from caiso_ads.cli._demo_table import picture
from caiso_ads.cli.demo import command
from caiso_ads.config import Config, load_config
from caiso_ads.core import happenings as facts
from caiso_ads.core.directive import DEFAULT_LIMITS, Environment
from caiso_ads.core.instant import Instant
from caiso_ads.core.resource import Resource
from caiso_ads.core.snapshot import snapshot
from caiso_ads.core.state import fold, initial
from tests.fakes import START, batch, trajectory
from tests.price_source import NODE, price

NOW = Instant(START, 0.0)

CONFIG = """
[ads]
url = "https://127.0.0.1:8447/ADS/APIWebService/v8"
certificate = "c.pem"
ca_file = "ca.pem"
environment = "simulator"
[store]
path = "gateway.db"
[[resource]]
id = "R1"
name = "North array"
pmin_mw = 0.0
pmax_mw = 100.0
[sinks.modbus]
port = 5021
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "gateway.toml"
    path.write_text(CONFIG)
    return load_config(path)


def shown(config: Config, *, known: bool) -> str:
    state = initial({"R1": Resource("R1", "North array", 0.0, 100.0)}, Environment.SIMULATOR)
    now = Instant(START, 0.0)
    if known:
        points = {"R1": [(START, 50.0), (START + timedelta(hours=1), 50.0)]}
        state = fold(state, facts.TrajectorySeen(trajectory("T", points), now))
        state = fold(state, facts.BatchSeen(batch("A", dots={"R1": 42.0}, start=START + timedelta(seconds=150)), now))
        state = fold(state, facts.PollCompleted(now))
    shot = snapshot(state, now, DEFAULT_LIMITS, generation=3, heartbeat=1, unacknowledged=0)
    console = Console(file=io.StringIO(), width=100)
    console.print(picture(shot, config, Path("gateway.toml")))
    output = console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue()


def test_the_table_names_value_directive_countdown_and_register(config: Config) -> None:
    text = shown(config, known=True)
    for word in ("SIMULATOR", "North array", "TEST", "GOOD", "50.00", "42.00", "2:30", "40001", "41101", "-p 5021"):
        assert word in text


def test_what_is_not_known_is_a_dash_and_never_a_zero(config: Config) -> None:
    text = shown(config, known=False)
    assert "NO_DATA" in text
    assert "not yet polled" in text
    assert " 0.00" not in text


def test_with_nodes_the_price_of_the_targets_interval_and_how_to_read_it_is_shown(config: Config) -> None:
    state = initial({"R1": Resource("R1", "North array", 0.0, 100.0, node=NODE)}, Environment.SIMULATOR, (NODE,))
    dot = batch("A", dots={"R1": 42.0}, start=START + timedelta(seconds=150))
    state = fold(fold(state, facts.BatchSeen(dot, Instant(START, 0.0))), facts.PricesSeen((price(usd=28.75),), NOW))
    shot = snapshot(state, NOW.plus(151), DEFAULT_LIMITS, generation=3, heartbeat=1, unacknowledged=0)
    console = Console(file=(text := io.StringIO()), width=120)
    console.print(picture(shot, config, Path("gateway.toml")))
    (line,) = [line for line in text.getvalue().splitlines() if "North array" in line]
    assert line.split()[-3:] == ["28.75", "40001", "41101"]
    assert "-r 51 -c 2" in text.getvalue()
    assert all(len(line) <= 100 for line in text.getvalue().splitlines() if "mbpoll" in line)
    assert "LMP" not in shown(config, known=True)


def test_help_says_what_it_does() -> None:
    text = CliRunner().invoke(command, ["--help"]).output
    assert "simulated ISO" in text
    assert "--modbus-port" in text
    assert "--oasis-port" in text


@pytest.mark.slow
def test_the_demo_runs_shows_and_ends_by_itself(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["--directory", str(tmp_path), "--seconds", "12", "--plain"])
    assert result.exit_code == 0, result.output
    assert "TEST" in result.output
    assert (tmp_path / "gateway.toml").exists()
    assert result.output.index("also served") < result.output.index("SIMULATOR")
    password = (tmp_path / "opcua-password").read_text().strip()
    assert "opcua-password" in result.output
    assert password not in result.output
    again = CliRunner().invoke(command, ["--directory", str(tmp_path), "--seconds", "6", "--plain"])
    assert again.exit_code == 0, again.output
