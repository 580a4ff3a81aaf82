"""Every answer carries the security headers; what the router refuses and what nobody expected is a problem in JSON."""

from __future__ import annotations

import logging
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from caiso_ads.web.headers import HEADERS
from caiso_ads.web.routes import Route
from caiso_ads.web.server import application
from tests.web.rig import serving, site


@pytest.mark.parametrize(
    "path", ["/", "/static/main.js", "/api/v1/snapshot", "/nothing", "/api/v1/prices", "/api/v1/events"]
)
async def test_every_answer_carries_them(path: str) -> None:
    async with serving() as (base, _), aiohttp.ClientSession() as client, client.get(base + path) as answer:
        assert {key: answer.headers[key] for key in HEADERS} == dict(HEADERS)
        assert answer.headers["Server"] == "caiso-ads"
        assert "Strict-Transport-Security" not in answer.headers  # only over TLS
        assert answer.headers["Cache-Control"] == ("no-cache" if path in {"/", "/static/main.js"} else "no-store")


async def test_what_the_router_refuses_is_a_problem() -> None:
    async with serving() as (base, _), aiohttp.ClientSession() as client:
        async with client.get(base + "/api/v1/nothing") as answer:
            assert (answer.status, await answer.json()) == (404, {"error": "there is nothing at this address"})
        async with client.delete(base + "/api/v1/snapshot") as answer:
            assert answer.status == 405
            assert "GET" in answer.headers["Allow"]
            assert (await answer.json())["error"]


async def test_a_head_has_the_headers_of_the_get_and_no_body() -> None:
    async with (
        serving() as (base, _),
        aiohttp.ClientSession() as client,
        client.head(base + "/api/v1/points") as answer,
    ):
        assert (answer.status, answer.content_type, await answer.read()) == (200, "application/json", b"")


async def test_a_mistake_of_ours_is_logged_and_told_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(_site: Any, _request: web.Request, _query: Any) -> web.StreamResponse:
        raise KeyError("secret inside")

    app = application(site(), (Route("GET", "/broken/{name}", broken, frozenset(), "breaks"),))
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        with caplog.at_level(logging.ERROR, "caiso_ads.web"):
            async with (
                aiohttp.ClientSession() as client,
                client.get(f"http://{host}:{port}/broken/a%0AERROR%20b") as answer,
            ):
                assert answer.status == 500
                assert "secret" not in await answer.text()
    finally:
        await runner.cleanup()
    assert "secret inside" in caplog.text
    assert "\nERROR b" not in caplog.text
