"""A scripted HTTPS server on asyncio: real handshakes, and every way to answer badly. Counts what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import struct
import tempfile
import threading
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

from tests.ads.pki import Authority, Identity, secret

PATH = "/ADS/APIWebService/v8"


@dataclass(frozen=True)
class Asked:
    """One request as it arrived; ``connection`` counts from 1."""

    path: str
    headers: dict[str, str]
    body: str
    connection: int


Behaviour = Callable[[Asked, asyncio.StreamWriter], Awaitable[bool]]
"""Answers one request; returns whether the connection stays open."""


def envelope(operation: str, result: str | None) -> str:
    inner = "" if result is None else f"<result>{escape(result)}</result>"
    return (
        '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Header/>'
        f'<SOAP-ENV:Body><v8:{operation}Response xmlns:v8="http://ads.caiso.com/api/webservices/dispatch/v8">{inner}'
        f"</v8:{operation}Response></SOAP-ENV:Body></SOAP-ENV:Envelope>"
    )


def fault(text: str) -> str:
    return (
        '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Body><SOAP-ENV:Fault>'
        f"<faultcode>SOAP-ENV:Server</faultcode><faultstring>{escape(text)}</faultstring>"
        "</SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>"
    )


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode()


def answer(body: str, *, status: int = 200, content_type: str = "text/xml; charset=utf-8", **more: str) -> Behaviour:
    """Answer completely; ``more`` are headers with ``_`` for ``-``."""
    data = body.encode()
    headers = {"Content-Type": content_type, "Content-Length": str(len(data))}
    headers |= {name.replace("_", "-"): value for name, value in more.items()}

    async def behave(_: Asked, writer: asyncio.StreamWriter) -> bool:
        writer.write(_head(status, headers) + data)
        await writer.drain()
        return True

    return behave


def result(operation: str, text: str | None) -> Behaviour:
    return answer(envelope(operation, text))


def then_close(behaviour: Behaviour) -> Behaviour:
    """Answer, then close the connection without having said so: the keep-alive race."""

    async def behave(asked: Asked, writer: asyncio.StreamWriter) -> bool:
        await behaviour(asked, writer)
        return False

    return behave


def short(body: str) -> Behaviour:
    """Promise more bytes than come."""

    async def behave(_: Asked, writer: asyncio.StreamWriter) -> bool:
        data = body.encode()
        writer.write(_head(200, {"Content-Type": "text/xml", "Content-Length": str(len(data) + 100)}) + data)
        await writer.drain()
        return False

    return behave


def drip(body: str, pause_s: float) -> Behaviour:
    """Send one byte at a time."""

    async def behave(_: Asked, writer: asyncio.StreamWriter) -> bool:
        data = body.encode()
        for byte in _head(200, {"Content-Type": "text/xml", "Content-Length": str(len(data))}) + data:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(pause_s)
        return True

    return behave


async def silence(_: Asked, __: asyncio.StreamWriter) -> bool:
    """Never answer."""
    await asyncio.Event().wait()
    return False


async def hang_up(_: Asked, __: asyncio.StreamWriter) -> bool:
    """Close in good manners, without an answer."""
    return False


async def reset(_: Asked, writer: asyncio.StreamWriter) -> bool:
    """Break the connection with a TCP reset."""
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False


@dataclass
class Server:
    """Where it listens, what it was asked, and how it will answer: the next of the script, the last one for ever."""

    script: list[Behaviour]
    port: int = 0
    connections: int = 0
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}{PATH}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = self.connections
        with contextlib.suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._one(reader, writer, connection):
                pass
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:]) if name}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        asked = Asked(head[0].split(" ")[1], headers, body.decode(), connection)
        self.asked.append(asked)
        behaviour = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return await behaviour(asked, writer)


def server_context(
    identity: Identity, client_ca: Authority | None, *, version: ssl.TLSVersion | None = None
) -> ssl.SSLContext:
    """TLS of a server; with ``client_ca`` it requires a client certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        context.load_cert_chain(identity.pem(Path(folder), "server"))
        if client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(secret(Path(folder) / "ca.pem", client_ca.pem))
    if version:
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the old version is the point of that test
            context.minimum_version = context.maximum_version = version
    return context


@contextlib.asynccontextmanager
async def serving(context: ssl.SSLContext | None, *script: Behaviour) -> AsyncIterator[Server]:
    """Listen on a free port of this machine until the block ends."""
    server = Server(list(script))
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(server.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


@contextlib.contextmanager
def strict_server(context: ssl.SSLContext) -> Iterator[Server]:
    """Shake hands as servers outside asyncio do: a refusal is told by its alert. Never answers a request."""
    server = Server([])
    listener = socket.create_server(("127.0.0.1", 0))
    server.port = listener.getsockname()[1]

    def refuse() -> None:
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            server.connections += 1
            raw.settimeout(5)
            # Reading to the end keeps TCP from turning the close into a reset that would swallow the alert.
            with contextlib.suppress(OSError), raw:
                tls = context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False)
                with tls:
                    with contextlib.suppress(ssl.SSLError):
                        tls.do_handshake()
                    plain = socket.socket(fileno=os.dup(tls.fileno()))
                    with plain:
                        plain.settimeout(5)
                        plain.shutdown(socket.SHUT_WR)
                        while plain.recv(4096):
                            pass

    thread = threading.Thread(target=refuse, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        with contextlib.suppress(OSError):  # Linux needs it to wake accept(); others refuse it
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@contextlib.contextmanager
def serving_in_a_thread(tls: ssl.SSLContext, *script: Behaviour) -> Iterator[Server]:
    """As ``serving``, for tests that block."""
    ready, done = threading.Event(), threading.Event()
    held: list[Server] = []

    async def serve() -> None:
        async with serving(tls, *script) as server:
            held.append(server)
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(10)
    try:
        yield held[0]
    finally:
        done.set()
        thread.join()
