"""The price client: one call, one typed answer. Rule: every request takes a turn of the pacer, also one made again.

What the service refuses only in form is asked again in another form, and remembered: an older version of a report,
fewer nodes at a time. Spec: OASIS 5.1.8.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count
from types import TracebackType
from typing import Self, TypeVar

from caiso_ads.ads.exchange import HttpReply, server_date
from caiso_ads.core.intervals import INTERVAL, interval_of
from caiso_ads.core.price import AffectedHour, Market, NodeInfo, Price
from caiso_ads.errors import OasisError, RemoteError, ThrottledError, TlsError, UnreachableError
from caiso_ads.oasis import retry
from caiso_ads.oasis.pacer import Pacer
from caiso_ads.oasis.plan import FEWEST_NODES_A_REQUEST, GROUPS, NODES_A_REQUEST, chunks
from caiso_ads.oasis.query import CATALOGUE_PARAMETERS, CSV, checked_nodes, checked_url, of_nodes, query
from caiso_ads.oasis.reading import content
from caiso_ads.oasis.transport import Transport
from caiso_ads.ports import Clock
from caiso_ads.ports.prices import PriceAnswer
from caiso_ads.wire.oasis import answer, trade_day
from caiso_ads.wire.oasis.reports import CATALOGUES, CORRECTIONS, CURRENT, HISTORY, Report, Verdict

DEADLINE_S = 90.0
"""Total deadline of one request (s): an hour of all nodes is 10 MB."""
LIVE_DEADLINE_S = 30.0
"""The same for the current price (s), which is worth little later."""
PATIENT, LIVE = 5, 1
"""How often a request is sent at most: the loop that wants the current price asks again by itself."""
FALLBACK = timedelta(minutes=20)
"""How far back the 5-minute report is read where the current price is missing or late."""
LATE = timedelta(minutes=5)
"""How long after its interval's end the newest price is taken for late: one whole interval is missing."""
AHEAD = 2 * INTERVAL
"""How far ahead of the running interval's begin that report is asked for: the next may be published early."""
T = TypeVar("T")


