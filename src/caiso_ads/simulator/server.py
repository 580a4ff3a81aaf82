"""The HTTPS server around the simulated ADS: paths, WSDL, client certificates, start and stop.

Rule: the certificate that made the TLS session decides who is asking; nothing of a request's content is logged.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from caiso_ads.ports import Clock, SystemClock
from caiso_ads.simulator import events
from caiso_ads.simulator.answering import Answering
from caiso_ads.simulator.ca import Authority, Pair
from caiso_ads.simulator.faults import Faults
from caiso_ads.simulator.fleet import Fleet, default_fleet
from caiso_ads.simulator.ledger import Ledger
from caiso_ads.simulator.listening import Listener
from caiso_ads.simulator.market import Market
from caiso_ads.simulator.scenario import Scenario
from caiso_ads.simulator.service import AdsService
from caiso_ads.simulator.switches import Switches
from caiso_ads.simulator.transport import Reply, send
from caiso_ads.simulator.wsdl import wsdl
from caiso_ads.wire.operations import VERSIONS, Service, Version

_LOG = logging.getLogger(__name__)
_LARGEST_REQUEST = 4 * 1024 * 1024


class AdsSimulator:
    """A complete ADS on one port: ``async with AdsSimulator(...) as ads`` or ``start`` and ``stop``.

    ``port`` 0 takes a free one; ``directory`` keeps the certificate authority between starts, without it one is made in
    memory. ``clock`` moves the market; ``switches`` override those of the scenario. ``server_certificate`` replaces the
    good one, for tests of clients. ``keep`` bounds the ledger's memory and drops payload texts.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int = 1,
        fleet: Fleet | None = None,
        switches: Switches | None = None,
        scenario: Scenario | None = None,
        directory: Path | None = None,
        authority: Authority | None = None,
        server_certificate: Pair | None = None,
        ledger_file: Path | None = None,
        keep: int | None = None,
    ) -> None:
        clock, scenario = clock or SystemClock(), scenario or Scenario()
        self.host, self._server_certificate = host, server_certificate
        self.fleet = fleet or default_fleet()
        self.switches = switches or scenario.apply_switches(Switches())
        self.authority = authority or (Authority.at(directory) if directory else Authority())
        self.ledger = Ledger(clock, file=ledger_file, keep=keep)
        self.faults = Faults(seed)
        history = timedelta(seconds=scenario.history_s)
        self.market = Market(self.fleet, clock, self.ledger, seed=seed, switches=self.switches, history=history)
        events.play(scenario, self.market, self.faults)
        self._answering = Answering(AdsService(self.market), self.fleet, self.faults, self.ledger, self.switches)
        self._listener = Listener(host, port)

    @property
    def port(self) -> int:
        """The port, once started."""
        return self._listener.port

    @property
    def base_url(self) -> str:
        """Scheme, host and port."""
        return f"https://{self._listener.authority}"

    @property
    def url(self) -> str:
        """Address of the dispatch service, v8."""
        return self.base_url + VERSIONS["v8"].dispatch_path

    @property
    def response_url(self) -> str:
        """Address of the response service, v8."""
        return self.base_url + VERSIONS["v8"].response_path

    async def start(self) -> None:
        """Fill the history and listen; raises LocalError when the port is taken."""
        self.market.advance()
        await self._listener.start(self._application(), self.authority.server_context(self._server_certificate))
        _LOG.info("ADS SIMULATOR listens on %s", self.base_url)

    async def stop(self) -> None:
        """Close every connection and the ledger's file."""
        await self._listener.stop()
        self.ledger.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=_LARGEST_REQUEST)
        for version in VERSIONS.values():
            self._route(application, "dispatch", version, version.dispatch_path)
            self._route(application, "response", version, version.response_path)
        return application

    def _route(self, application: web.Application, service: Service, version: Version, path: str) -> None:
        folder = path.rpartition("/")[0]
        file = f"{folder}/{folder.rpartition('/')[2]}_{version.name}.wsdl"  # a public v8 client posts to this path

        async def post(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            reply, fault = self._answering.answer(body, _common_name(request), service, version)
            date = format_datetime(self.market.clock.now().wall, usegmt=True)
            return await send(request, replace(reply, headers={"Date": date}), fault)  # the market's time, as ADS would

        async def describe(request: web.Request) -> web.StreamResponse:
            if request.path == path and "wsdl" not in {name.lower() for name in request.query}:
                return web.Response(status=405, text="POST SOAP here, or GET ?WSDL (simulator)")
            encoded = self.switches.wsdl_use == "encoded"
            return await send(
                request, Reply(wsdl(service, version, f"https://{request.host}{path}", encoded=encoded)), None
            )

        for address in (path, file):
            application.router.add_post(address, post)
            application.router.add_get(address, describe)


def _common_name(request: web.Request) -> str:
    certificate = request.transport.get_extra_info("peercert") if request.transport else None
    subject = dict(pair for group in (certificate or {}).get("subject", ()) for pair in group)
    return str(subject.get("commonName", ""))
