"""The gateway's side of the OPC UA process: starts it, feeds it the newest snapshot, raises when it ends or stalls.

Rule: whatever the process does, the gateway never waits for it and never dies with it; the supervisor starts it again.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from caiso_ads.core.points import Snapshot
from caiso_ads.errors import ConfigError, LocalError
from caiso_ads.ports import Feed, SinkContext
from caiso_ads.sinks.opcua._certificates import server_pair, trusted
from caiso_ads.sinks.opcua._messages import Reply, Setup, frame, packed
from caiso_ads.sinks.opcua.users import read_users

START_S, SHOW_S, STOP_S = 60.0, 15.0, 5.0
_NAME = "opcua"


class OpcUaError(LocalError):
    """The OPC UA process ended, or does not answer."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the sink needs of its configuration; times in seconds."""

    host: str
    port: int
    directory: Path
    users_file: Path | None
    trusted_certificates: Path | None
    max_sessions: int
    max_subscriptions: int
    max_message_bytes: int
    memory_limit_mb: int
    stall_limit_s: float


class OpcUaSink:
    """One OPC UA server in a process of its own; ``bound`` is where it listens, ``pid`` its process."""

    def __init__(self, settings: Settings, context: SinkContext) -> None:
        self._settings, self._context = settings, context
        self.bound: tuple[tuple[str, int], ...] = ()
        self.pid: int | None = None
        self.certificate = b""

    async def run(self, feed: Feed, started: Callable[[], None]) -> None:
        """Serve until cancelled. Raises ConfigError, OSError or OpcUaError when the process cannot serve."""
        setup = await asyncio.to_thread(self.setup)
        self.certificate = setup.certificate
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "caiso_ads.sinks.opcua._child", stdin=PIPE, stdout=PIPE
        )
        self.pid = process.pid
        try:
            await self._send(process, frame(setup))
            port = (await self._reply(process, START_S)).port
            await self._show(process, feed.latest)
            self.bound = ((setup.host, port),)
            started()
            generation = feed.latest.generation
            while True:
                generation = await self._next(process, feed, generation)
        finally:
            self.bound, self.pid = (), None
            await _end(process)

    async def _next(self, process: Process, feed: Feed, generation: int) -> int:
        """Show the next snapshot; notice the end of the process while waiting for one."""
        newer, ended = asyncio.create_task(feed.after(generation)), asyncio.create_task(process.wait())
        try:
            await asyncio.wait((newer, ended), return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise OpcUaError(f"the process ended with {process.returncode}")
            snapshot = newer.result()
        finally:
            newer.cancel()
            ended.cancel()
            await asyncio.gather(newer, ended, return_exceptions=True)
        await self._show(process, snapshot)
        return snapshot.generation

    async def _show(self, process: Process, snapshot: Snapshot) -> None:
        await self._send(process, await asyncio.to_thread(lambda: frame(packed(snapshot))))
        reply = await self._reply(process, SHOW_S)
        self._context.evidence.seen(_NAME, reply.shown)

    @staticmethod
    async def _send(process: Process, data: bytes) -> None:
        assert process.stdin is not None
        process.stdin.write(data)
        try:
            async with asyncio.timeout(SHOW_S):
                await process.stdin.drain()
        except (ConnectionError, TimeoutError) as error:
            raise OpcUaError("the process takes no snapshots") from error

    @staticmethod
    async def _reply(process: Process, patience_s: float) -> Reply:
        assert process.stdout is not None
        try:
            async with asyncio.timeout(patience_s):
                line = await process.stdout.readline()
            reply = msgspec.json.decode(line, type=Reply)
        except TimeoutError as error:
            raise OpcUaError(f"the process did not answer in {patience_s:g} s") from error
        except (msgspec.MsgspecError, ValueError) as error:
            raise OpcUaError("the process ended") from error
        if reply.error:
            raise OpcUaError(reply.error)
        return reply

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
            max_message_bytes=keys.max_message_bytes,
            memory_limit_mb=keys.memory_limit_mb,
            stall_limit_s=keys.stall_limit_s,
        )


def nobody(key: str, problem: str) -> ConfigError:
    """Return the refusal to serve when nobody may log in."""
    cure = "caiso-ads opcua add-user makes users_file; or put certificates of clients into trusted_certificates"
    return ConfigError(f"{problem}; without one nobody may log in", table="sinks.opcua", key=key, cure=cure)


async def _end(process: Process) -> None:
    """Close the pipe, which ends the process; kill it when it does not go."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):  # it went at the last moment
            process.kill()
        await process.wait()
