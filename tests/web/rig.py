"""A site without a gateway, on a free port: what most tests of the page and the API need."""

from __future__ import annotations

import asyncio
import atexit
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from caiso_ads.config import Config
from caiso_ads.config.tables import AdsConfig, LimitsConfig, ResourceConfig, StoreConfig
from caiso_ads.config.web import WebConfig
from caiso_ads.core.directive import Environment
from caiso_ads.loop.desk import Desk, Handler
from caiso_ads.ports import Clock, Feed, SinkContext
from caiso_ads.ports.answers import dismiss
from caiso_ads.web.access.guard import guard_of
from caiso_ads.web.broadcast import Broadcast
from caiso_ads.web.server import WebSink
from caiso_ads.web.site import Site
from tests.fakes import FakeClock, MemoryStore
from tests.sinks.modbus.snapshots import IDS, snapshot

FOLDER = Path(tempfile.mkdtemp(prefix="caiso-ads-web-"))
NUMBERS = count()
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)


def site(
    handlers: Mapping[str, Handler] | None = None,
    store: Path | None = None,
    node: str = "",
    clock: Clock | None = None,
    environment: Environment = Environment.SIMULATOR,
) -> Site:
    """Return a site with two resources, one good snapshot, and these handlers of commands."""
    clock, store = clock or FakeClock(), store or FOLDER / f"{next(NUMBERS)}.db"
    config = Config(
        ads=AdsConfig(url="https://ads.invalid/v8", certificate=Path("none.pem"), environment=environment),
        store=StoreConfig(path=store),
        resources=tuple(ResourceConfig(id=one, name=one, pmin_mw=0.0, pmax_mw=100.0, node=node) for one in IDS),
        limits=LimitsConfig(),
        sinks={},
        source=Path("gateway.toml"),
        web=WebConfig(port=0),
    )
    context = SinkContext(IDS, {one: one for one in IDS}, environment.value, MemoryStore(), clock)
    feed = Feed(snapshot(generation=1))
    return Site(
        config,
        feed,
        clock,
        Desk(handlers or {}, clock),
        context,
        tuple,
        Broadcast(feed, context),
        guard_of(config, context, dismiss, clock),
    )


@asynccontextmanager
async def serving(made: Site | None = None) -> AsyncIterator[tuple[str, Site]]:
    """Serve a site and return its address and itself."""
    made = made or site()
    assert made.config.web is not None
    sink, started = WebSink(made.config.web, made), asyncio.Event()
    task = asyncio.create_task(sink.run(made.feed, started.set))
    try:
        async with asyncio.timeout(10):
            await started.wait()
        host, port = sink.bound[0]
        yield f"http://{host}:{port}", made
    finally:
        task.cancel()
        await asyncio.wait({task})


async def told(base: str, path: str, status: int = 200) -> Any:
    """GET an address and return its JSON."""
    async with aiohttp.ClientSession() as client, client.get(base + path) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json()


async def forms(client: aiohttp.ClientSession, base: str) -> dict[str, str]:
    """Return the headers with which a page makes an unsafe request."""
    async with client.get(base + "/api/v1/me") as known:
        token = str((await known.json()).get("csrf", "")) if known.status == 200 else ""
    return {"X-CSRF-Token": token, "Origin": base}
