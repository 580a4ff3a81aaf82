"""A small client of its own for the simulator's tests: hand-written envelopes over real TLS, no code of the product."""

from __future__ import annotations

import base64
import gzip
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.sax.saxutils import escape

import aiohttp
from lxml import etree

from caiso_ads.simulator.ca import Pair
from caiso_ads.simulator.fleet import OPERATOR
from caiso_ads.simulator.server import AdsSimulator
from tests.simulator.bench import HandClock

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
RESPONSE_OPERATIONS = {"acceptInstruction", "declineInstruction", "partialAcceptInstruction"}


@dataclass(frozen=True)
class Reply:
    status: int
    content_type: str
    body: bytes

    @property
    def root(self) -> Any:
        return etree.fromstring(self.body)

    @property
    def result(self) -> str | None:
        found = self.root.xpath("//*[local-name()='result']")
        return None if not found else (found[0].text or "")

    @property
    def fault(self) -> str:
        return str(self.root.xpath("string(//*[local-name()='faultstring'])"))

    @property
    def document(self) -> Any:
        """The unpacked document, parsed."""
        text = self.result or ""
        data = text.encode() if text.lstrip().startswith("<") else gzip.decompress(base64.b64decode(text))
        return etree.fromstring(data)

    def uids(self) -> list[str]:
        return [uid.strip() for uid in self.document.xpath("//@batchUID")]


def envelope(operation: str, arguments: dict[str, object], version: str = "v8") -> bytes:
    service = "response" if operation in RESPONSE_OPERATIONS else "dispatch"
    parts = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in arguments.items())
    return (
        f'<s:Envelope xmlns:s="{ENVELOPE}"><s:Header/><s:Body>'
        f'<a:{operation} xmlns:a="http://ads.caiso.com/api/webservices/{service}/{version}">{parts}</a:{operation}>'
        "</s:Body></s:Envelope>"
    ).encode()


def client_context(simulator: AdsSimulator, pair: Pair | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=simulator.authority.certificate_pem.decode())
    if pair is not None:
        with TemporaryDirectory() as folder:
            file = Path(folder) / "client.pem"
            file.write_bytes(pair.certificate_pem + pair.key_pem)
            context.load_cert_chain(file)
    return context


class Caller:
    """Posts as one certificate."""

    def __init__(self, simulator: AdsSimulator, session: aiohttp.ClientSession) -> None:
        self._simulator, self._session = simulator, session

    async def post(self, path: str, body: bytes) -> Reply:
        address = self._simulator.base_url + path
        async with self._session.post(address, data=body, allow_redirects=False) as answer:
            return Reply(answer.status, answer.content_type, await answer.read())

    async def get(self, path: str) -> Reply:
        async with self._session.get(self._simulator.base_url + path) as answer:
            return Reply(answer.status, answer.content_type, await answer.read())

    async def call(self, operation: str, version: str = "v8", **arguments: object) -> Reply:
        service = "APIResponseWebService" if operation in RESPONSE_OPERATIONS else "APIWebService"
        return await self.post(f"/ADS/{service}/{version}", envelope(operation, arguments, version))

    async def since(self, uid: str = "-1") -> Reply:
        return await self.call("getDispatchBatchesSinceUID", batchUID=uid)


@asynccontextmanager
async def calling(
    simulator: AdsSimulator, common_name: str = OPERATOR, pair: Pair | None = None
) -> AsyncIterator[Caller]:
    context = client_context(simulator, pair or simulator.authority.client(common_name))
    connector = aiohttp.TCPConnector(ssl=context, force_close=True)
    async with aiohttp.ClientSession(connector=connector, trust_env=False) as session:
        yield Caller(simulator, session)


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[AdsSimulator]:
    """Start a simulator on a clock that stands still unless one is given."""
    async with AdsSimulator(clock=options.pop("clock", None) or HandClock(), **options) as simulator:
        yield simulator
