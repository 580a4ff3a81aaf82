"""The DNP3 point list of a configuration, for ``caiso-ads points --sink dnp3``.

Rule: nothing is listed here twice: the list comes from the sink's own plan.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

from caiso_ads.errors import ConfigError
from caiso_ads.sinks.dnp3 import Config
from caiso_ads.sinks.dnp3.plan import Entry

COLUMNS = ("type", "index", "resource", "key", "unit", "deadband", "class", "meaning")
_EXAMPLE: tuple[Config, tuple[str, ...], tuple[str, ...]] = (
    Config(),
    ("EXAMPLE_1_UNIT", "EXAMPLE_2_UNIT"),
    ("EXAMPLE_NODE",),
)


def dnp3_list(config_path: Path | None, form: str) -> str:
    """Return the point list as text of that form; ConfigError without a DNP3 table."""
    sink, resources, nodes = _EXAMPLE
    if config_path is not None:
        from caiso_ads.config import load_config

        loaded = load_config(config_path)
        found = loaded.sinks.get("dnp3")
        if not isinstance(found, Config):
            raise ConfigError("is missing", file=str(config_path), table="sinks.dnp3", cure="Add a line [sinks.dnp3].")
        sink, resources = found, tuple(one.id for one in loaded.resources)
        nodes = tuple(node.id for node in loaded.nodes)
    entries = list(sink.plan(resources, nodes).entries())
    where = f"Outstation address {sink.address}, master {sink.master_address or 'any'}, {sink.host}:{sink.port}."
    return _FORMATS[form](where, entries)


def _lines(entries: Sequence[Entry]) -> list[list[str]]:
    return [[str(cell) for cell in entry] for entry in entries]


def _table(where: str, entries: Sequence[Entry]) -> str:
    lines = [list(COLUMNS), *_lines(entries)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([where, "", *text]) + "\n"


def _csv(where: str, entries: Sequence[Entry]) -> str:  # noqa: ARG001 - a remark would break the columns
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(entries)
    return text.getvalue()


def _markdown(where: str, entries: Sequence[Entry]) -> str:
    lines = [COLUMNS, ["---"] * len(COLUMNS), *_lines(entries)]
    return f"- {where}\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _json(where: str, entries: Sequence[Entry]) -> str:
    points = [dict(zip(COLUMNS, entry, strict=True)) for entry in entries]
    return json.dumps({"notes": [where], "points": points}, indent=2) + "\n"


_FORMATS = {"table": _table, "csv": _csv, "md": _markdown, "json": _json}
