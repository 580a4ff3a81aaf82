"""A webhook on a real HTTPS server: signed, checked, never redirected, and its address stays a secret."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from caiso_ads.errors import CaisoAdsError, ConfigError, HttpStatusError, TlsError, UnreachableError
from caiso_ads.notify.webhook import Config, signature
from tests.notify.rig import WORST, authority, event, message, secret

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(context: ssl.SSLContext, answer: Answer) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield f"https://localhost:{runner.addresses[0][1]}/hook/T0P53CRET"
    finally:
        await runner.cleanup()


async def test_the_document_arrives_with_token_and_signature(tmp_path: Path) -> None:
    ca_file, context = authority(tmp_path, "localhost")
    got: list[tuple[Any, bytes]] = []

    async def take(request: web.Request) -> web.Response:
        got.append((request.headers.copy(), await request.read()))
        return web.Response(status=204)

    async with serving(context, take) as url:
        config = Config(
            url_file=secret(tmp_path, "url", url), ca_file=ca_file, bearer_file=secret(tmp_path, "b", "abc.def"),
            secret_file=secret(tmp_path, "s", "shared"),
        )  # fmt: skip
        told = message(event(text=WORST))
        way = config.build()
        await way.send(told)
    ((headers, body),) = got
    assert headers["Authorization"] == "Bearer abc.def"
    assert headers["X-Caiso-Ads-Signature"] == f"sha256={signature(b'shared', headers['X-Caiso-Ads-Timestamp'], body)}"
    assert headers["X-Caiso-Ads-Id"] == told.message_id
    assert headers["Content-Type"] == "application/json"
    assert web.json_response(told.document).body == body
    assert not {"T0P53CRET", "abc.def", "shared"} & set(repr(way).replace("'", " ").split())


def test_the_signature_is_what_others_compute() -> None:
    """As: printf '1782907200.{}' | openssl dgst -sha256 -hmac shared."""
    import hashlib

    inner = hashlib.sha256(bytes(b ^ 0x36 for b in b"shared".ljust(64, b"\0")) + b"1782907200.{}").digest()
    outer = hashlib.sha256(bytes(b ^ 0x5C for b in b"shared".ljust(64, b"\0")) + inner).hexdigest()
    assert signature(b"shared", "1782907200", b"{}") == outer


async def test_anything_but_2xx_is_an_error_and_a_redirect_is_not_followed(tmp_path: Path) -> None:
    ca_file, context = authority(tmp_path, "localhost")
    asked: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked.append(request.path)
        status = (307, 401, 500)[len(asked) - 1]
        return web.Response(status=status, headers={"Location": "/stolen"}, body=b"x" * 100_000)

    async with serving(context, elsewhere) as url:
        way = Config(url=url, ca_file=ca_file).build()
        for status in (307, 401, 500):
            with pytest.raises(HttpStatusError) as caught:
                await way.send(message())
            assert caught.value.status == status
    assert asked == ["/hook/T0P53CRET"] * 3


async def test_a_server_whose_certificate_is_not_right_is_told_nothing(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    ca_file, _ = authority(tmp_path, "localhost")
    _, stranger = authority(tmp_path / "other", "localhost")
    asked: list[str] = []

    async def take(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response()

    async with serving(stranger, take) as url:
        with pytest.raises(TlsError) as caught:
            await Config(url=url, ca_file=ca_file).build().send(message())
    assert asked == []
    assert "T0P53CRET" not in str(caught.value)


async def raw(answer: bytes) -> tuple[asyncio.Server, int]:
    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


async def test_no_server_nonsense_and_a_connection_cut_are_errors_that_do_not_tell_the_address(tmp_path: Path) -> None:
    ca_file, context = authority(tmp_path, "localhost")
    server, port = await raw(b"nonsense")
    server.close()
    await server.wait_closed()
    with pytest.raises(UnreachableError) as caught:
        await Config(url=f"https://localhost:{port}/T0P53CRET", ca_file=ca_file).build().send(message())
    assert "T0P53CRET" not in str(caught.value)
    server, port = await raw(b"HTTP/1.1 200 OK\r\n\r\n")  # in clear
    async with server:
        with pytest.raises(CaisoAdsError) as caught2:
            await Config(url=f"https://localhost:{port}/T0P53CRET", ca_file=ca_file).build().send(message())
    assert "T0P53CRET" not in str(caught2.value)

    async def cut(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with serving(context, cut) as url:
        with pytest.raises(CaisoAdsError, match="no whole answer of localhost"):
            await Config(url=url, ca_file=ca_file).build().send(message())


async def test_a_server_that_hangs_can_be_left(tmp_path: Path) -> None:
    ca_file, context = authority(tmp_path, "localhost")

    async def hang(_request: web.Request) -> web.Response:
        await asyncio.sleep(3600)
        return web.Response()

    async with serving(context, hang) as url:
        way = Config(url=url, ca_file=ca_file).build()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await way.send(message())


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({}, "url"),
        ({"url": "https://a.example", "url_file": Path("x")}, "url"),
        ({"url": "http://a.example/T0P53CRET"}, "url"),
        ({"url": "https://user:T0P53CRET@a.example"}, "url"),
        ({"url": "https://[T0P53CRET"}, "url"),
        ({"url": "https://a.example/\nT0P53CRET"}, "url"),
    ],
)
def test_an_address_that_cannot_work_is_refused_and_not_repeated(keys: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config(**keys)
    assert caught.value.key == key
    assert "T0P53CRET" not in f"{caught.value} {caught.value.cure}"


def test_secrets_that_cannot_be_used_are_refused_and_not_repeated(tmp_path: Path) -> None:
    bad_url, bad_bearer = secret(tmp_path, "u", "ftp://T0P53CRET"), secret(tmp_path, "b", "T0P53\tCRET x")
    for config, key in (
        (Config(url_file=bad_url), "url_file"),
        (Config(url="https://a.example", bearer_file=bad_bearer), "bearer_file"),
        (Config(url="https://a.example", secret_file=tmp_path / "none"), "secret_file"),
    ):
        with pytest.raises(ConfigError) as caught:
            config.build()
        assert caught.value.key == key
        assert "T0P53" not in str(caught.value)
