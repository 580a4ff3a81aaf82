"""MQTT: the document of the message on one topic, QoS 1, confirmed by the broker.

Rule: a connection for each message, opened and left politely; it is not retained, because an old alarm must not greet
whoever subscribes tomorrow.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from caiso_ads.notify.message import Message
from caiso_ads.sinks._mqtt_config import Broker, BrokerKeys, broker, topic_prefix

TABLE = "notify"
EXPIRY_S = 3600
"""How long a broker keeps it for a subscriber that is away (MQTT 5)."""


class Config(BrokerKeys, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of ``kind = "mqtt"``; ConfigError names the key of a value that cannot work."""

    topic: Annotated[str, Meta(description="topic the message goes to")] = "caiso-ads/alarms"

    def __post_init__(self) -> None:
        """Refuse values that cannot work; ConfigError names the key."""
        super().__post_init__()
        topic_prefix(self.topic, "topic")

    def build(self) -> Mqtt:
        """Return the way. Raises ConfigError for a file that cannot be used, or when the library is not installed."""
        self.needs(TABLE)
        return Mqtt(broker(self, f"{self.topic.replace('/', '-')}-notify"[:64]), self.topic)


@dataclass(frozen=True)
class Mqtt:
    """One topic of one broker."""

    broker: Broker = field(repr=False)
    topic: str

    async def send(self, message: Message) -> None:
        """Publish it and wait for the broker's word. Raises ConnectionError."""
        from caiso_ads.sinks._mqtt_link import Link  # noqa: PLC0415 - the library is needed only here

        link = Link(self.broker, None, TABLE, EXPIRY_S)
        try:
            await link.open()
            await link.post(self.topic, json.dumps(message.document).encode(), retain=False)
            await link.settled()
            await link.goodbye(_nothing())
        finally:
            await link.drop()


async def _nothing() -> None:
    """Have no last words."""
