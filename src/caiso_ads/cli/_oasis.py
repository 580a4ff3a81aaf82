"""What the price commands share: whom to ask, the pace of the host, and the cache. Rule: a configuration gives, options win."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from caiso_ads.oasis.client import OasisClient
    from caiso_ads.ports import Clock
    from caiso_ads.store.sqlite import SqlStore

_Function = TypeVar("_Function", bound=Callable[..., Any])
_FILE = click.Path(path_type=Path)
_OPTIONS = (
    click.option("--config", type=_FILE, help="Configuration: its [oasis] table and its nodes."),
    click.option("--url", help="Address of the price service, https only. [default: CAISO's]"),
    click.option("--ca-file", type=_FILE, help="Authorities that may sign the server. [default: the machine's]"),
    click.option("--cache", type=_FILE, help="File that keeps what was fetched. [default: in the user's cache folder]"),
    click.option("--no-cache", is_flag=True, help="Keep nothing, and ask for everything."),
)


def service_options(function: _Function) -> _Function:
    """Add the options that say whom to ask."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@dataclass(frozen=True, slots=True)
class Access:
    """Whom to ask and what to keep. ``nodes`` are the configuration's; ``cache`` None keeps nothing."""

    url: str
    ca_file: Path | None
    pace_file: Path
    min_interval_s: float
    nodes: tuple[str, ...]
    cache: Path | None
    clock: Clock


def access(config: Path | None, url: str | None, ca_file: Path | None, cache: Path | None, *, no_cache: bool) -> Access:
    """Return what options and configuration say; raises ConfigError."""
    from caiso_ads.config import load_config
    from caiso_ads.oasis.pacer import MIN_INTERVAL_S, beside
    from caiso_ads.oasis.query import DEFAULT_URL
    from caiso_ads.ports import SystemClock

    if cache and no_cache:
        raise click.UsageError("--cache and --no-cache exclude each other")
    folder = cache_folder()
    clock = click.get_current_context().find_object(_Clocked) or _Clocked(SystemClock())
    kept = None if no_cache else cache or folder / "prices.sqlite"
    if config is None:
        pace = beside(folder / "prices.sqlite")
        return Access(url or DEFAULT_URL, ca_file, pace, MIN_INTERVAL_S, (), kept, clock.clock)
    loaded = load_config(config)
    oasis = loaded.oasis
    return Access(
        url or oasis.url, ca_file or oasis.ca_file, oasis.pace_file or beside(loaded.store.path), oasis.min_interval_s,
        tuple(node.id for node in loaded.nodes), kept, clock.clock,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Clocked:
    """The clock of a run, as click's context object; only a test brings one."""

    clock: Clock


def with_clock(clock: Clock) -> Any:
    """Return the context object that makes a command use that clock."""
    return _Clocked(clock)


def cache_folder() -> Path:
    """Return the folder in which this user's programs keep what can be fetched again."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "caiso-ads"


@asynccontextmanager
async def asking(way: Access) -> AsyncIterator[OasisClient]:
    """Open a client of the price service."""
    from caiso_ads.ads.tls import checking_context
    from caiso_ads.oasis.client import OasisClient
    from caiso_ads.oasis.pacer import Pacer

    pacer = Pacer(way.pace_file, way.clock, way.min_interval_s)
    context = checking_context(way.ca_file)
    async with OasisClient(way.url, clock=way.clock, pacer=pacer, ssl_context=context) as client:
        yield client


def _make_folder(cache: Path | None) -> None:
    try:
        if cache:
            cache.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        from caiso_ads.errors import LocalError

        error = LocalError(f"{cache}: {problem.strerror}")
        error.cure = "name another file with --cache, or use --no-cache"
        raise error from problem


@asynccontextmanager
async def keeping(way: Access) -> AsyncIterator[SqlStore]:
    """Open the cache; one that another command holds just now is left alone, and so is one that is not wanted."""
    from caiso_ads.errors import StoreBusyError
    from caiso_ads.store.sqlite import SqlStore

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        passing = Path(folder) / "prices.sqlite"
        try:
            _make_folder(way.cache)
            store = await SqlStore.open(way.cache or passing, way.clock)
        except StoreBusyError:
            click.echo(f"note: {way.cache} is in use by another program; nothing is kept this time", err=True)
            store = await SqlStore.open(passing, way.clock)
        try:
            yield store
        finally:
            await store.close()
