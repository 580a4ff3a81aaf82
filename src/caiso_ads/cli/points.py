"""``caiso-ads points``: the exact register map of a configuration, and the catalogue of all points in words.

Rule: nothing is listed here twice. The map comes from the sink's own layout, the catalogue from ``core/points.py``;
only the meanings of quality, directive and reason, which the code names in one word, are put into sentences here.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

import click

from caiso_ads.cli._errors import report_errors
from caiso_ads.cli._points_tags import ignition, kepware
from caiso_ads.cli._points_walk import walk
from caiso_ads.core.events import Notice
from caiso_ads.core.points import GATEWAY_POINTS, NODE_POINTS, RESOURCE_POINTS, Kind, Point
from caiso_ads.core.quality import Directive, Quality, Reason
from caiso_ads.errors import ConfigError

if TYPE_CHECKING:
    from caiso_ads.sinks.modbus.layout import Row

REGENERATE = "caiso-ads points --catalogue > docs/points.md"
_EXAMPLE: tuple[str, ...] = ("EXAMPLE_1_UNIT", "EXAMPLE_2_UNIT")
_EXAMPLE_NODES: tuple[str, ...] = ("EXAMPLE_NODE",)
COLUMNS = (
    "unit_id", "functions", "pdu", "number", "count", "resource", "key", "type", "word_order", "scale", "unit", "meaning",
)  # fmt: skip
_FUNCTIONS = {"register": "03/04", "bit": "01/02"}

DIRECTIVES: Mapping[Directive, str] = {
    Directive.NO_DATA: "no setpoint is known; do not use one",
    Directive.FOLLOW: "follow the setpoint",
    Directive.HOLD: "keep the last good setpoint; `reasons` says why",
    Directive.RELEASE: "the gateway gives no setpoint any more; the plant's own policy applies",
    Directive.TEST: "numbers are from a simulator or market simulation; never follow them",
}

QUALITIES: Mapping[Quality, str] = {
    Quality.INIT: "nothing confirmed since start",
    Quality.GOOD: "all checks hold",
    Quality.UNCERTAIN: "the last usable value, beginning to age",
    Quality.BAD_COMM: "held: no contact with ADS, or the control loop has stopped",
    Quality.BAD_STALE: "held: the schedule ran out",
    Quality.BAD_DATA: "held: a newer value was refused",
    Quality.BAD_CONFIG: "the configuration does not fit what the ISO sends",
    Quality.BAD_STORE: "the value could not be verified in the store",
    Quality.STANDBY: "this gateway is not the active one of a pair",
    Quality.SHUTDOWN: "the gateway is stopping",
    Quality.FORCED: "set by an operator",
}

REASONS: Mapping[Reason, str] = {
    Reason.ADS_UNREACHABLE: "no complete poll of ADS, or no sign of the control loop",
    Reason.CERTIFICATE: "our certificate was refused or is not valid",
    Reason.INTERVAL_NOT_COVERED: "no target covers this interval",
    Reason.MARKET_SILENT: "ADS answers but sends nothing new",
    Reason.CLOCK_OFF: "this machine's clock cannot be trusted",
    Reason.RESOURCE_MISSING: "the ISO's answers do not mention this resource",
    Reason.VALUE_REFUSED: "a value was outside the limits, or a step beyond the ramp rate where such are refused",
    Reason.NOT_BINDING: "the target is not binding",
    Reason.RESTORED: "values are from the store; no poll has confirmed them since start",
    Reason.STORE_FAILING: "the store takes no writes",
    Reason.OPERATOR_OVERRIDE: "an operator has taken over",
    Reason.STANDBY: "reserved for pairs of gateways",
    Reason.TEST_ENVIRONMENT: "not the ISO's production",
    Reason.NOT_CONFIRMED: "no complete poll has confirmed it since the gateway started",
    Reason.LINK_AGING: "the last complete poll is getting old",
    Reason.SHUTTING_DOWN: "the gateway is stopping",
    Reason.BATCH_UNREADABLE: "a dispatch batch could not be read; HOLD until a later 5-minute batch is, then a warning only",
    Reason.FREE_TO_RUN: "wind or solar without the follow-DOT flag: free to run",
    Reason.FALLBACK: "our link has been lost for longer than the hold time: the fallback applies",
    Reason.MISMATCH: "our ramp between targets and the ISO's operating points disagree; a warning only",
    Reason.CONFLICT: "the ISO sent two contents of one revision for a target shown; HOLD until the last is read again",
}
NOTICES: Mapping[Notice, str] = {
    Notice.EXCEPTIONAL_DISPATCH: "the ISO dispatches it outside the market, or constrains it",
    Notice.CONTINGENCY: "contingency or disturbance dispatch",
    Notice.AS_TEST: "unannounced test of ancillary services",
    Notice.FLEX_RAMP: "flexible ramping award",
    Notice.START_UP: "start-up instructed",
    Notice.SHUT_DOWN: "shut-down instructed",
    Notice.TRANSITION: "transition between configurations",
    Notice.AS_AWARD: "ancillary service award",
    Notice.EMERGENCY_CANCEL: "an instruction was cancelled in an emergency",
    Notice.UNKNOWN_TYPE: "an instruction of a type this version does not know",
    Notice.BEYOND_RAMP: "the next target cannot be reached in time at the configured ramp rate; the ISO's value stands",
    Notice.INTERVALS_MISSING: "missed_intervals has reached the configured number (2)",
    Notice.CONFIGURATION: "dot_mw is for another configuration than previous_dot_mw, without a transition instruction",
}


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="Configuration; without it an example.")
@click.option(
    "--sink", type=click.Choice(["modbus", "dnp3", "iec104"]), default="modbus", show_default=True, help="Whose map."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "md", "json", "ignition", "kepware"]),
    default="table",
    show_default=True,
    help="How; ignition and kepware are files of tags to import there.",
)
@click.option("--word-order", type=click.Choice(["ABCD", "CDAB", "BADC", "DCBA"]), help="Kepware: only this order.")
@click.option("--unit", type=click.IntRange(0, 255), help="Kepware: only this unit ID.")
@click.option("--custom-template", is_flag=True, help="Print an empty custom_map file instead, as CSV.")
@click.option("--catalogue", is_flag=True, help="Print all points and their meaning instead, as Markdown.")
@click.option("--directives", is_flag=True, help="Print what each directive means and when, as Markdown.")
@click.pass_context
@report_errors()
def command(
    context: click.Context, config_path: Path | None, sink: str, form: str, word_order: str | None, unit: int | None,
    *, custom_template: bool, catalogue: bool, directives: bool,
) -> None:  # fmt: skip
    """Print the exact register map of a configuration.

    PDU addresses count from 0 as on the wire; numbers such as 41101 count from 1. Without --config the map of two
    example resources is shown.
    """
    if context.invoked_subcommand is not None:
        return
    if catalogue or directives or custom_template:
        click.echo(_page(custom_template=custom_template, catalogue=catalogue), nl=False)
    elif sink != "modbus":
        if form not in ("table", "csv", "md", "json"):
            raise click.BadOptionUsage("form", f"--format {form} is for Modbus")
        click.echo(_other_list(sink, config_path, form), nl=False)
    else:
        rows, remarks = modbus_map(config_path)
        if form == "kepware":
            click.echo(kepware(rows, word_order or "", unit), nl=False)
        else:
            click.echo(_FORMATS[form](rows, remarks), nl=False)


command.add_command(walk)


def _other_list(sink: str, config_path: Path | None, form: str) -> str:
    if sink == "dnp3":
        from caiso_ads.cli._dnp3_points import dnp3_list

        return dnp3_list(config_path, form)
    from caiso_ads.cli._iec104_points import iec104_list

    return iec104_list(config_path, form)


def _page(*, custom_template: bool, catalogue: bool) -> str:
    if custom_template:
        from caiso_ads.sinks.modbus.custom_file import TEMPLATE

        return TEMPLATE
    if catalogue:
        return catalogue_markdown()
    from caiso_ads.cli._directive_page import directive_page

    return directive_page()


def modbus_map(config_path: Path | None) -> tuple[list[Row], list[str]]:
    """Return the rows of a configuration's map, and what else must be known; ConfigError without a Modbus table."""
    from caiso_ads.sinks.modbus import Config, layout

    sink, resources, nodes = Config(), _EXAMPLE, _EXAMPLE_NODES
    if config_path is not None:
        from caiso_ads.config import load_config

        loaded = load_config(config_path)
        found = loaded.sinks.get("modbus")
        if not isinstance(found, Config):
            raise ConfigError(
                "is missing", file=str(config_path), table="sinks.modbus", cure="Add a line [sinks.modbus]."
            )
        sink, resources = found, tuple(resource.id for resource in loaded.resources)
        nodes = tuple(node.id for node in loaded.nodes)
    plan = sink.plan(resources, nodes)
    listens = f"Unit ID {sink.unit_id} on {sink.host}, port {sink.port}."
    return layout.rows(plan), [listens, *layout.notes(plan)]


