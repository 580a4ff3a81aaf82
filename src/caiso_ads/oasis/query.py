"""One request as text: which report, which version, which parameters. Pure.

Rule: the text is what is sent and what is stored beside the prices, so it is exact. Spec: OASIS 5.1.8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote, urlencode, urlsplit

from caiso_ads.errors import ConfigError
from caiso_ads.oasis.plan import GROUPS
from caiso_ads.wire.oasis.reports import Report

DEFAULT_URL = "https://oasis.caiso.com/oasisapi"
CSV = "6"
"""``resultformat``; without it the service answers XML."""
_LONGEST_NODE = 100
CATALOGUE_PARAMETERS: Mapping[str, Mapping[str, str]] = {
    "PNODE": {"Pnode_type": "ALL"},
    "APNODE": {"APnode_type": "ALL"},
    "RESOURCE": {"resource_id": "ALL", "agge_type": "ALL", "resource_type": "ALL"},
}


def checked_url(url: str) -> str:
    """Return the address without a slash at its end; raises ConfigError when it is not https."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError(f"{url!r} is no https address", table="oasis", key="url", cure=f"write {DEFAULT_URL}")
    if parts.username or parts.password:
        raise ConfigError("holds a user name or password", table="oasis", key="url", cure="OASIS asks for none")
    return url.rstrip("/")


def checked_nodes(nodes: Sequence[str]) -> tuple[str, ...]:
    """Return the nodes, each once; raises ConfigError for none, and for what cannot be the name of one."""
    if not nodes:
        raise ConfigError("no node is named", cure="find one with: caiso-ads nodes find TEXT")
    for node in nodes:
        if not 0 < len(node) <= _LONGEST_NODE or not node.isascii() or not node.isprintable() or set(node) & set(", "):
            raise ConfigError(f"{node[:_LONGEST_NODE]!r} is no node", cure="find it with: caiso-ads nodes find TEXT")
    return tuple(dict.fromkeys(nodes))


def stamp(at: datetime) -> str:
    """Return a time as the service writes it, in UTC, to the minute."""
    return at.astimezone(UTC).strftime("%Y%m%dT%H:%M-0000")


def query(report: Report, version: int, start: datetime, end: datetime | None, **parameters: str) -> str:
    """Return path and query of one request, to stand behind the address; empty parameters are left out."""
    path, name = ("GroupZip", "groupid") if report.group else ("SingleZip", "queryname")
    given = {name: report.query, "market_run_id": report.run, **parameters}
    given |= {"startdatetime": stamp(start), "enddatetime": stamp(end) if end else "", "version": str(version)}
    return f"{path}?{urlencode({key: value for key, value in given.items() if value}, safe=',:', quote_via=quote)}"


def of_nodes(nodes: tuple[str, ...]) -> dict[str, str]:
    """Return the parameter that names these nodes, or all."""
    return {"grp_type": nodes[0]} if nodes in GROUPS else {"node": ",".join(nodes)}
