"""The HTTPS server around the simulated price API: two pages, no client certificate, a redirect from plain HTTP.

Rule: the caller's address alone decides its pace; the HTTP Date header carries the market's time. Not CAISO: every
price is invented.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from caiso_ads.ports import Clock, SystemClock
from caiso_ads.simulator.ca import Authority, Pair
from caiso_ads.simulator.events import price_changes, price_delays
from caiso_ads.simulator.faults import Faults
from caiso_ads.simulator.fleet import Fleet, default_fleet
from caiso_ads.simulator.ledger import Ledger
from caiso_ads.simulator.listening import Listener
from caiso_ads.simulator.oasis_market import PriceMarket
from caiso_ads.simulator.oasis_nodes import Nodes
from caiso_ads.simulator.oasis_posting import Posting
from caiso_ads.simulator.oasis_service import OasisService
from caiso_ads.simulator.scenario import Scenario
from caiso_ads.simulator.switches import Switches
from caiso_ads.simulator.transport import Reply, send

_LOG = logging.getLogger(__name__)
PAGES = ("SingleZip", "GroupZip")
_LONGEST_LINE = 32_768  # 200 node names in one request line


class OasisSimulator:
    """A price service on one port: ``async with OasisSimulator(...) as oasis`` or ``start`` and ``stop``.

    ``port`` 0 takes a free one; ``http_port`` opens a second one that redirects to the first, None opens none. ``nodes``
    is the size of the catalogue. Give it the ``authority``, ``faults`` and ``clock`` of an AdsSimulator to be one ISO
    with it. ``keep`` bounds the ledger's memory.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        http_port: int | None = None,
        seed: int = 1,
        nodes: int = 500,
        fleet: Fleet | None = None,
        switches: Switches | None = None,
        scenario: Scenario | None = None,
        directory: Path | None = None,
        authority: Authority | None = None,
        server_certificate: Pair | None = None,
        faults: Faults | None = None,
        keep: int | None = None,
    ) -> None:
        clock, scenario = clock or SystemClock(), scenario or Scenario()
        self.switches = switches or scenario.apply_switches(Switches())
        self.authority = authority or (Authority.at(directory) if directory else Authority())
        self.faults = Faults(seed) if faults is None else faults
        self.ledger = Ledger(clock, keep=keep)
        self.nodes = Nodes(fleet or default_fleet(), seed=seed, size=nodes)
        started = clock.now().wall
        self.market = PriceMarket(
            seed,
            changes=price_changes(scenario, started),
            seeded_corrections=self.switches.price_corrections,
        )
        self.service = OasisService(
            self.nodes,
            self.market,
            clock,
            switches=self.switches,
            faults=self.faults,
            ledger=self.ledger,
            posting=Posting(self.switches, seed, price_delays(scenario, started)),
        )
        self._server_certificate = server_certificate
        self._listener = Listener(host, port)
        self._plain = None if http_port is None else Listener(host, http_port)

    @property
    def port(self) -> int:
        """The port, once started."""
        return self._listener.port

    @property
    def url(self) -> str:
        """Address of the API, to which ``/SingleZip`` or ``/GroupZip`` is added."""
        return f"https://{self._listener.authority}/oasisapi"

    @property
    def http_url(self) -> str:
        """Address that redirects to ``url``; empty where none was wanted."""
        return "" if self._plain is None else f"http://{self._plain.authority}/oasisapi"

    async def start(self) -> None:
        """Listen; raises LocalError when a port is taken."""
        context = self.authority.server_context(self._server_certificate, client_certificate=False)
        await self._listener.start(self._application(), context)
        if self._plain is not None:
            await self._plain.start(self._redirecting(), None)
        _LOG.info("OASIS SIMULATOR listens on %s", self.url)

    async def stop(self) -> None:
        """Close every connection."""
        if self._plain is not None:
            await self._plain.stop()
        await self._listener.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _application(self) -> web.Application:
        application = web.Application(handler_args={"max_line_size": _LONGEST_LINE})
        for page in PAGES:
            application.router.add_get(f"/oasisapi/{page}", self._answer)
        return application

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        page, query = request.path.rpartition("/")[2], dict(request.query)
        job = self.service.admit(page, query, request.remote or "")
        if isinstance(job, Reply):
            return await send(request, _dated(job, self.service.clock.now().wall), None)
        reply = await asyncio.to_thread(self.service.render, job)  # an hour of all nodes takes seconds to write
        return await send(request, _dated(reply, job.at.wall), job.fault)

    def _redirecting(self) -> web.Application:
        async def redirect(request: web.Request) -> web.StreamResponse:
            raise web.HTTPFound(f"https://{self._listener.authority}{request.path_qs}")

        application = web.Application(handler_args={"max_line_size": _LONGEST_LINE})
        application.router.add_get("/{path:.*}", redirect)
        return application


def _dated(reply: Reply, at: datetime) -> Reply:
    return replace(reply, headers={**reply.headers, "Date": format_datetime(at, usegmt=True)})