def catalogue_markdown() -> str:
    """Return ``docs/points.md``."""
    parts = [
        "# Points",
        f"Generated from `src/caiso_ads/core/points.py`: do not edit. Make it again with `{REGENERATE}`.",
        "Every protocol serves the same points. A value that is not known is absent, never 0. A value travels with its quality.",
        "Where each point stands in the registers: `caiso-ads points`, explained in [modbus.md](modbus.md).",
        "## Gateway",
        _points_table(GATEWAY_POINTS),
        "## Each resource",
        _points_table(RESOURCE_POINTS),
        "## Each pricing node",
        "5-minute LMPs. `active` is the price of the interval that contains now and of no other, `published` the newest there is.",
        _points_table(NODE_POINTS),
        "## How `quality` reads",
        _codes_table((code, code.name, QUALITIES[code]) for code in Quality),
        "## How `directive` reads",
        _codes_table((code, code.name, DIRECTIVES[code]) for code in Directive),
        "## How `reasons` reads",
        "Bit 0 is the lowest. Several may be 1. FOLLOW stands beside warnings only: CERTIFICATE, MISMATCH, BATCH_UNREADABLE.",
        _codes_table(((bit.bit_length() - 1, str(bit.name), REASONS[bit]) for bit in Reason), head="bit"),
        "## How `notices` reads",
        "What goes on for the resource, whatever the directive says.",
        _codes_table(((bit.bit_length() - 1, str(bit.name), NOTICES[bit]) for bit in Notice), head="bit"),
    ]
    return "\n\n".join(parts) + "\n"


