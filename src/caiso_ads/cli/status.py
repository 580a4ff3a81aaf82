"""``caiso-ads status``: what a running gateway publishes, from the file its status sink keeps.

Rule: an old file is never shown as the present. Exit code 0 when the gateway is alive, 3 when it is not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caiso_ads.cli._errors import one_line, report_errors

if TYPE_CHECKING:  # rich waits until the command runs
    from rich.console import Console, RenderableType

EXIT_NOT_RUNNING = 3
_FRESH_S = 5.0
_COLOURS = {"FOLLOW": "bold green", "HOLD": "bold yellow", "TEST": "bold magenta", "RELEASE": "bold cyan"}


@click.command("status")
@click.option(
    "--config", "config_path", type=click.Path(path_type=Path), default=Path("gateway.toml"), show_default=True,
    help="Configuration of the gateway to look at.",
)  # fmt: skip
@click.option("--status-file", type=click.Path(path_type=Path), help="The status file itself; no configuration needed.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole state as JSON.")
@click.option("--watch", is_flag=True, help="Show it again each second until Ctrl-C.")
@report_errors()
def command(config_path: Path, status_file: Path | None, *, as_json: bool, watch: bool) -> None:
    """Show what a running gateway publishes.

    One line for each resource: what the plant may do, the setpoint, the DOT and the next one, the quality and the ages.
    Ends with code 3 when the gateway is not running.
    """
    from rich.console import Console

    if as_json and watch:
        raise click.UsageError("--json and --watch exclude each other")
    if status_file is None:
        from caiso_ads.config import load_config

        status_file = load_config(config_path).status_path
    if watch:
        watch_file(status_file, Console(), _each_second())
        return
    seen = look(status_file)
    if as_json:
        click.echo(json.dumps({**seen.state, "running": seen.running, "file_age_s": seen.age_s}, indent=2))
    else:
        Console().print(picture(seen))
    if not seen.running:
        raise click.exceptions.Exit(EXIT_NOT_RUNNING)


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at the file. ``state`` is {} and ``age_s`` None when there is no readable file."""

    path: Path
    state: dict[str, Any]
    age_s: float | None
    now: datetime

    @property
    def running(self) -> bool:
        """Whether the gateway wrote the file just now and did not say good-bye."""
        return self.age_s is not None and self.age_s <= _FRESH_S and self.state.get("state") == "running"


def look(path: Path) -> Seen:
    """Read the file; a missing, empty or foreign one counts as none."""
    now = datetime.now(UTC)
    try:
        written = path.stat().st_mtime
        state = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return Seen(path, {}, None, now)
    if not isinstance(state, dict) or state.get("format") != 1:
        return Seen(path, {}, None, now)
    return Seen(path, state, round(max(0.0, now.timestamp() - written), 1), now)


def watch_file(path: Path, console: Console, ticks: Iterable[None]) -> None:
    """Show the file again at each tick."""
    from rich.live import Live

    with Live(console=console, auto_refresh=False) as live:
        for _ in ticks:
            live.update(picture(look(path)), refresh=True)


def _each_second() -> Iterable[None]:
    while True:
        yield
        time.sleep(1.0)


def picture(seen: Seen) -> RenderableType:
    """Return the state as lines and a table."""
    from rich.console import Group
    from rich.text import Text

    if not seen.state:
        return Text(f"The gateway is not running: no status at {seen.path}", style="bold red")
    parts: list[RenderableType] = []
    if not seen.running:
        last = f"{_clock(seen.state['at'])}, {_span(seen.age_s)} ago"
        parts.append(Text(f"The gateway is not running; last seen {last}. What follows is old.", style="bold red"))
    if seen.state["watermark"]:
        parts.append(Text(one_line(seen.state["watermark"]), style="bold magenta"))
    parts += [_gateway_line(seen.state), _table(seen.state["resources"])]
    nodes, sinks = seen.state.get("nodes"), seen.state.get("sinks")  # an older gateway's file has none
    if nodes:
        parts.append(_node_table(nodes))
    return Group(*parts, *map(_sink_line, sinks.items())) if sinks else Group(*parts)


def _sink_line(named: tuple[str, dict[str, Any]]) -> RenderableType:
    """Return how a sink fares; of its counts those that are not 0."""
    from rich.text import Text

    name, told = named
    counts = (f"{count:,} {what.replace('_', ' ')}" for what, count in told["counts"].items() if count)
    trouble = f"  {one_line(told['last_error'])}" if told["last_error"] else ""
    style = "" if told["health"] == "serving" else "bold red"
    return Text(f"{one_line(name)}: {told['health']}{trouble}  {', '.join(counts)}".rstrip(), style=style)


def _gateway_line(state: dict[str, Any]) -> RenderableType:
    from rich.text import Text

    points = state["gateway"]
    return Text(
        f"{state['environment']}  snapshot {state['snapshot_id']} at {_clock(state['at'])}"
        f"  last complete poll {_span(points['link_age_s']['value'])} ago"
        f"  store {'ok' if points['store_ok']['value'] else 'FAILING'}"
        f"  unacknowledged {points['unacknowledged_batches']['value']}"
        f"  unreadable {points['unreadable_batches']['value']}"
    )


def _table(resources: list[dict[str, Any]]) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    priced = any("dot_lmp" in resource for resource in resources)
    lmp = ("DOT's LMP",) if priced else ()
    table = Table(
        "Resource", "Directive", "Setpoint MW", "DOT → next", *lmp, "Quality", "Trajectory", "Dispatch", "Why"
    )
    for resource in resources:
        points = resource["points"]
        directive = points["directive"].get("word", "?")
        table.add_row(
            Text(one_line(resource["name"])),
            Text(directive, style=_COLOURS.get(directive, "bold red")),
            Text(_number(points["setpoint_mw"]), justify="right"),
            Text(_targets(points)),
            *([Text(_number(resource.get("dot_lmp", {"value": None})), justify="right")] if priced else []),
            Text(points["quality"].get("word", "?")),
            Text(_span(points["trajectory_age_s"]["value"])),
            Text(_span(points["dispatch_age_s"]["value"])),
            Text(points["reasons"].get("word", "").lower().replace("_", " ").replace("none", "")),
        )
    return table


def _node_table(nodes: list[dict[str, Any]]) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table("Node", "LMP now USD/MWh", "Quality", "Newest USD/MWh", "from (UTC)", "Quality", "Age")
    for node in nodes:
        points = node["points"]
        begin = points["published_start_time"]["value"]
        table.add_row(
            Text(one_line(node["name"])),
            Text(_number(points["active_lmp_usd_per_mwh"]), justify="right"),
            Text(points["quality"].get("word", "?")),
            Text(_number(points["published_lmp_usd_per_mwh"]), justify="right"),
            Text("-" if begin is None else _clock(begin)[5:16]),
            Text(points["published_quality"].get("word", "?")),
            Text(_span(points["price_age_s"]["value"])),
        )
    return table


def _targets(points: dict[str, Any]) -> str:
    now, following = _number(points["dot_mw"]), _number(points["next_dot_mw"])
    left = points["seconds_to_next_target"]["value"]
    return now if left is None else f"{now} → {following} in {_span(left)}"


def _number(point: dict[str, Any]) -> str:
    return "-" if point["value"] is None else f"{point['value']:.2f}"


def _span(seconds: float | None) -> str:
    """Return a time span for people; a dash when it is not known."""
    if seconds is None:
        return "-"
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"


def _clock(text: str) -> str:
    return text.replace("T", " ").replace("Z", " UTC")
