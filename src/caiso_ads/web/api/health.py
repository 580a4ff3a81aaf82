"""Is the gateway itself well, for people and for what watches processes. Rule: what is not known is null, never good."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from caiso_ads import __version__
from caiso_ads.core.directive import Environment
from caiso_ads.core.points import PointValue
from caiso_ads.core.quality import Quality
from caiso_ads.loop.supervisor import SinkHealth, SupervisedSink
from caiso_ads.web.answers import ProblemError, as_json
from caiso_ads.web.routes import ANY_ROLE, EVERYBODY, Route
from caiso_ads.web.site import Site

ALIVE_S = 5.0
"""A snapshot older than that, and the loop stands still (s)."""


class Link(msgspec.Struct, frozen=True):
    """Seconds since the last complete poll, and whether that is good."""

    age_s: float | None
    quality: str


class SinkItem(msgspec.Struct, frozen=True):
    """One way for the plant to read."""

    name: str
    health: str
    required: bool
    restarts: int
    last_error: str
    counters: dict[str, int]


class CertificateItem(msgspec.Struct, frozen=True):
    """The client certificate; ``subject`` is the name of its file."""

    not_after: datetime
    days_left: int
    subject: str


class ClockItem(msgspec.Struct, frozen=True):
    """Whether our clock is trusted; the ISO's minus ours (s)."""

    ok: bool
    offset_s: float | None


class StoreItem(msgspec.Struct, frozen=True):
    """Whether the store takes writes, its size and what is free on its disk (bytes)."""

    ok: bool
    bytes: int | None
    free_bytes: int | None


class Health(msgspec.Struct, frozen=True):
    """All of it; ``outbox`` counts batches whose receipt is not yet confirmed to the ISO."""

    version: str
    environment: str
    started_at: datetime
    uptime_s: float
    state: str
    link: Link
    sinks: list[SinkItem]
    certificate: CertificateItem | None
    clock: ClockItem
    store: StoreItem
    outbox: int | None
    simulator: bool
    read_only: bool
    acknowledge: bool


class Alive(msgspec.Struct, frozen=True):
    """The answer to a watcher when all is as it should be; else it is a problem that says what is missing."""

    ok: bool = True


async def health(site: Site, _request: web.Request, _query: None) -> web.StreamResponse:
    """Return the state of the gateway."""
    return as_json(await state_of(site))


async def state_of(site: Site) -> Health:
    """Look at everything."""
    gateway, now = site.feed.latest.gateway_value, site.clock.now()
    age, outbox = gateway("link_age_s"), number(gateway("unacknowledged_batches"))
    size, free = await asyncio.to_thread(_disk, site.config.store.path)
    return Health(
        version=__version__,
        environment=site.context.environment,
        started_at=site.started.wall,
        uptime_s=round(now.mono - site.started.mono, 3),
        state="running",
        link=Link(number(age), age.quality.name),
        sinks=[sink_item(entry) for entry in site.sinks()],
        certificate=await certificate_of(site),
        clock=ClockItem(is_one(gateway("clock_ok")), number(gateway("clock_offset_s"))),
        store=StoreItem(is_one(gateway("store_ok")), size, free),
        outbox=None if outbox is None else int(outbox),
        simulator=site.context.environment == Environment.SIMULATOR,
        read_only=site.config.responses.read_only,
        acknowledge=site.config.acknowledges,
    )


def sink_item(entry: SupervisedSink) -> SinkItem:
    """Return one sink's health and what it counts."""
    return SinkItem(entry.name, entry.health.value, entry.required, entry.restarts, entry.last_error, counters(entry))


def counters(entry: SupervisedSink) -> dict[str, int]:
    """Return what a sink counts, by name; nothing for one that counts nothing."""
    known: Any = getattr(entry.sink, "counters", None)
    return dataclasses.asdict(known) if dataclasses.is_dataclass(known) and not isinstance(known, type) else {}


def number(known: PointValue) -> float | None:
    """Return the number of a point; None where it is not known."""
    return known.value if isinstance(known.value, int | float) else None


def is_one(known: PointValue) -> bool:
    """Whether a code says yes, and is good."""
    return known.value == 1 and known.quality is Quality.GOOD


def _disk(path: Path) -> tuple[int | None, int | None]:
    try:
        beside = (path, path.with_name(path.name + "-wal"))
        return sum(one.stat().st_size for one in beside if one.exists()), shutil.disk_usage(path.parent).free
    except OSError:
        return None, None


async def certificate_of(site: Site) -> CertificateItem | None:
    """Return what is known of the certificate that is shown to the ISO; None where it cannot be read."""
    known = await site.certificate.facts()
    if known is None:
        return None
    until, subject = known
    return CertificateItem(until, (until - site.clock.now().wall).days, subject)


async def healthz(site: Site, _request: web.Request, _query: None) -> web.StreamResponse:
    """Say 200 while the loop publishes."""
    return _verdict([] if is_alive(site) else ["a snapshot of the last 5 s"])


async def readyz(site: Site, _request: web.Request, _query: None) -> web.StreamResponse:
    """Say 200 while the plant can read what the ISO sent: polled once, the store writes, required sinks serve."""
    gateway = site.feed.latest.gateway_value
    missing = [] if is_alive(site) else ["a snapshot of the last 5 s"]
    if number(gateway("link_age_s")) is None:
        missing.append("a first poll")
    if not is_one(gateway("store_ok")):
        missing.append("a store that takes writes")
    if any(entry.required and entry.health is not SinkHealth.SERVING for entry in site.sinks()):
        missing.append("a required sink")
    return _verdict(missing)


def is_alive(site: Site) -> bool:
    """Whether the newest snapshot is young; by the gateway's clock."""
    return abs((site.clock.now().wall - site.feed.latest.at).total_seconds()) < ALIVE_S


def _verdict(missing: list[str]) -> web.Response:
    if missing:
        raise ProblemError(503, f"missing: {', '.join(missing)}")
    return as_json(Alive())


ROUTES = (
    Route("GET", "/api/v1/health", health, ANY_ROLE, "the state of the gateway", gives=Health),
    Route("GET", "/healthz", healthz, EVERYBODY, "200 while the gateway publishes", gives=Alive),
    Route("GET", "/readyz", readyz, EVERYBODY, "200 while the plant can read what the ISO sent", gives=Alive),
)
