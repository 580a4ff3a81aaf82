"""``caiso-ads status`` shows the present, and says plainly when there is none."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from caiso_ads.cli import main
from caiso_ads.cli.status import look, picture, watch_file
from caiso_ads.core.directive import DEFAULT_LIMITS, Environment
from caiso_ads.core.instant import Instant
from caiso_ads.core.points import RESOURCE_POINTS, PointValue
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.core.resource import Resource
from caiso_ads.core.snapshot import snapshot
from caiso_ads.core.state import initial
from caiso_ads.ports import SinkContext
from caiso_ads.sinks.status import document
from tests.fakes import START, FakeClock, MemoryStore

FOLLOWED: dict[str, Any] = {
    "directive": Directive.FOLLOW,
    "quality": Quality.GOOD,
    "setpoint_mw": 57.25,
    "dot_mw": 55.0,
    "next_dot_mw": 60.0,
    "seconds_to_next_target": 134.0,
    "trajectory_age_s": 42.0,
    "dispatch_age_s": 5400.0,
    "reasons": 0,
}


def state(values: dict[str, Any] | None = None, *, name: str = "Plant A", **changes: Any) -> dict[str, Any]:
    """Make the document of a gateway with one resource."""
    made = snapshot(
        initial({"A": Resource("A", name, 0.0, 100.0)}, Environment.PRODUCTION),
        Instant(START, 1.0), DEFAULT_LIMITS, generation=7, heartbeat=7, unacknowledged=3,
    )  # fmt: skip
    if values is not None:
        row = tuple(PointValue(values.get(point.key), Quality.GOOD) for point in RESOURCE_POINTS)
        made = type(made)(made.generation, made.at, made.gateway, {"A": row})
    known = SinkContext(("A",), {"A": name}, "production", MemoryStore(), FakeClock())
    return document(made, known, "running") | changes


def write(folder: Path, content: dict[str, Any] | str, age_s: float = 0.0) -> Path:
    """Write a status file of that age."""
    path = folder / "status.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    written = time.time() - age_s
    os.utime(path, (written, written))
    return path


def status(path: Path, *more: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["status", "--status-file", str(path), *more], env={"COLUMNS": "160"})


def test_a_running_gateway_is_shown_with_value_words_and_countdown(tmp_path: Path) -> None:
    result = status(write(tmp_path, state(FOLLOWED)))
    assert result.exit_code == 0
    for text in ("Plant A", "FOLLOW", "57.25", "55.00 → 60.00 in 2:14 min", "GOOD", "42 s", "1:30 h"):
        assert text in result.stdout
    assert "unacknowledged 3" in result.stdout
    assert "not running" not in result.stdout


def test_what_is_not_known_is_a_dash_and_never_a_number(tmp_path: Path) -> None:
    result = status(write(tmp_path, state()))
    assert "NO_DATA" in result.stdout
    assert "0.00" not in result.stdout
    assert "not confirmed" in result.stdout


@pytest.mark.parametrize("age_s", [6.0, 7200.0])
def test_an_old_file_is_said_to_be_old_and_ends_with_3(tmp_path: Path, age_s: float) -> None:
    result = status(write(tmp_path, state(FOLLOWED), age_s))
    assert result.exit_code == 3
    assert "The gateway is not running; last seen 2026-07-01 12:00:00 UTC" in result.stdout


def test_a_stopped_gateway_is_said_to_be_stopped_at_once(tmp_path: Path) -> None:
    result = status(write(tmp_path, state(FOLLOWED, state="stopped")))
    assert result.exit_code == 3
    assert "The gateway is not running" in result.stdout


@pytest.mark.parametrize("content", ["", '{"format": 1, "sta', "[]", "3", '{"format": 99}', "\x00\x00"])
def test_a_file_that_cannot_be_read_counts_as_no_gateway(tmp_path: Path, content: str) -> None:
    result = status(write(tmp_path, content))
    assert result.exit_code == 3
    assert "not running" in result.stdout


def test_no_file_counts_as_no_gateway(tmp_path: Path) -> None:
    result = status(tmp_path / "never.json")
    assert result.exit_code == 3
    assert "never.json" in result.stdout.replace("\n", "")


def test_json_is_the_whole_state_and_whether_it_holds(tmp_path: Path) -> None:
    result = status(write(tmp_path, state(FOLLOWED)), "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 0
    assert told["running"] is True
    assert told["resources"][0]["points"]["setpoint_mw"]["value"] == 57.25
    old = status(write(tmp_path, state(FOLLOWED), 60.0), "--json")
    assert old.exit_code == 3
    assert json.loads(old.stdout)["running"] is False
    assert json.loads(status(tmp_path / "never.json", "--json").stdout) == {"running": False, "file_age_s": None}


def test_a_test_environment_is_marked_on_screen(tmp_path: Path) -> None:
    assert "TEST DATA" in status(write(tmp_path, state(FOLLOWED, watermark="TEST DATA - simulator"))).stdout


def test_a_hostile_name_neither_steers_the_terminal_nor_is_read_as_markup(tmp_path: Path) -> None:
    result = status(write(tmp_path, state(FOLLOWED, name="[red]x[/red]\x1b[2J")))
    assert "[red]x" in result.stdout
    assert "\x1b" not in result.stdout


def test_the_configuration_leads_to_the_status_file(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(
        '[ads]\nurl = "https://h.example/APIWebService/v8"\ncertificate = "c.pem"\n[store]\npath = "a.db"\n'
        '[[resource]]\nid = "A"\npmin_mw = 0\npmax_mw = 1\n'
    )
    (tmp_path / "a.db.status.json").write_text(json.dumps(state(FOLLOWED)))
    result = CliRunner().invoke(main, ["status", "--config", str(config), "--json"])
    assert json.loads(result.stdout)["snapshot_id"] == 7


def test_a_configuration_that_is_missing_is_an_error_that_names_it(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["status", "--config", str(tmp_path / "none.toml")])
    assert result.exit_code == 2
    assert "none.toml" in result.stderr


def test_watching_and_json_exclude_each_other(tmp_path: Path) -> None:
    assert status(write(tmp_path, state()), "--json", "--watch").exit_code == 2


def test_watching_shows_each_change(tmp_path: Path) -> None:
    path = write(tmp_path, state(FOLLOWED))
    console = Console(width=160, record=True, force_terminal=True, file=(tmp_path / "screen").open("w"))

    def ticks() -> Any:
        yield
        write(tmp_path, state(FOLLOWED | {"setpoint_mw": 58.5}))
        yield

    watch_file(path, console, ticks())
    shown = console.export_text()
    console.file.close()
    assert "58.50" in shown


def test_a_look_is_plain_data_that_can_be_drawn_again(tmp_path: Path) -> None:
    seen = look(write(tmp_path, state(FOLLOWED)))
    console = Console(width=160, record=True, file=(tmp_path / "screen").open("w"))
    console.print(picture(seen))
    console.file.close()
    assert seen.running
    assert "57.25" in console.export_text()


def test_each_sink_has_a_line_with_its_counts_and_its_trouble(tmp_path: Path) -> None:
    sinks = {
        "modbus": {"health": "serving", "restarts": 0, "last_error": "", "counts": {"writes_refused": 1200, "x": 0}},
        "dnp3": {"health": "failed", "restarts": 3, "last_error": "OSError: gone\x1b[2J", "counts": {}},
    }
    console = Console(record=True, width=120)
    console.print(picture(look(write(tmp_path, state(FOLLOWED, sinks=sinks)))))
    text = console.export_text()
    assert "modbus: serving  1,200 writes refused\n" in text
    assert "dnp3: failed  OSError: gone" in text
    assert "\x1b" not in text
