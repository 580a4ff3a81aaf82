"""From one request of the price API to the bytes of its answer, with the faults that change content.

Rule: admission (pace, fault, ledger) is quick and in order; the answer itself depends on the job alone, so it may be
made in a thread. Interpretation: what the specification leaves open is a switch, or marked in docs/simulator.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from caiso_ads.core.price import Market, NodeInfo, Price
from caiso_ads.ports import Clock, Instant
from caiso_ads.simulator.faults import ANY_REPORT, Fault, FaultKind, Faults
from caiso_ads.simulator.grid import HOUR, pacific
from caiso_ads.simulator.ledger import Ledger
from caiso_ads.simulator.oasis_market import STEPS, PriceMarket, trade_day_end, trade_day_start
from caiso_ads.simulator.oasis_nodes import Nodes
from caiso_ads.simulator.oasis_posting import Posting
from caiso_ads.simulator.oasis_query import ALL_APNODES, Ask, NoSuchPageError, RefusedError, name_of, read
from caiso_ads.simulator.switches import Switches
from caiso_ads.simulator.transport import Reply
from caiso_ads.wire.oasis import writing
from caiso_ads.wire.oasis.reports import CATALOGUES, CORRECTIONS, CURRENT

ZIP_TYPE = "application/x-zip-compressed"
_REPORTED_AFTER = timedelta(days=1)
_CATALOGUE_KEYS = {"PNODE": "pnode_id", "APNODE": "apnode_id", "RESOURCE": "resource_id"}


@dataclass(frozen=True, slots=True)
class Job:
    """One admitted request: ``page`` SingleZip or GroupZip, its parameters, its fault and the market's time."""

    page: str
    query: Mapping[str, str]
    fault: Fault | None
    at: Instant


