"""MQTT: one retained JSON document for each resource, and a last will that says DEAD when we are gone.

Rule: read ``documents`` for what is sent, ``topics`` for where, ``publisher`` for when.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from caiso_ads.ports import Sink, SinkContext
from caiso_ads.sinks._mqtt_config import BrokerConfig, topic_prefix

TABLE = "sinks.mqtt"


class Config(BrokerConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of ``[sinks.mqtt]``; ConfigError names the key of a value that cannot work."""

    prefix: Annotated[str, Meta(description="what every topic begins with; one for each gateway")] = "caiso-ads"
    home_assistant: Annotated[bool, Meta(description="also describe every point for Home Assistant")] = False
    home_assistant_prefix: Annotated[str, Meta(description="Home Assistant's discovery prefix")] = "homeassistant"

    def __post_init__(self) -> None:
        """Refuse values that cannot work; ConfigError names the key."""
        super().__post_init__()
        topic_prefix(self.prefix, "prefix")
        topic_prefix(self.home_assistant_prefix, "home_assistant_prefix")

    def build(self, context: SinkContext) -> Sink:
        """Return the sink; does no I/O. Raises ConfigError when the library is not installed."""
        self.needs(TABLE)
        from caiso_ads.sinks.mqtt.publisher import (  # noqa: PLC0415 - the library is needed only here
            MqttSink,
            Settings,
        )

        discovery = self.home_assistant_prefix if self.home_assistant else ""
        return MqttSink(self, Settings(self.prefix, discovery, self.refresh_s, self.stall_limit_s), context)
