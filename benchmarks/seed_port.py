"""The loop of the 2018 scripts, ported straight to Python 3 from its description: the yardstick of ``poll_cycle``.

What makes it slow is kept on purpose, because it is what those scripts do each 10 s: a new suds client with its WSDL,
a new TLS context with the machine's authorities and a new connection for each call, minidom. What makes it quick is
kept too: only the last batch of a list is fetched, nothing is checked, nothing is stored durably.
"""

from __future__ import annotations

import base64
import gzip
import http.client
import ssl
import urllib.request
from pathlib import Path
from typing import Any
from xml.dom import minidom

from suds.client import Client
from suds.transport.http import HttpTransport


class _ClientCertificateHandler(urllib.request.HTTPSHandler):
    """Opens each connection with a fresh context, as ``HTTPSConnection(key_file, cert_file)`` did."""

    def __init__(self, certificate: Path, authority: Path) -> None:
        super().__init__()
        self._certificate, self._authority = certificate, authority

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connect, request)

    def _connect(self, host: str, **options: Any) -> http.client.HTTPSConnection:
        context = ssl.create_default_context()
        context.load_verify_locations(self._authority)  # the stub's authority is not among the machine's
        context.load_cert_chain(self._certificate)
        return http.client.HTTPSConnection(host, context=context, **options)


class _Transport(HttpTransport):  # type: ignore[misc]  # suds has no types
    def __init__(self, certificate: Path, authority: Path) -> None:
        super().__init__()
        self._files = (certificate, authority)

    def u2handlers(self) -> list[Any]:
        return [_ClientCertificateHandler(*self._files)]


class SeedPort:
    """One installation of the scripts for a few plants on one certificate."""

    def __init__(
        self, url: str, certificate: Path, authority: Path, folder: Path, plants: list[str], *, cached_wsdl: bool
    ) -> None:
        self._url, self._certificate, self._authority = url, certificate, authority
        self._suds = {} if cached_wsdl else {"cache": None}
        self._folder, self._plants = folder, plants
        self._dispatch_uid = self._trajectory_uid = "-1"
        self.setpoints: dict[str, float] = {}

    def cycle(self) -> None:
        """Run one pass of the endless loop."""
        transport = _Transport(self._certificate, self._authority)
        client = Client(f"{self._url}?WSDL", transport=transport, **self._suds)
        listed = minidom.parseString(str(client.service.getDispatchBatchesSinceUID(self._dispatch_uid)))
        for batch in listed.getElementsByTagName("DispatchBatch"):
            self._dispatch_uid = batch.getAttribute("batchUID")  # the last one wins, the others are never fetched
        packed = client.service.getDispatchBatch(self._dispatch_uid)
        (self._folder / "dispatch.xml").write_bytes(_unpacked(packed))
        client.service.isNewTrajData(self._trajectory_uid)  # the answer is thrown away
        xml = _unpacked(client.service.getTrajectoryData(self._trajectory_uid))
        (self._folder / "trajectory.xml").write_bytes(xml)
        document = minidom.parseString(xml)
        for batch in document.getElementsByTagName("TrajectoryBatch"):
            self._trajectory_uid = batch.getAttribute("batchUID")
        for plant in self._plants:
            value = _last_point(document, plant)
            if value is not None:
                self.setpoints[plant] = value


def _unpacked(text: Any) -> bytes:
    return gzip.decompress(base64.b64decode(str(text)))


def _last_point(document: minidom.Document, plant: str) -> float | None:
    """Return the last point of the plant in document order, whenever it is meant for."""
    found = None
    for point in document.getElementsByTagName("trajectoryDop"):
        if _text(point, "resourceId") == plant:
            found = float(_text(point, "dop"))
    return found


def _text(element: minidom.Element, name: str) -> str:
    node = element.getElementsByTagName(name)[0].firstChild
    return str(node.nodeValue) if node is not None else ""
