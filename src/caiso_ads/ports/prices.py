"""What the loop needs of the price service and of the memory of prices, as protocols.

Rule: as in ``ports``: adapters know these and the nouns, never each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from caiso_ads.core.price import AffectedHour, Correction, Market, NodeInfo, Price
from caiso_ads.core.price import FailedCheck as FailedCheck  # noqa: PLC0414 - part of this port's face


@dataclass(frozen=True, slots=True)
class PriceAnswer:
    """One answer of the price service. ``request`` is the query as sent; ``posted`` False: not published yet.

    ``failed_checks`` says which rows were left out because a check failed.
    """

    request: str
    market: Market
    version: int
    received_at: datetime
    prices: tuple[Price, ...]
    posted: bool = True
    failed_checks: tuple[FailedCheck, ...] = ()
    server_date: datetime | None = None


class PriceSource(Protocol):
    """The price service. Each call is paced; each raises a RemoteError when no answer with data or "none" came."""

    async def current(self, nodes: Sequence[str]) -> PriceAnswer:
        """Return the newest posted 5-minute interval of these nodes."""

    async def history(
        self, market: Market, nodes: Sequence[str], start: datetime, end: datetime, *, live: bool = False
    ) -> PriceAnswer:
        """Return one request's worth of prices; the caller splits (``oasis.plan``). ``live``: the present needs it."""

    async def affected_hours(self, trade_date: date) -> Sequence[AffectedHour]:
        """Return what the ISO says it corrected of that Pacific trade date; empty while it says nothing."""

    async def catalogue(self, kind: str) -> Sequence[NodeInfo]:
        """Return the ISO's list of nodes of that kind (a key of ``wire.oasis.reports.CATALOGUES``)."""


@dataclass(frozen=True, slots=True)
class StoredPrice:
    """A price with its life: first and last seen (UTC), the request that brought it, and how often it changed."""

    price: Price
    first_seen: datetime
    last_seen: datetime
    request: str
    revisions: int = 0


class PriceStore(Protocol):
    """Durable memory of prices. A method that returns has committed; it raises StoreError and nothing else."""

    async def record_prices(self, answer: PriceAnswer) -> Sequence[Correction]:
        """Upsert by (market, node, interval start); where a value changes keep the old one and return the change."""

    async def prices(
        self, market: Market, nodes: Sequence[str], start: datetime, end: datetime
    ) -> Sequence[StoredPrice]:
        """Return the newest version of each interval that begins in that time, by node and start."""

    async def corrections(self, market: Market, start: datetime, end: datetime) -> Sequence[Correction]:
        """Return the changes of intervals that begin in that time, oldest change first."""

    async def record_asked(
        self, market: Market, nodes: Sequence[str], start: datetime, end: datetime, at: datetime
    ) -> None:
        """Note that this time was asked for and answered, so that what is still missing is known not to exist."""

    async def price_gaps(
        self, market: Market, nodes: Sequence[str], start: datetime, end: datetime
    ) -> Sequence[tuple[datetime, datetime]]:
        """Return the stretches of the market's grid for which a node has neither a price nor a noted answer."""

    async def record_catalogue(self, kind: str, rows: Sequence[NodeInfo], at: datetime) -> None:
        """Replace the catalogue of that kind."""

    async def catalogue(self, kind: str) -> tuple[Sequence[NodeInfo], datetime | None]:
        """Return the catalogue of that kind and when it was fetched; empty and None when it never was."""
