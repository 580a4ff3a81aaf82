"""The gateway's side of the OPC UA process: what it is told at its start, read and made before it is started.

Rule: this module reads the files; the process gets their content, and no name of a folder but that of its own key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec

from caiso_ads.errors import ConfigError
from caiso_ads.ports import Feed, SinkContext
from caiso_ads.sinks._child.parent import Child
from caiso_ads.sinks._child.wire import Caps
from caiso_ads.sinks.opcua._certificates import server_pair, trusted
from caiso_ads.sinks.opcua._setup import Setup
from caiso_ads.sinks.opcua.users import read_users

SPARE_DESCRIPTORS = 64
LAST_WORD_S = 0.5  # time for subscribers to hear that we stop


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the sink needs of its configuration; times in seconds."""

    host: str
    port: int
    directory: Path
    users_file: Path | None
    trusted_certificates: Path | None
    max_sessions: int
    max_subscriptions: int
    max_monitored_items: int
    max_message_bytes: int
    memory_limit_mb: int
    descriptor_limit: int
    stall_limit_s: float


class OpcUaSink:
    """One OPC UA server in a process of its own; ``bound`` is where it listens, ``pid`` its process."""

    def __init__(self, settings: Settings, context: SinkContext) -> None:
        self._settings, self._context = settings, context
        caps = Caps(settings.memory_limit_mb, descriptors(settings), LAST_WORD_S)
        self._child = Child("opcua", ("-P", "-m", "caiso_ads.sinks.opcua._child"), caps, context.evidence)

    async def run(self, feed: Feed, started: Callable[[], None]) -> None:
        """Serve until cancelled. Raises ConfigError, OSError or ChildError when the process cannot serve."""
        setup = await asyncio.to_thread(self.setup)
        await self._child.run(setup, feed, started)

    @property
    def bound(self) -> tuple[tuple[str, int], ...]:
        """Where it listens."""
        return self._child.bound

    @property
    def pid(self) -> int | None:
        """The process, while it runs."""
        return self._child.pid

    def setup(self) -> Setup:
        """Read and make the files; blocks. Raises ConfigError naming the one that is wrong."""
        keys, context = self._settings, self._context
        users = read_users(keys.users_file) if keys.users_file else {}
        clients = trusted(keys.trusted_certificates) if keys.trusted_certificates else []
        if keys.trusted_certificates and not clients:
            raise nobody("trusted_certificates", f"{keys.trusted_certificates} holds no certificate")
        if not users and not clients:
            raise nobody("users_file", f"{keys.users_file} holds no user")
        certificate, key = server_pair(keys.directory)
        return Setup(
            host=keys.host,
            port=keys.port,
            certificate=certificate,
            key_file=str(key),
            users=users,
            trusted=clients,
            resource_ids=list(context.resource_ids),
            names=dict(context.names),
            nodes=list(context.nodes),
            node_names=dict(context.node_names),
            max_sessions=keys.max_sessions,
            max_subscriptions=keys.max_subscriptions,
            max_monitored_items=keys.max_monitored_items,
            max_message_bytes=keys.max_message_bytes,
            stall_limit_s=keys.stall_limit_s,
        )


def nobody(key: str, problem: str) -> ConfigError:
    """Return the refusal to serve when nobody may log in."""
    cure = "caiso-ads opcua add-user makes users_file; or put certificates of clients into trusted_certificates"
    return ConfigError(f"{problem}; without one nobody may log in", table="sinks.opcua", key=key, cure=cure)


def descriptors(settings: Settings) -> int:
    """Return how many descriptors the process may have: for its connections, and some to work with."""
    return settings.descriptor_limit or 2 * settings.max_sessions + SPARE_DESCRIPTORS
