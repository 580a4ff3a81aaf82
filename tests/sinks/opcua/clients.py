"""Clients with certificates and logins of their own, and a served feed."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

from asyncua import Client, ua
from asyncua.crypto.cert_gen import dump_private_key_as_pem, generate_private_key, generate_self_signed_app_certificate
from asyncua.crypto.security_policies import SecurityPolicyAes256Sha256RsaPss, SecurityPolicyBasic256Sha256
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from caiso_ads.core.points import Snapshot
from caiso_ads.ports import Feed, SinkContext
from caiso_ads.sinks.opcua import Config
from caiso_ads.sinks.opcua.users import add_user
from tests.fakes import FakeClock, KeptEvidence, MemoryStore
from tests.sinks.modbus.snapshots import IDS

NAME, WORD = "historian", "correct horse battery"
POLICIES = (SecurityPolicyBasic256Sha256, SecurityPolicyAes256Sha256RsaPss)


_GIVEN: list[Path] = []


def use(folder: Path) -> None:
    """Take a folder that another process has filled, instead of making one; before anything else here."""
    _GIVEN.append(folder)


@cache
def place() -> Path:
    """Return a folder with a users file, a client's certificate and key; keys take long, so there is one for all."""
    if _GIVEN:
        return _GIVEN[0]
    folder = Path(tempfile.mkdtemp(prefix="opcua-"))
    add_user(folder / "users", NAME, WORD)
    for name in ("client", "stranger"):
        key = generate_private_key()
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier("urn:test:client")]
        made = generate_self_signed_app_certificate(key, name, {}, names, [ExtendedKeyUsageOID.CLIENT_AUTH])
        (folder / f"{name}.key.pem").write_bytes(dump_private_key_as_pem(key))
        (folder / f"{name}.der").write_bytes(made.public_bytes(Encoding.DER))
    (folder / "trusted").mkdir()
    (folder / "trusted" / "client.der").write_bytes((folder / "client.der").read_bytes())
    return folder


def keys() -> dict[str, Any]:
    """Return the smallest configuration that works."""
    return {"port": 0, "users_file": place() / "users", "directory": place() / "server"}


@asynccontextmanager
async def client(
    port: int, name: str | None = NAME, word: str | None = WORD, policy: Any = POLICIES[0], own: str = "client"
) -> AsyncIterator[Client]:
    """Connect; without a name the client's certificate is the login."""
    made = Client(f"opc.tcp://127.0.0.1:{port}/caiso-ads", timeout=10)
    made.application_uri = "urn:test:client"
    certificate, key = place() / f"{own}.der", place() / f"{own}.key.pem"
    await made.set_security(policy, certificate, key, mode=ua.MessageSecurityMode.SignAndEncrypt)
    if name is not None:
        made.set_user(name)
        made.set_password(word or "")
    else:
        await made.load_client_certificate(str(certificate))
        await made.load_private_key(key)
    async with made:
        yield made


def point(made: Client, name: str) -> Any:
    """Return the node of a point, such as ``GATEWAY.heartbeat``."""
    return made.get_node(f"ns=2;s={name}")


async def value(made: Client, name: str) -> Any:
    """Read a point with its status, also when that is bad."""
    return await point(made, name).read_data_value(raise_on_bad_status=False)


class Running:
    """A served feed."""

    def __init__(self, first: Snapshot, **changes: Any) -> None:
        self.evidence = KeptEvidence()
        context = SinkContext(
            IDS, {one: one for one in IDS}, "simulator", MemoryStore(), FakeClock(), evidence=self.evidence
        )
        self.sink: Any = Config(**{**keys(), **changes}).build(context)
        self.feed = Feed(first)
        self.task: asyncio.Task[None]

    @property
    def port(self) -> int:
        return int(self.sink.bound[0][1])

    async def start(self) -> None:
        started = asyncio.Event()
        self.task = asyncio.create_task(self.sink.run(self.feed, started.set))
        waiting = asyncio.create_task(started.wait())
        await asyncio.wait((self.task, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self.task.done():
            self.task.result()

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(20):
            while not await condition():  # noqa: ASYNC110 - the other process has no event to wait for here
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait((self.task,))


@asynccontextmanager
async def serving(first: Snapshot, **changes: Any) -> AsyncIterator[Running]:
    """Serve a feed on a free port."""
    running = Running(first, **changes)
    await running.start()
    try:
        yield running
    finally:
        await running.stop()
