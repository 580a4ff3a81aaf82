"""The registry of sinks: one line each. A sink is one module with a ``Config`` and nothing else knows its library.

Rule: a module is imported only when its table stands in the configuration. ``Config`` is a frozen msgspec struct
whose fields are the keys of ``[sinks.<name>]`` and whose ``build(context)`` returns the Sink.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol

from caiso_ads.ports import Sink, SinkContext

REGISTRY: dict[str, str] = {
    "modbus": "caiso_ads.sinks.modbus",
    "files": "caiso_ads.sinks.files",
    "status": "caiso_ads.sinks.status",
    "dnp3": "caiso_ads.sinks.dnp3",
    "opcua": "caiso_ads.sinks.opcua",
    "iec104": "caiso_ads.sinks.iec104",
    "plant_writer": "caiso_ads.sinks.plant_writer",
    "mqtt": "caiso_ads.sinks.mqtt",
    "sparkplug": "caiso_ads.sinks.sparkplug",
}


class SinkConfig(Protocol):
    """What each sink's Config offers. ``required``: acknowledging stops while this sink is not serving."""

    @property
    def required(self) -> bool:
        """Whether the ISO is told "received" only while this sink serves."""

    def build(self, context: SinkContext) -> Sink:
        """Return the sink; does no I/O."""


def config_type(name: str) -> Any:
    """Return the Config class of a registered sink; KeyError for an unknown name."""
    return import_module(REGISTRY[name]).Config