def _points_table(points: Iterable[Point]) -> str:
    kinds = {
        Kind.NUMBER: "number",
        Kind.COUNT: "count, may wrap at 2^32",
        Kind.CODE: "code",
        Kind.BITS: "32 bits",
        Kind.TIME: "UTC time (seconds since 1970 where a protocol needs a number)",
    }
    return _markdown(("key", "kind", "unit", "meaning"), [(f"`{p.key}`", kinds[p.kind], p.unit, p.doc) for p in points])


def _codes_table(codes: Iterable[tuple[IntEnum | int, str, str]], head: str = "code") -> str:
    return _markdown((head, "name", "meaning"), [(str(int(number)), name, text) for number, name, text in codes])


def _markdown(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    body = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *body])


# --- formats ------------------------------------------------------------------------------------------------------


def _cells(row: Row) -> list[str]:
    where = (row.unit_id, _FUNCTIONS[row.table], row.pdu, row.number, row.count)
    what = (row.resource, row.key, row.type, row.word_order, row.scale, row.unit, row.meaning)
    return [str(value) for value in (*where, *what)]


def _as_table(rows: Sequence[Row], remarks: Sequence[str]) -> str:
    lines = [list(COLUMNS), *map(_cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([*remarks, "", *text]) + "\n"


def _as_csv(rows: Sequence[Row], remarks: Sequence[str]) -> str:  # noqa: ARG001 - a remark would break the columns
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(_cells, rows))
    return text.getvalue()


def _as_markdown(rows: Sequence[Row], remarks: Sequence[str]) -> str:
    return "\n".join(f"- {remark}" for remark in remarks) + "\n\n" + _markdown(COLUMNS, map(_cells, rows)) + "\n"


def _as_json(rows: Sequence[Row], remarks: Sequence[str]) -> str:
    points = [
        dict(zip(COLUMNS, _cells(row), strict=True))
        | {"unit_id": row.unit_id, "pdu": row.pdu, "count": row.count, "scale": row.scale, "functions": _numbers(row)}
        for row in rows
    ]
    return json.dumps({"notes": list(remarks), "points": points}, indent=2) + "\n"


def _as_ignition(rows: Sequence[Row], remarks: Sequence[str]) -> str:  # noqa: ARG001 - a tag file has no place for them
    return ignition(rows)


def _numbers(row: Row) -> list[int]:
    return [int(function) for function in _FUNCTIONS[row.table].split("/")]


_FORMATS = {"table": _as_table, "csv": _as_csv, "md": _as_markdown, "json": _as_json, "ignition": _as_ignition}
