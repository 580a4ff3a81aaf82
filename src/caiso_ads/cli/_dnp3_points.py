"""The DNP3 point list of a configuration, for ``caiso-ads points --sink dnp3``.

Rule: nothing is listed here twice: the list comes from the sink's own plan.
"""

from __future__ import annotations

from pathlib import Path

from caiso_ads.cli._lists import listed
from caiso_ads.errors import ConfigError
from caiso_ads.sinks.dnp3 import Config

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
    return listed(form, where, COLUMNS, entries)
