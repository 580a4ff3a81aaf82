"""What the demo shows each second: one line a resource, the register to read, and the commands to read it with."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from caiso_ads.cli._demo_sinks import Choice, program, shown
from caiso_ads.config import Config
from caiso_ads.core.points import RESOURCE_POINTS, PointValue, Snapshot
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.simulator.kit import KitPaths
from caiso_ads.sinks.modbus import Config as ModbusConfig
from caiso_ads.sinks.modbus.layout import slot

_UNKNOWN = PointValue(None, Quality.INIT)
_COLOURS = {"FOLLOW": "bold green", "TEST": "bold magenta", "HOLD": "bold yellow", "NO_DATA": "bold red"}


def picture(snapshot: Snapshot, config: Config, config_path: Path) -> RenderableType:
    """Return the whole screen for one snapshot."""
    modbus = config.sinks["modbus"]
    assert isinstance(modbus, ModbusConfig)
    return Group(
        Text(
            "SIMULATOR: an invented market, not CAISO. Directive TEST stands where production says FOLLOW.", "magenta"
        ),
        Text(_headline(snapshot)),
        _table(snapshot, config, modbus),
        Text(_how_to_read(config_path, modbus, tuple(snapshot.nodes))),
    )


def also_served(choice: Choice, kit: KitPaths) -> RenderableType:
    """Return what is told once at start: the ways to read beside Modbus, and those left out with their cure."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("also served", "where", "first setpoint"):
        table.add_column(title, overflow="fold")
    table.add_row("files", shown(kit.files / "all.csv"), "column setpoint_mw")
    for told in choice.on:
        table.add_row(told.name, told.where, told.setpoint)
    for name, cure in choice.left_out.items():
        table.add_row(Text(name, "dim"), Text(f"left out: {cure}", "dim"), "")
    return table


def how_to_read(choice: Choice) -> str:
    """Return a command for each of them, for another terminal; lines are not to be broken."""
    lines = [f"  {line}" for told in choice.on for line in told.commands]
    return "\n".join(("Read them from another terminal; docs/reading.md says more:", *lines, ""))


def _headline(snapshot: Snapshot) -> str:
    age = snapshot.gateway_value("link_age_s").value
    polled = "not yet polled" if age is None else f"polled {age:.0f} s ago"
    waiting = snapshot.gateway_value("unacknowledged_batches").value
    return f"{_clocks(snapshot.at)}   snapshot {snapshot.generation}   {polled}   {waiting} receipts to confirm"


def _clocks(at: datetime) -> str:
    utc = f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    try:
        return f"{utc} ({at.astimezone(ZoneInfo('America/Los_Angeles')):%H:%M:%S} Pacific)"
    except ZoneInfoNotFoundError:  # Windows without the tzdata package: UTC alone is still right
        return utc


def _table(snapshot: Snapshot, config: Config, modbus: ModbusConfig) -> Table:
    plan = modbus.native_plan(tuple(snapshot.resources))
    names = {item.id: item.name for item in config.resources}
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("resource", no_wrap=True)
    for title in ("directive", "quality"):
        table.add_column(title, no_wrap=True)
    for title in ("setpoint", "DOT MW", "next DOT", "in"):
        table.add_column(title, justify="right", no_wrap=True)
    priced = bool(snapshot.nodes)  # the LMP of the interval the DOT belongs to
    if priced:
        table.add_column("DOT's LMP", justify="right", no_wrap=True)
    for title in ("register", "block"):
        table.add_column(title, justify="right", no_wrap=True)
    for index, resource_id in enumerate(snapshot.resources):
        directive = Directive(_whole(snapshot.value(resource_id, "directive"))).name
        legacy = str(40001 + 2 * index) if resource_id in plan.legacy_ids and plan.legacy else "-"
        table.add_row(
            names[resource_id],
            Text(directive, _COLOURS.get(directive, "")),
            Quality(_whole(snapshot.value(resource_id, "quality"))).name,
            *(_number(snapshot.value(resource_id, key)) for key in ("setpoint_mw", "dot_mw", "next_dot_mw")),
            _countdown(snapshot.value(resource_id, "seconds_to_next_target")),
            *([_number(snapshot.dot_prices.get(resource_id, _UNKNOWN))] if priced else []),
            legacy,
            str(40001 + plan.block_base(index)),
        )
    return table


def _whole(value: PointValue) -> int:
    assert isinstance(value.value, int)
    return value.value


def _number(value: PointValue) -> str:
    return "-" if not isinstance(value.value, float) else f"{value.value:.2f}"


def _countdown(value: PointValue) -> str:
    return "-" if not isinstance(value.value, float) else f"{int(value.value) // 60}:{int(value.value) % 60:02d}"


def _how_to_read(config_path: Path, modbus: ModbusConfig, nodes: tuple[str, ...]) -> str:
    config = shown(config_path)
    target = f"-m tcp -p {modbus.port} -a {modbus.unit_id}"
    setpoint = next(index for index, point in enumerate(RESOURCE_POINTS) if point.key == "setpoint_mw")
    block = modbus.native_plan(("",)).block_base(0) + slot(setpoint) + 1
    return (
        f"register: float, low word first; block: status and values, word order {modbus.word_order}. "
        "From another terminal:\n"
        f"  mbpoll {target} -t 4:float -r 1 -c 6 -1 {modbus.host}   # 40001 on: setpoints now\n"
        f"  mbpoll {target} -t 1 -r 1 -c 4 -1 {modbus.host}         # 10001: 1 while all are good\n"
        f"{_block_line(target, modbus, block)}"
        f"{_price_line(target, modbus, nodes)}"
        f"  {program()} status --config {config}\n"
        f"  {program()} points --config {config}   # the whole map\n"
        "Ctrl-C stops it."
    )


def _block_line(target: str, modbus: ModbusConfig, register: int) -> str:
    """Return how to read the first setpoint; nothing in an order that mbpoll does not know."""
    option = {"ABCD": " -B", "CDAB": ""}.get(modbus.word_order)
    if option is None:
        return ""
    return f"  mbpoll {target} -t 4:float{option} -r {register} -c 1 -1 {modbus.host}   # first block: setpoint_mw\n"


def _price_line(target: str, modbus: ModbusConfig, nodes: tuple[str, ...]) -> str:
    """Return how to read the first node in the old map; nothing without one."""
    if not nodes or not modbus.legacy_map:
        return ""
    return f"  mbpoll {target} -t 4:float -r 51 -c 2 -1 {modbus.host}   # 40051, 40053: LMP newest, now\n"
