"""A real broker and its own clients: what another program sees of us. Skips where Debian's mosquitto is missing."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

BROKER = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
SUBSCRIBER = shutil.which("mosquitto_sub")
needs_broker = pytest.mark.skipif(not (BROKER and SUBSCRIBER), reason="needs Debian's mosquitto and mosquitto-clients")
_DEADLINE_S = 15.0


class Heard(NamedTuple):
    """One message as mosquitto_sub saw it."""

    topic: str
    retained: bool
    qos: int
    payload: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.payload)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mosquitto:
    """One broker on a port of its own; ``lines`` are added to its configuration."""

    def __init__(self, folder: Path, *lines: str, anonymous: bool = True) -> None:
        if not (BROKER and SUBSCRIBER):
            pytest.skip("needs Debian's mosquitto and mosquitto-clients")
        self.folder, self.port = folder, free_port()
        self.client: tuple[str, ...] = ()
        self.process: subprocess.Popen[bytes] | None = None
        self._file = folder / f"mosquitto-{self.port}.conf"
        user = f"user {os.environ.get('USER', 'root')}" if os.name == "posix" and os.geteuid() == 0 else ""
        anon = f"allow_anonymous {str(anonymous).lower()}"
        self._file.write_text("\n".join((f"listener {self.port} 127.0.0.1", anon, user, *lines, "")))

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        assert BROKER
        command = [BROKER, "-c", str(self._file)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + _DEADLINE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                assert time.monotonic() < until, "the broker did not start"
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def listen(self, topic: str) -> Listener:
        """Start a subscriber and wait until it is subscribed."""
        return Listener(self, topic)

    def retained(self, topic: str, count: int = 1, wait_s: int = 2) -> list[Heard]:
        """Return what a subscriber that comes now is given, with its retained flag."""
        command = [*_subscriber(self, topic), "--retained-only", "-C", str(count), "-W", str(wait_s)]
        done = subprocess.run(command, capture_output=True, check=False)
        return [_heard(line) for line in done.stdout.splitlines()]

    def publish(self, topic: str, payload: bytes, *more: str) -> None:
        tool = shutil.which("mosquitto_pub")
        assert tool
        command = [tool, "-p", str(self.port), *self.client, "-t", topic, "-q", "1", "-s" if payload else "-n", *more]
        subprocess.run(command, input=payload, check=True, capture_output=True)


class Listener:
    """A subscriber that runs on; ``heard`` is everything it was given, in order."""

    def __init__(self, broker: Mosquitto, topic: str) -> None:
        self._path = broker.folder / f"heard-{free_port()}"
        self._broker, self._mark, self._marks = broker, f"listening/{self._path.name}", 0
        mark = self._mark
        with self._path.open("wb") as file:
            command = [*_subscriber(broker, topic), "-t", mark, "-q", "1"]
            self._process = subprocess.Popen(command, stdout=file, stderr=subprocess.DEVNULL)
        until = time.monotonic() + _DEADLINE_S
        while mark.encode() not in self._path.read_bytes():
            assert time.monotonic() < until, "the subscriber did not start"
            broker.publish(mark, b"ready")
            time.sleep(0.02)

    @property
    def heard(self) -> list[Heard]:
        lines = self._path.read_bytes().split(b"\n")[:-1]
        return [one for one in map(_heard, lines) if not one.topic.startswith("listening/")]

    async def until(self, condition: Any) -> Any:
        """Return the first message for which the condition holds."""
        async with asyncio.timeout(_DEADLINE_S):
            while True:
                if (found := next((one for one in self.heard if condition(one)), None)) is not None:
                    return found
                await asyncio.sleep(0.01)

    async def caught_up(self) -> list[Heard]:
        """Return everything heard, once all that the broker has taken before now is among it."""
        self._marks += 1
        mark = f"mark {self._marks}".encode()
        await asyncio.to_thread(self._broker.publish, self._mark, mark)
        async with asyncio.timeout(_DEADLINE_S):
            while mark.hex().encode() + b"\n" not in self._path.read_bytes():  # noqa: ASYNC110 - another's file
                await asyncio.sleep(0.005)
        return self.heard

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def _subscriber(broker: Mosquitto, topic: str) -> list[str]:
    assert SUBSCRIBER
    return [SUBSCRIBER, "-p", str(broker.port), *broker.client, "-t", topic, "-F", "%t %r %q %x"]


def _heard(line: bytes) -> Heard:
    topic, retained, qos, payload = line.split(b" ")
    return Heard(topic.decode(), retained == b"1", int(qos), bytes.fromhex(payload.decode()))


@contextmanager
def running(folder: Path, *lines: str, anonymous: bool = True) -> Iterator[Mosquitto]:
    broker = Mosquitto(folder, *lines, anonymous=anonymous)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@contextmanager
def listening(broker: Mosquitto, topic: str) -> Iterator[Listener]:
    listener = broker.listen(topic)
    try:
        yield listener
    finally:
        listener.close()


@cache
def shared() -> Mosquitto:
    """Return one broker for all tests of a process that keep to topics of their own."""
    folder = Path(tempfile.mkdtemp(prefix="mosquitto-"))
    broker = Mosquitto(folder)
    broker.start()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(broker.stop)
    return broker
