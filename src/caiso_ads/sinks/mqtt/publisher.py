"""Keeps the broker's retained documents true: connect, say ALIVE, send what changed, and say DEAD when we leave.

Rule: only the newest snapshot is ever sent, and only when the broker has confirmed what went before: nothing waits in a
queue, so nothing stale is sent after a pause. A lost connection ends the run; the supervisor starts the next one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from aiomqtt import Will

from caiso_ads.core.points import Snapshot
from caiso_ads.ports import Feed, SinkContext
from caiso_ads.sinks._mqtt_config import EXPIRY_S, BrokerConfig, broker
from caiso_ads.sinks._mqtt_link import Link
from caiso_ads.sinks._trust import believed, without_trust
from caiso_ads.sinks.mqtt.documents import ALIVE, DEAD, Documents, state_document
from caiso_ads.sinks.mqtt.home_assistant import discovery
from caiso_ads.sinks.mqtt.topics import Topics
from caiso_ads.sinks.words import shut_down

log = logging.getLogger(__name__)

NAME = "mqtt"
TABLE = "sinks.mqtt"
_BATCH = 200


@dataclass(frozen=True, slots=True)
class Settings:
    """What is published where. ``discovery`` is the prefix of Home Assistant's topics, or empty."""

    prefix: str
    discovery: str
    refresh_s: float
    stall_limit_s: float
    expiry_s: int = EXPIRY_S


class MqttSink:
    """The sink; one connection for each run."""

    def __init__(self, config: BrokerConfig, settings: Settings, context: SinkContext) -> None:
        self._config, self._settings, self._context = config, settings, context
        self._topics = Topics(settings.prefix)

    async def run(self, feed: Feed, started: Callable[[], None]) -> None:
        """Serve until cancelled. Raises ConnectionError when the broker is lost, ConfigError for its files."""
        client_id = self._settings.prefix.replace("/", "-")
        where = await asyncio.to_thread(broker, self._config, client_id)
        session = int(self._context.clock.now().wall.timestamp() * 1000)
        link = Link(
            where,
            Will(self._topics.state, self._state(session, DEAD), qos=1, retain=True),
            TABLE,
            self._settings.expiry_s,
        )
        await link.open()
        life = _Life(self, link, session, feed)
        try:
            await life.begin()
            started()
            await life.follow()
        except asyncio.CancelledError:
            await life.end()
            raise
        except BaseException:
            await link.drop()  # the broker says DEAD for us
            raise

    def _state(self, session: int, quality: str) -> bytes:
        return state_document(session, quality, self._context.clock.now().wall, self._context.environment)


class _Life:
    """One connection from ALIVE to DEAD."""

    def __init__(self, sink: MqttSink, link: Link, session: int, feed: Feed) -> None:
        self._sink, self._link, self._session, self._feed = sink, link, session, feed
        self._context, self._settings, self._topics = sink._context, sink._settings, sink._topics  # noqa: SLF001 - a part of it
        self._documents = Documents(self._context, self._topics, session, self._settings.refresh_s)
        self._said_mono = 0.0

    async def begin(self) -> None:
        """Replace what another life left, then say ALIVE: no old document is ever under an ALIVE of ours."""
        await self._show(self._feed.latest, believed(self._feed, self._settings.stall_limit_s))
        if self._settings.discovery:
            for number, (topic, document) in enumerate(
                discovery(self._settings.discovery, self._topics, self._context)
            ):
                await self._link.post(topic, document, expires=False)
                if number % _BATCH == _BATCH - 1:
                    await self._link.settled()
        await self._say(ALIVE)
        await self._link.settled()
        self._context.evidence.seen(NAME, self._shown)

    async def follow(self) -> None:
        """Send each newer snapshot, and take the trust away when none comes."""
        while True:
            newer = await self._link.first(self._feed.after(self._shown), self._settings.stall_limit_s)
            if newer is None:
                latest = self._feed.latest
                log.warning("MQTT: the control loop has published nothing; all values are now served as not good")
                await self._show(latest, without_trust(latest))
                newer = await self._link.first(self._feed.after(self._shown), None)
            if newer is not None:
                await self._show(newer, newer)
                self._context.evidence.seen(NAME, newer.generation)

    async def end(self) -> None:
        """Say SHUTDOWN, then DEAD, and leave."""
        await self._link.goodbye(self._last_words())

    async def _last_words(self) -> None:
        await self._post(shut_down(self._feed.latest))
        dead = self._sink._state(self._session, DEAD)  # noqa: SLF001 - a part of it
        await self._link.post(self._topics.state, dead, expires=False)

    async def _show(self, source: Snapshot, shown: Snapshot) -> None:
        self._shown = source.generation
        await self._post(shown)
        await self._link.settled()

    async def _post(self, snapshot: Snapshot) -> None:
        mono = self._context.clock.now().mono
        for topic, document in self._documents.due(snapshot, mono):
            await self._link.post(topic, document)
        if self._said_mono and mono - self._said_mono >= self._settings.refresh_s:
            await self._say(ALIVE)

    async def _say(self, quality: str) -> None:
        self._said_mono = self._context.clock.now().mono
        await self._link.post(self._topics.state, self._sink._state(self._session, quality))  # noqa: SLF001 - a part of it
