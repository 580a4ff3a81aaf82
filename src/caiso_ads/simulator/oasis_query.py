"""From the parameters of a request to what is asked, or to the error code the price service gives for it.

Rule: checks run in one order, so that a request with two mistakes always gets the same code. Spec: OASIS 5.1.8, error
codes and notes. Interpretation: which mistake has which code where the specification names none, and that the 31 days
are calendar days of UTC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from caiso_ads.core.price import Market
from caiso_ads.simulator.switches import Switches
from caiso_ads.wire.oasis.reports import CATALOGUES, CORRECTIONS, CURRENT, HISTORY, Report
from caiso_ads.wire.oasis.writing import Form

ALL, ALL_APNODES = "ALL", "ALL_APNODES"
SINGLE = {report.query: report for report in (CURRENT, *HISTORY.values(), *CATALOGUES.values())}
GROUPS = {
    "CURR_LMP_GRP": CURRENT,
    "RTM_LMP_GRP": HISTORY[Market.RTD],
    "RTPD_LMP_GRP": HISTORY[Market.FMM],
    "HASP_LMP_GRP": HISTORY[Market.HASP],
    "DAM_LMP_GRP": HISTORY[Market.DAM],
    CORRECTIONS.query: CORRECTIONS,
}
"""Reports by the name that asks for them."""
_LONGEST_DAYS = 31
_HOUR = timedelta(hours=1)
_DATETIME = re.compile(r"\d{8}T\d{2}:\d{2}-\d{4}", re.ASCII)


class RefusedError(Exception):
    """The request gets an INVALID_REQUEST with that code; ``text`` empty for the code's own words."""

    def __init__(self, code: int, text: str = "") -> None:
        self.code, self.text = code, text
        super().__init__(f"{code} {text}")


class NoSuchPageError(Exception):
    """The request gets a plain 404, as a report with another market's run does."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked. ``nodes`` empty where ``everything`` is ALL or ALL_APNODES, and for reports without nodes."""

    report: Report
    version: int
    form: Form
    start: datetime
    end: datetime
    nodes: tuple[str, ...] = ()
    everything: str = ""
    group: bool = False


def name_of(page: str, query: Mapping[str, str]) -> str:
    """Return which report a request names, for faults and the ledger; empty for none that is known."""
    name = query.get("queryname" if page == "SingleZip" else "groupid", "")
    return name if name in (SINGLE if page == "SingleZip" else GROUPS) else ""


def read(page: str, query: Mapping[str, str], switches: Switches) -> Ask:
    """Read a request to SingleZip or GroupZip; raises RefusedError or NoSuchPageError."""
    group = page == "GroupZip"
    key = "groupid" if group else "queryname"
    if not query.get(key):
        raise RefusedError(1011)
    report = (GROUPS if group else SINGLE).get(query[key])
    if report is None:
        raise RefusedError(1016 if group else 1005)
    version = _version(query, report)
    if query.get("market_term") == ALL:
        raise RefusedError(1019)
    start, end = _times(query, report, group=group)
    _check_run(query, report, group=group)
    nodes, everything = _nodes(query, report, switches, group=group)
    form: Form = "csv" if query.get("resultformat") == "6" else "xml"
    return Ask(report, version, form, start, end, nodes, everything, group)


def _version(query: Mapping[str, str], report: Report) -> int:
    text = query.get("version", "")
    if text not in map(str, report.versions):
        raise RefusedError(1020)
    return int(text)


def _times(query: Mapping[str, str], report: Report, *, group: bool) -> tuple[datetime, datetime]:
    if "startdatetime" not in query or ("enddatetime" not in query and not group):
        raise RefusedError(1011)
    start = _time(query["startdatetime"])
    end = _time(query["enddatetime"]) if "enddatetime" in query else start
    if report is CURRENT or not report.interval_s:
        return start, end
    if end < start or (end == start and not group):
        raise RefusedError(1002, "enddatetime is not after startdatetime")
    if not group and (end - timedelta(microseconds=1)).date() - start.date() >= timedelta(days=_LONGEST_DAYS):
        raise RefusedError(1004)
    if group and report.all_nodes_s == _HOUR.seconds and end - start > _HOUR:
        raise RefusedError(1018)
    return start, end


def _time(text: str) -> datetime:
    if not _DATETIME.fullmatch(text):
        raise RefusedError(1002)
    try:
        at = datetime.strptime(text[:14], "%Y%m%dT%H:%M")  # noqa: DTZ007 - the offset follows
        hours, minutes = int(text[15:17]), int(text[17:])
        return (at + timedelta(hours=hours, minutes=minutes)).replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise RefusedError(1002) from error


def _check_run(query: Mapping[str, str], report: Report, *, group: bool) -> None:
    if group or not report.run:
        return
    run = query.get("market_run_id")
    if run is None:
        raise RefusedError(1001, "market_run_id is missing")
    if run != report.run:
        raise NoSuchPageError(f"{report.query} has no run {run}")


def _nodes(query: Mapping[str, str], report: Report, switches: Switches, *, group: bool) -> tuple[tuple[str, ...], str]:
    if report.market is None:
        return (), ""
    if group:
        return (), ALL
    names, kind = query.get("node", ""), query.get("grp_type", "")
    if names == ALL:
        names, kind = "", kind or ALL
    if bool(names) == bool(kind) or kind not in {"", ALL, ALL_APNODES}:
        raise RefusedError(1001, "give either node or grp_type=ALL or ALL_APNODES")
    nodes = tuple(dict.fromkeys(name for name in names.split(",") if name))
    if len(nodes) > switches.node_limit:
        raise RefusedError(1017)
    return nodes, kind
