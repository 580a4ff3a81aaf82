"""One connection to an MQTT broker: what is sent is confirmed or an error, and an unclean end leaves the will behind.

Rule: the broker sends our last will unless we have said goodbye ourselves, so a connection is never left politely
after an error. What the library (aiomqtt 2.5 on paho 2.2) does not do is done here: it takes a refusing PUBACK for a
success, it says goodbye after an exception (which takes the will back), and it may keep the socket when leaving fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

import aiomqtt
from aiomqtt import MqttError, ProtocolVersion, Will
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from caiso_ads.sinks._mqtt_config import EXPIRY_S, Broker, refuse_proactor
from caiso_ads.sinks._within import within

log = logging.getLogger(__name__)

KEEPALIVE_S = 10
_ANSWER_S = 10.0  # connecting, and a round of confirmations
_GOODBYE_S = 3.0
_IN_FLIGHT = 100
_INCOMING = 100
_LARGEST = 65_536
_MOST_READS = 10_000

_NOTHING = "caiso-ads/nothing"

T = TypeVar("T")


class Link(aiomqtt.Client):
    """A connection. ``post`` sends, ``settled`` waits until the broker has confirmed; a link is used once."""

    def __init__(self, broker: Broker, will: Will | None, table: str, expiry_s: int = EXPIRY_S) -> None:
        refuse_proactor(asyncio.get_running_loop(), table)
        self._where, self._modern = broker, broker.version == ProtocolVersion.V5
        super().__init__(
            broker.host,
            broker.port,
            username=broker.username,
            password=broker.password,
            identifier=broker.client_id,
            protocol=ProtocolVersion(broker.version),
            will=will,
            tls_context=broker.tls,
            timeout=_ANSWER_S,
            keepalive=KEEPALIVE_S,
            clean_session=None if self._modern else True,
            clean_start=True if self._modern else MQTT_CLEAN_START_FIRST_ONLY,  # the latter is what 3.1.1 must say
            max_inflight_messages=_IN_FLIGHT,
            max_queued_incoming_messages=_INCOMING,
            properties=_limits() if self._modern else None,
            logger=log,
        )
        self._unconfirmed: dict[int, str] = {}
        self._refused, self._window, self._enough = "", _IN_FLIGHT, 0
        self._unproven = False
        self._changed, self._came = asyncio.Event(), asyncio.Event()
        self._expiry = _expiry(expiry_s) if self._modern else None

    async def open(self) -> None:
        """Connect. Raises ConnectionError with the broker's word."""
        entering = asyncio.ensure_future(self.__aenter__())
        try:
            await asyncio.shield(entering)
        except asyncio.CancelledError:
            entering.add_done_callback(self._unwanted)
            raise
        except (MqttError, ValueError) as error:  # ValueError: paho's word for what cannot be a host or a port
            await self.drop()
            raise ConnectionError(f"MQTT broker {self._name}: {error}") from None

    @property
    def _name(self) -> str:
        return f"{self._where.host}:{self._where.port}"

    def _unwanted(self, entered: asyncio.Future[Any]) -> None:
        if not entered.cancelled():
            entered.exception()
        self._hang_up()

    async def post(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = True, expires: bool = True
    ) -> None:
        """Send a message, once the broker may be sent one more. Raises ConnectionError."""
        if qos and len(self._unconfirmed) >= self._window:
            await self._down_to(self._window // 2)  # not one by one: each pause costs more than a message
        info = self._client.publish(topic, payload, qos, retain, self._expiry if expires else None)
        if info.rc != 0:
            raise ConnectionError(f"MQTT broker {self._name}: could not send ({info.rc})")
        if qos:
            self._unconfirmed[info.mid] = topic
        else:
            self._unproven = True

    async def settled(self) -> None:
        """Wait until the broker has everything that was sent. Raises ConnectionError.

        Nothing confirms QoS 0, but a broker takes the packets of a connection in order: its answer to a question that
        changes nothing, an unsubscribe from what nobody subscribed to, proves that it has all that went before.
        """
        await self._down_to(0)
        if self._unproven:
            self._unproven = False
            try:
                await self.first(self.unsubscribe(_NOTHING), None)
            except MqttError as error:
                raise ConnectionError(f"MQTT broker {self._name}: {error}") from None

    async def _down_to(self, left: int) -> None:
        self._enough = left
        async with _in_time(self._name):
            while len(self._unconfirmed) > left and not self._refused:
                self._changed.clear()
                await self.first(self._changed.wait(), None)
        if self._refused:
            raise ConnectionError(f"MQTT broker {self._name}: refused {self._refused}")

    async def first(self, work: Coroutine[Any, Any, T], timeout: float | None) -> T | None:  # noqa: ASYNC109 - None is an answer here
        """Return what the work gives, or None when the time (s) is over. Raises ConnectionError when the link is lost."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait((task, self._disconnected), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if self._disconnected.done():
                raise ConnectionError(f"MQTT broker {self._name}: {self._disconnected.exception() or 'hung up'}")
            return task.result() if task.done() else None
        finally:
            task.cancel()

    async def listen(self, topic: str) -> None:
        """Subscribe. Raises ConnectionError, also when the broker refuses."""
        try:
            granted = await self.first(self.subscribe(topic, qos=1), None) or ()
        except MqttError as error:
            raise ConnectionError(f"MQTT broker {self._name}: {error}") from None
        codes = [code if isinstance(code, int) else code.value for code in granted]
        if any(code >= 0x80 for code in codes):
            raise ConnectionError(f"MQTT broker {self._name}: refused to let us hear {topic}")

    async def mail(self) -> None:
        """Wait until ``take`` has a message to give."""
        while self._queue.empty():
            self._came.clear()
            await self._came.wait()

    def take(self) -> aiomqtt.Message | None:
        """Return the next message, or None."""
        return None if self._queue.empty() else self._queue.get_nowait()

    async def goodbye(self, last_words: Coroutine[Any, Any, None]) -> None:
        """Send the last words and leave politely: the broker forgets our will. Raises no error of the connection.

        Where the broker does not take and confirm them in a few seconds the connection is dropped, and the will is sent.
        """
        try:
            async with within(_GOODBYE_S):
                await last_words
                await self.settled()
                await self.__aexit__(None, None, None)
        except (MqttError, OSError, TimeoutError) as error:
            log.warning("MQTT: left without goodbye: %s", error)
        finally:
            await self.drop()

    async def drop(self) -> None:
        """Break the connection, if there is one, so that the broker sends our will."""
        await asyncio.sleep(0)  # what the library has asked the loop to do with the socket is done first
        misc = self._misc_task
        self._hang_up()
        if misc is not None:
            misc.cancel()
            await asyncio.wait((misc,))

    def _hang_up(self) -> None:
        for _ in range(_MOST_READS):
            wire = self._client.socket()
            if not isinstance(wire, socket.socket):
                break
            with contextlib.suppress(OSError):  # it may be closed from the other side
                wire.shutdown(socket.SHUT_RDWR)
            self._client.loop_read()  # reads the end and closes the socket
        for ended in (self._connected, self._disconnected):
            if ended.done() and not ended.cancelled():
                ended.exception()  # it has been seen

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason_code: Any, properties: Any = None) -> None:
        self._window = min(getattr(properties, "ReceiveMaximum", _IN_FLIGHT), _IN_FLIGHT)
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason_code: Any, properties: Any = None) -> None:
        if not self._connected.done():  # the library would wait for an answer that cannot come any more
            self._connected.set_exception(MqttError("hung up instead of answering; is our certificate the right one?"))
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        super()._on_message(client, userdata, message)
        self._came.set()

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason_code: Any, properties: Any) -> None:
        topic = self._unconfirmed.pop(mid, None)
        if topic is not None and reason_code.is_failure:
            self._refused = f"{topic} ({reason_code})"
        if len(self._unconfirmed) <= self._enough or self._refused:
            self._changed.set()
        super()._on_publish(client, userdata, mid, reason_code, properties)


@contextlib.asynccontextmanager
async def _in_time(name: str) -> AsyncIterator[None]:
    try:
        async with within(_ANSWER_S):
            yield
    except TimeoutError:
        raise ConnectionError(f"MQTT broker {name}: takes or confirms nothing for {_ANSWER_S:g} s") from None


def _limits() -> Properties:
    made = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has no types there
    made.MaximumPacketSize = _LARGEST
    made.SessionExpiryInterval = 0
    return made


def _expiry(seconds: int) -> Properties:
    made = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho has no types there
    made.MessageExpiryInterval = seconds
    return made