class OasisService:
    """The price service of one simulator, without a network."""

    def __init__(
        self,
        nodes: Nodes,
        market: PriceMarket,
        clock: Clock,
        *,
        switches: Switches,
        faults: Faults,
        ledger: Ledger,
        posting: Posting | None = None,
    ) -> None:
        self.nodes, self.market, self.clock, self.switches = nodes, market, clock, switches
        self.faults, self.ledger, self.posting = faults, ledger, posting or Posting(switches)
        self._accepted: dict[str, float] = {}

    def answer(self, page: str, query: Mapping[str, str], client: str) -> tuple[Reply, Fault | None]:
        """Return the answer and the fault its transport still has to make; ``client`` is the caller's address."""
        job = self.admit(page, query, client)
        return (job, None) if isinstance(job, Reply) else (self.render(job), job.fault)

    def admit(self, page: str, query: Mapping[str, str], client: str) -> Job | Reply:
        """Return the job, or the refusal of a request that comes too soon. Parameter names are taken in any case."""
        now = self.clock.now()
        name = name_of(page, query) or ANY_REPORT
        text = "&".join(f"{key}={value}" for key, value in query.items())
        last = self._accepted.get(client)
        if last is not None and now.mono - last < self.switches.throttle_s:
            self.ledger.record(name, text, common_name=client, result=str(self.switches.throttle_status))
            return self._throttled()
        self._accepted[client] = now.mono
        fault = self.faults.take(name)
        self.ledger.record(name, text, common_name=client, fault=fault.kind if fault else "")
        return Job(page, query, fault, now)

    def render(self, job: Job) -> Reply:
        """Return the answer to an admitted request."""
        kind = job.fault.family if job.fault else None
        if kind is FaultKind.THROTTLE:
            return self._throttled()
        try:
            if job.fault is not None and job.fault.code is not None:
                raise RefusedError(job.fault.code)  # noqa: TRY301 - one way out for all codes
            ask = read(job.page, job.query, self.switches)
            if kind is FaultKind.XML:
                ask = replace(ask, form="xml")
            if kind is FaultKind.EMPTY_XML:
                name, body = writing.empty_zip(ask.report, ask.version, made_at=job.at.wall)
            else:
                name, body = self._content(ask, job)
        except RefusedError as error:
            name, body = writing.error_zip(error.code, error.text or None, made_at=job.at.wall)
        except NoSuchPageError as error:
            return Reply(f"Not Found: {error} (simulated)".encode(), 404, "text/plain")
        if kind is FaultKind.TRUNCATED_ZIP:
            body = body[: len(body) // 2]
        return Reply(body, 200, ZIP_TYPE, {"Content-Disposition": f"inline; filename={name};"})

    def _throttled(self) -> Reply:
        return Reply(writing.THROTTLE_HTML, self.switches.throttle_status, "text/html")

    def _content(self, ask: Ask, job: Job) -> tuple[str, bytes]:
        now = job.at.wall
        if ask.report is CORRECTIONS:
            return self._corrections(ask, now)
        kind = next((kind for kind, report in CATALOGUES.items() if report is ask.report), None)
        if kind is not None:
            return writing.catalogue_zip(kind, self._catalogue(kind, job.query), made_at=now)
        return self._prices(ask, now)

    def _prices(self, ask: Ask, now: datetime) -> tuple[str, bytes]:
        market = ask.report.market
        assert market is not None  # only reports of prices come here
        starts = self._starts(ask, market, now)
        nodes = self._chosen(ask)
        if not nodes:
            raise RefusedError(1000)
        if not starts:
            return self._empty(ask, now)
        prices = self.market.prices(nodes, market, starts, now)
        if ask.version == 1:
            prices = [_without_ghg(price) for price in prices]
        return writing.price_zip(ask.report, ask.version, prices, form=ask.form, made_at=now)

    def _starts(self, ask: Ask, market: Market, now: datetime) -> Sequence[datetime]:
        if ask.report is CURRENT:
            newest = self.posting.newest(market, now)
            return [] if newest is None else [newest]
        start, end = ask.start, ask.end
        if ask.everything and market is Market.DAM:
            start = trade_day_start(ask.start)
            end = trade_day_end(start)
        elif ask.everything:
            end = start + HOUR
        elif self.switches.edge_rows:
            end += STEPS[market]
        if start < now - timedelta(days=self.switches.retention_days):
            raise RefusedError(int(self.switches.too_early))
        return self.posting.visible(market, start, end, now)

    def _chosen(self, ask: Ask) -> Sequence[str]:
        if ask.everything:
            return self.nodes.aggregates if ask.everything == ALL_APNODES else self.nodes.everything
        return [node for node in ask.nodes if node in self.nodes]

    def _empty(self, ask: Ask, now: datetime) -> tuple[str, bytes]:
        if self.switches.not_posted == "1000":
            raise RefusedError(1000)
        return writing.empty_zip(ask.report, ask.version, made_at=now)

    def _catalogue(self, kind: str, query: Mapping[str, str]) -> list[NodeInfo]:
        wanted = query.get(_CATALOGUE_KEYS[kind], "ALL")
        rows = [row for row in self.nodes.catalogue(kind) if wanted in {"ALL", row.name}]
        if not rows:
            raise RefusedError(1000)
        return rows

    def _corrections(self, ask: Ask, now: datetime) -> tuple[str, bytes]:
        """Return a day's report, which is made a day after its end; one without corrections has placeholder rows."""
        day = trade_day_start(ask.start)
        if now < trade_day_end(day) + _REPORTED_AFTER:
            raise RefusedError(1000)
        return writing.corrections_zip(pacific(day).date(), self.market.affected(day, now), made_at=now)


def _without_ghg(price: Price) -> Price:
    """Version 1 has no such component; it stands in the congestion, so that the sum stays right."""
    parts = round(((price.congestion_usd_per_mwh or 0.0) + (price.ghg_usd_per_mwh or 0.0)) * 100_000) / 100_000
    return replace(price, congestion_usd_per_mwh=parts, ghg_usd_per_mwh=None)
