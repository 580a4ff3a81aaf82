"""Sparkplug B: an edge node whose devices are the resources and pricing nodes; births, data by exception, a death.

Rule: a sink of its own beside MQTT, because a connection has one will. Read ``metrics`` for what is sent, ``payload``
for its bytes, ``node`` for when.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from caiso_ads.errors import ConfigError
from caiso_ads.ports import Sink, SinkContext
from caiso_ads.sinks._mqtt_config import BrokerConfig, topic_prefix

TABLE = "sinks.sparkplug"


class Config(BrokerConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of ``[sinks.sparkplug]``; ConfigError names the key of a value that cannot work."""

    group: Annotated[str, Meta(description="Sparkplug group ID")] = "caiso-ads"
    edge_node: Annotated[str, Meta(description="Sparkplug edge node ID; one for each gateway of the group")] = "gateway"
    primary_host: Annotated[
        str, Meta(description="host ID to wait for: nothing is sent while it is offline; empty waits for nobody")
    ] = ""

    def __post_init__(self) -> None:
        """Refuse values that cannot work; ConfigError names the key."""
        super().__post_init__()
        for key in ("group", "edge_node", "primary_host"):
            text = getattr(self, key)
            if "/" in text or ((text or key != "primary_host") and not topic_prefix(text, key)):
                raise ConfigError(f"{text!r} must be one word without /", key=key)

    def build(self, context: SinkContext) -> Sink:
        """Return the sink; does no I/O. Raises ConfigError when the library is not installed."""
        self.needs(TABLE)
        from caiso_ads.sinks.sparkplug.node import (  # noqa: PLC0415 - the library is needed only here
            Settings,
            SparkplugSink,
        )

        settings = Settings(self.group, self.edge_node, self.primary_host, self.refresh_s, self.stall_limit_s)
        return SparkplugSink(self, settings, context)
