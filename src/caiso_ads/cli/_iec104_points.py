"""The IEC 104 object list of a configuration, for ``caiso-ads points --sink iec104``.

Rule: nothing is listed here twice: the list comes from the sink's own plan.
"""

from __future__ import annotations

from pathlib import Path

from caiso_ads.cli._lists import listed
from caiso_ads.errors import ConfigError
from caiso_ads.sinks.iec104 import Config

COLUMNS = ("address", "type", "change_type", "resource", "key", "unit", "deadband", "meaning")
_EXAMPLE: tuple[Config, tuple[str, ...], tuple[str, ...]] = (
    Config(),
    ("EXAMPLE_1_UNIT", "EXAMPLE_2_UNIT"),
    ("EXAMPLE_NODE",),
)


def iec104_list(config_path: Path | None, form: str) -> str:
    """Return the object list as text of that form; ConfigError without an IEC 104 table."""
    sink, resources, nodes = _EXAMPLE
    if config_path is not None:
        from caiso_ads.config import load_config

        loaded = load_config(config_path)
        found = loaded.sinks.get("iec104")
        if not isinstance(found, Config):
            raise ConfigError(
                "is missing", file=str(config_path), table="sinks.iec104", cure="Add a line [sinks.iec104]."
            )
        sink, resources = found, tuple(one.id for one in loaded.resources)
        nodes = tuple(node.id for node in loaded.nodes)
    where = f"Common address {sink.common_address}, {sink.host}:{sink.port}."
    return listed(form, where, COLUMNS, list(sink.plan(resources, nodes).entries()))
