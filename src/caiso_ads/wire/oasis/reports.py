"""One table of the reports and one of the error codes: client, planner, reader and simulator derive from these.

Rule: a fact of the interface stands here once. Spec: OASIS 5.1.8 (reports, error codes); version numbers and column
names are third-party observations, since the specification leaves them open.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from caiso_ads.core.price import Market

PRICE_COLUMNS = ("VALUE", "MW", "PRC", "LMP_PRC")
"""The names under which a CSV may carry the price."""

DATA_ITEMS = {
    "LMP_PRC": "LMP", "LMP_ENE_PRC": "MCE", "LMP_CONG_PRC": "MCC", "LMP_LOSS_PRC": "MCL", "LMP_GHG_PRC": "MGHG",
}  # fmt: skip
"""DATA_ITEM of the XML, XML_DATA_ITEM of the CSV -> LMP_TYPE."""


@dataclass(frozen=True, slots=True)
class Report:
    """One report; ``versions`` newest first, the next is tried where one is refused (1020).

    ``interval_s`` is the length of its intervals (s); ``all_nodes_s`` is how much time (s) one request for all nodes
    returns, whatever end it asks for.
    """

    query: str
    run: str = ""
    versions: tuple[int, ...] = (1,)
    market: Market | None = None
    interval_s: int = 0
    all_nodes_s: int = 0
    group: bool = False


CURRENT = Report("PRC_CURR_LMP", versions=(2, 1), market=Market.RTD, interval_s=300)
HISTORY = {
    Market.RTD: Report("PRC_INTVL_LMP", "RTM", (3, 2, 1), Market.RTD, 300, 3600),
    Market.FMM: Report("PRC_RTPD_LMP", "RTPD", (3, 2, 1), Market.FMM, 900, 3600),
    Market.HASP: Report("PRC_HASP_LMP", "HASP", (3, 2, 1), Market.HASP, 900, 3600),
    Market.DAM: Report("PRC_LMP", "DAM", (12, 1), Market.DAM, 3600, 86400),
}
CORRECTIONS = Report("PRC_CORR_GRP", group=True)
CATALOGUES = {
    "PNODE": Report("ATL_PNODE"),
    "APNODE": Report("ATL_APNODE"),
    "RESOURCE": Report("ATL_RESOURCE"),
}
"""Reference reports by the kind of their rows."""


class Verdict(StrEnum):
    """What an error code means for the one who asked."""

    EMPTY = "empty"  # there is no data; not a failure
    RETRY = "retry"  # the same request may succeed later
    SPLIT = "split"  # ask for less at a time
    PERMANENT = "permanent"  # asking again would not help


ERROR_CODES: dict[int, tuple[Verdict, str]] = {
    1000: (Verdict.EMPTY, "no data for this selection"),
    1001: (Verdict.PERMANENT, "invalid parameters"),
    1002: (Verdict.PERMANENT, "invalid date or time"),
    1003: (Verdict.RETRY, "the query timed out"),
    1004: (Verdict.SPLIT, "more than 31 days"),
    1005: (Verdict.PERMANENT, "no such report"),
    1006: (Verdict.RETRY, "the answer could not be transformed"),
    1007: (Verdict.RETRY, "a file is missing"),
    1008: (Verdict.SPLIT, "the server ran out of memory"),
    1009: (Verdict.RETRY, "the server could not read or write"),
    1010: (Verdict.RETRY, "system error"),
    1011: (Verdict.PERMANENT, "empty query"),
    1012: (Verdict.RETRY, "the server's connection was refused"),
    1013: (Verdict.RETRY, "resources are unavailable"),
    1014: (Verdict.PERMANENT, "the start is too early"),
    1015: (Verdict.RETRY, "the group file is being made"),
    1016: (Verdict.PERMANENT, "no such group"),
    1017: (Verdict.SPLIT, "more than 10 nodes"),
    1018: (Verdict.PERMANENT, "several hours are not allowed"),
    1019: (Verdict.PERMANENT, "market term ALL is not allowed"),
    1020: (Verdict.PERMANENT, "version missing or invalid"),
}
"""Spec: OASIS 5.1.8, error codes. A code that is not here is retried: it may be new, and nothing is lost by asking."""
