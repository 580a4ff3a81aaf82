"""Locational marginal prices of one node: what was published, and which of it applies now.

Rule: ``published`` is the newest interval there is, ``active`` the one that contains now; a price that no longer
applies is never active, and a restart shows none until the ISO answered. Units: USD per MWh; a negative price is an
ordinary price. Interpretation: whether OASIS publishes an interval before or after it begins is not documented, so
both are right here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Market(StrEnum):
    """Which market run made a price: real-time 5 minutes, fifteen minutes, hour ahead, day ahead."""

    RTD = "rtd"
    FMM = "fmm"
    HASP = "hasp"
    DAM = "dam"


@dataclass(frozen=True, slots=True)
class Price:
    """One node's price of one interval; ``start`` and ``end`` are aware UTC. A component not given is None, never 0."""

    node: str
    market: Market
    start: datetime
    end: datetime
    lmp_usd_per_mwh: float
    energy_usd_per_mwh: float | None = None
    congestion_usd_per_mwh: float | None = None
    loss_usd_per_mwh: float | None = None
    ghg_usd_per_mwh: float | None = None


class FailedCheck(NamedTuple):
    """A row that was left out. ``text`` says why; ``node`` "" and ``start`` None: the row does not tell."""

    node: str
    text: str
    start: datetime | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """A price the ISO changed after it was stored: ``before`` is None where only the announcement is known."""

    before: Price | None
    after: Price
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class AffectedHour:
    """One line of the ISO's correction report: which trade hour of which market it changed. ``text`` is its reason."""

    market: Market
    start: datetime
    end: datetime
    text: str


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """One row of the ISO's catalogue of nodes. ``kind`` is PNODE, APNODE or RESOURCE (then ``node`` is its node)."""

    kind: str
    name: str
    node: str = ""
    start: datetime | None = None
    end: datetime | None = None
