"""An edge node: births, data and death over one connection, and the commands a host may give.

Rule: the death has the same bdSeq as the birth, on an orderly stop and in the will alike; nothing is retained; of all
commands only a rebirth is obeyed, at most once in a while, and every other is refused. Spec: Sparkplug 3.0.0 §5, §6.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec
from aiomqtt import Message, Will

from caiso_ads.core.points import Snapshot
from caiso_ads.errors import WireError
from caiso_ads.ports import Feed, SinkContext
from caiso_ads.sinks._mqtt_config import BrokerConfig, broker
from caiso_ads.sinks._mqtt_link import Link
from caiso_ads.sinks._trust import without_trust
from caiso_ads.sinks.sparkplug.metrics import REBIRTH, Metrics, death
from caiso_ads.sinks.sparkplug.payload import decode

log = logging.getLogger(__name__)

NAME = "sparkplug"
TABLE = "sinks.sparkplug"
SPACE = "spBv1.0"
REBIRTH_EVERY_S = 5.0
_SEQUENCE = 256


@dataclass(frozen=True, slots=True)
class Settings:
    """Who we are in the Sparkplug name space; times in s. ``primary_host`` is empty when no host is waited for."""

    group: str
    edge: str
    primary_host: str
    refresh_s: float
    stall_limit_s: float

    def topic(self, kind: str, device: str | None = None) -> str:
        """Return the topic of a message of ours."""
        below = f"/{device}" if device else ""
        return f"{SPACE}/{self.group}/{kind}/{self.edge}{below}"

    @property
    def state(self) -> str:
        """Where the primary host says whether it is online."""
        return f"{SPACE}/STATE/{self.primary_host}"


class _State(msgspec.Struct):
    online: bool
    timestamp: int


class SparkplugSink:
    """The sink; one connection, one bdSeq, for each run. The first bdSeq is from the clock, so a restart differs."""

    def __init__(self, config: BrokerConfig, settings: Settings, context: SinkContext) -> None:
        self.settings, self.context, self._config = settings, context, config
        self._bd_seq: int | None = None

    async def run(self, feed: Feed, started: Callable[[], None]) -> None:
        """Serve until cancelled. Raises ConnectionError when broker or primary host is lost, ConfigError for files."""
        settings, now = self.settings, self.context.clock.now
        where = await asyncio.to_thread(broker, self._config, f"{settings.group}-{settings.edge}")
        before = int(now().wall.timestamp()) if self._bd_seq is None else self._bd_seq
        self._bd_seq = (before + 1) % _SEQUENCE
        will = Will(settings.topic("NDEATH"), death(self._bd_seq, now().wall), qos=1, retain=False)
        link = Link(where, will, TABLE)
        await link.open()
        life = _Life(self, link, self._bd_seq, feed)
        try:
            await life.listen()
            await life.birth()
            started()
            await life.follow()
        except (asyncio.CancelledError, HostGoneError):
            await life.end()
            raise
        except BaseException:
            await link.drop()  # the broker sends NDEATH for us
            raise


class HostGoneError(ConnectionError):
    """The primary host says that it is offline, so nobody may take our data for seen."""


class _Life:
    """One connection from birth to death."""

    def __init__(self, sink: SparkplugSink, link: Link, bd_seq: int, feed: Feed) -> None:
        self._link, self._feed, self._bd_seq = link, feed, bd_seq
        self._settings, self._context = sink.settings, sink.context
        self._metrics = Metrics(sink.context, bd_seq, sink.settings.refresh_s)
        self._reborn_mono = 0.0
        self._wanted, self._online, self._host_time = False, not sink.settings.primary_host, 0
        self._shown = -1
        self._live = not feed.silent(sink.settings.stall_limit_s)

    async def listen(self) -> None:
        """Subscribe to commands, and wait for the primary host where one is named."""
        await self._link.listen(self._settings.topic("NCMD"))
        await self._link.listen(self._settings.topic("DCMD", "+"))
        if self._settings.primary_host:
            await self._link.listen(self._settings.state)
        while not self._online:
            await self._link.first(self._link.mail(), None)
            self._hear_all()

    async def birth(self) -> None:
        """Say everything: NBIRTH, then each DBIRTH."""
        self._wanted, self._reborn_mono = False, self._context.clock.now().mono
        latest = self._feed.latest
        shown = latest if self._live else without_trust(latest)
        await self._send(latest, self._metrics.births(shown, self._reborn_mono))

    async def follow(self) -> None:
        """Send what changes; take the trust away when no snapshot comes; be born again when asked."""
        loop, quiet = asyncio.get_running_loop(), self._settings.stall_limit_s
        newest = loop.time()
        while True:
            self._hear_all()
            mono = self._context.clock.now().mono
            if self._wanted and mono - self._reborn_mono >= REBIRTH_EVERY_S:
                await self.birth()
            timeout = max(0.0, newest + quiet - loop.time()) if self._live else None
            happened = await self._link.first(self._event(), timeout)
            latest, mono = self._feed.latest, self._context.clock.now().mono
            if latest.generation > self._shown:
                newest, self._live = loop.time(), True
                await self._send(latest, self._metrics.data(latest, mono))
            elif happened is None:
                self._live = False
                log.warning("Sparkplug: the control loop has published nothing; all values are now served as not good")
                await self._send(latest, self._metrics.data(without_trust(latest), mono))

    async def end(self) -> None:
        """Say NDEATH with our bdSeq, and leave."""
        await self._link.goodbye(self._last_words())

    async def _last_words(self) -> None:
        told = death(self._bd_seq, self._context.clock.now().wall)
        await self._link.post(self._settings.topic("NDEATH"), told, retain=False, expires=False)

    async def _event(self) -> bool:
        """Wait for a newer snapshot or a message."""
        waiting = [asyncio.ensure_future(self._feed.after(self._shown)), asyncio.ensure_future(self._link.mail())]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()
        return True

    async def _send(self, source: Snapshot, messages: Iterable[tuple[str, str | None, bytes]]) -> None:
        for kind, device, payload in messages:
            await self._link.post(self._settings.topic(kind, device), payload, qos=0, retain=False, expires=False)
        await self._link.settled()
        self._shown = source.generation
        if self._live:
            self._context.evidence.seen(NAME, source.generation)

    def _hear_all(self) -> None:
        while (message := self._link.take()) is not None:
            self._hear(message)

    def _hear(self, message: Message) -> None:
        """Take a command or the host's state. Raises HostGoneError."""
        content = bytes(message.payload)
        topic = str(message.topic)
        if self._settings.primary_host and topic == self._settings.state:
            self._host_said(content)
        elif topic != self._settings.topic("NCMD"):
            self._refuse("device command")
        elif message.retain:
            self._refuse("retained command")
        else:
            self._command(content)

    def _command(self, content: bytes) -> None:
        try:
            metrics = decode(content).metrics
        except WireError:
            self._refuse("command that cannot be read")
            return
        asked = [one for one in metrics if one.name == REBIRTH]
        self._wanted = self._wanted or any(one.value is True for one in asked)
        if len(asked) != len(metrics) or not asked:
            self._refuse("node command")

    def _host_said(self, content: bytes) -> None:
        """Note what the host says of itself, unless it is older than what we know. Raises HostGoneError."""
        try:
            said = msgspec.json.decode(content, type=_State)
        except msgspec.MsgspecError:
            log.warning("Sparkplug: the state of the primary host cannot be read")
            return
        if said.timestamp < self._host_time:
            return
        was, self._online, self._host_time = self._online, said.online, said.timestamp
        if was and not said.online:
            raise HostGoneError(f"Sparkplug: the primary host {self._settings.primary_host} is offline")

    def _refuse(self, what: str) -> None:
        self._context.evidence.refused(NAME, "broker", what)
        log.debug("Sparkplug: refused a %s", what)