class OasisClient:
    """Implements ``ports.prices.PriceSource``; an async context manager. Raises ConfigError for an unusable address.

    ``nodes_a_request`` is how many nodes one request names at first; it falls to 10 when the service wants fewer.
    ``jitter`` gives numbers in 0..1, for the waits between attempts.
    """

    def __init__(
        self, url: str, *, clock: Clock, pacer: Pacer, ssl_context: ssl.SSLContext, deadline_s: float = DEADLINE_S,
        nodes_a_request: int = NODES_A_REQUEST, jitter: Callable[[], float] = random.random,
    ) -> None:  # fmt: skip
        self.url = checked_url(url)
        self._clock, self._pacer, self._ssl, self._deadline_s = clock, pacer, ssl_context, deadline_s
        self._jitter = jitter
        self._most_nodes = nodes_a_request
        self._refused_versions: dict[str, int] = {}
        self._made: Transport | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        made, self._made = self._made, None
        if made:
            await made.close()

    async def current(self, nodes: Sequence[str]) -> PriceAnswer:
        """Return the newest posted 5-minute interval of these nodes; USD per MWh.

        Nodes it misses, or whose newest interval ended long ago, are asked for in the 5-minute report of the last 20
        minutes. When that fails, what was read stands, and ``request`` tells the failure. Raises RemoteError.
        """
        asked = checked_nodes(nodes)
        newest: PriceAnswer | None = None
        failure: RemoteError | None = None
        try:
            begin = interval_of(self._now())  # required, and without effect as far as is known
            newest = await self._in_chunks(CURRENT, asked, begin, begin, live=True)
        except (ThrottledError, TlsError, UnreachableError):
            raise  # the other report stands on the same host
        except RemoteError as error:
            failure = error
        wanted = asked if newest is None else _missing_or_late(asked, newest.prices, self._now())
        if not wanted:
            assert newest is not None
            return newest
        try:
            begin = interval_of(self._now())
            recent = await self._in_chunks(HISTORY[Market.RTD], wanted, begin - FALLBACK, begin + AHEAD, live=True)
        except RemoteError as error:
            if newest is None:
                raise error from failure
            words = f"{newest.request} | {HISTORY[Market.RTD].query} failed: {error}"
            return replace(newest, request=words)
        return recent if newest is None else _joined([newest, recent])

    async def history(
        self, market: Market, nodes: Sequence[str], start: datetime, end: datetime, *, live: bool = False
    ) -> PriceAnswer:
        """Return the prices of one request's worth of time, USD per MWh; ``oasis.plan`` splits longer ones.

        ``live`` goes before other history, and is not tried for as long.
        ``nodes`` may be ``plan.ALL``. Raises RemoteError; an OasisError whose verdict is SPLIT asks for less time.
        """
        asked = tuple(nodes) if tuple(nodes) in GROUPS else checked_nodes(nodes)
        return await self._in_chunks(HISTORY[market], asked, start, end, live=live)

    async def affected_hours(self, trade_date: date) -> Sequence[AffectedHour]:
        """Return what the ISO says it corrected of that Pacific trade date; empty while it says nothing."""
        start, _ = trade_day.bounds(trade_date)

        def text(version: int) -> str:
            return query(CORRECTIONS, version, start, None, resultformat=CSV)

        def read(reply: HttpReply) -> Sequence[AffectedHour]:
            return content(reply, lambda body, status: answer.read_affected(body, trade_date, status))

        found = await self._ask(CORRECTIONS, text, read, live=False)
        return found[1] or ()

    async def catalogue(self, kind: str) -> Sequence[NodeInfo]:
        """Return the ISO's list of that kind (PNODE, APNODE or RESOURCE) as it is today."""
        start, end = trade_day.bounds(trade_day.day_of(self._now()))

        def text(version: int) -> str:
            return query(CATALOGUES[kind], version, start, end, resultformat=CSV, **CATALOGUE_PARAMETERS[kind])

        def read(reply: HttpReply) -> Sequence[NodeInfo]:
            return content(reply, lambda body, status: answer.read_catalogue(body, kind, status))

        found = await self._ask(CATALOGUES[kind], text, read, live=False)
        return found[1] or ()

    def _now(self) -> datetime:
        return self._clock.now().wall

    async def _in_chunks(
        self, report: Report, nodes: tuple[str, ...], start: datetime, end: datetime, *, live: bool
    ) -> PriceAnswer:
        while True:
            try:
                some = [nodes] if nodes in GROUPS else list(chunks(nodes, self._most_nodes))
                return _joined([await self._prices(report, each, start, end, live=live) for each in some])
            except RemoteError as error:
                if not retry.too_many_nodes(error) or self._most_nodes <= FEWEST_NODES_A_REQUEST or nodes in GROUPS:
                    raise
                self._most_nodes = FEWEST_NODES_A_REQUEST

    async def _prices(
        self, report: Report, nodes: tuple[str, ...], start: datetime, end: datetime, *, live: bool
    ) -> PriceAnswer:
        market = report.market
        assert market is not None
        form = {} if report is CURRENT else {"resultformat": CSV}  # CURRENT: only its XML is known from real samples
        said: list[tuple[str, int]] = []

        def text(version: int) -> str:
            said.append((query(report, version, start, end, **of_nodes(nodes), **form), version))
            return said[-1][0]

        def read(reply: HttpReply) -> PriceAnswer:
            wanted = None if nodes in GROUPS else nodes
            found = content(reply, lambda body, status: answer.read_prices(body, market, wanted, status))
            return PriceAnswer(
                said[-1][0], market, said[-1][1], reply.received_at, found.prices, found.posted, found.failed_checks,
                server_date(reply),
            )  # fmt: skip

        reply, found = await self._ask(report, text, read, live=live)
        if found is not None:
            return found
        request, version = said[-1]
        return PriceAnswer(
            request, market, version, reply.received_at, (), posted=False, server_date=server_date(reply)
        )

    async def _ask(
        self, report: Report, text: Callable[[int], str], read: Callable[[HttpReply], T], *, live: bool
    ) -> tuple[HttpReply, T | None]:
        """Send until there is an answer; None for the code that says there is no data."""
        for attempt in count(1):
            try:
                return await self._in_some_version(report, text, read, live=live)
            except RemoteError as error:
                if retry.verdict(error) is not Verdict.RETRY or attempt >= (LIVE if live else PATIENT):
                    raise
                await self._clock.sleep(retry.delay_s(attempt, self._jitter()))
        raise AssertionError

    async def _in_some_version(
        self, report: Report, text: Callable[[int], str], read: Callable[[HttpReply], T], *, live: bool
    ) -> tuple[HttpReply, T | None]:
        while True:
            place = self._refused_versions.get(report.query, 0)
            try:
                return await self._once(text(report.versions[place]), read, live=live)
            except RemoteError as error:
                if not retry.wrong_version(error) or place + 1 >= len(report.versions):
                    raise
                self._refused_versions[report.query] = place + 1

    async def _once(self, path: str, read: Callable[[HttpReply], T], *, live: bool) -> tuple[HttpReply, T | None]:
        async with self._pacer.turn(live=live):
            limit = min(LIVE_DEADLINE_S, self._deadline_s) if live else self._deadline_s
            reply = await self._transport().get(f"{self.url}/{path}", deadline_s=limit)
            try:
                # Beside the event loop, which the dispatch needs: a small zip may unpack to a thousand times its size.
                return reply, await asyncio.to_thread(read, reply)
            except OasisError as error:
                if retry.verdict(error) is not Verdict.EMPTY:
                    raise
                return reply, None

    def _transport(self) -> Transport:
        if self._made is None:
            self._made = Transport(ssl_context=self._ssl, clock=self._clock)
        return self._made


def _missing_or_late(nodes: Sequence[str], prices: Sequence[Price], now: datetime) -> tuple[str, ...]:
    ends: dict[str, datetime] = {}
    for price in prices:
        ends[price.node] = max(price.end, ends.get(price.node, price.end))
    return tuple(node for node in nodes if node not in ends or now - ends[node] > LATE)


def _joined(answers: Sequence[PriceAnswer]) -> PriceAnswer:
    """Return several answers as one; of the same interval the later answer's price stands."""
    if len(answers) == 1:
        return answers[0]
    prices = {(price.node, price.start): price for each in answers for price in each.prices}
    last = answers[-1]
    return PriceAnswer(
        " | ".join(each.request for each in answers), last.market, last.version, last.received_at,
        tuple(prices[key] for key in sorted(prices)), any(each.posted for each in answers),
        tuple(check for each in answers for check in each.failed_checks), last.server_date,
    )  # fmt: skip
