"""A price service and a way to run a command against it, for the tests of the price commands."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from aiohttp import web
from click.testing import CliRunner, Result

from caiso_ads.cli import main
from caiso_ads.cli._oasis import with_clock
from caiso_ads.core.price import Market, NodeInfo, Price
from caiso_ads.wire.oasis.reports import CURRENT, HISTORY, Report
from caiso_ads.wire.oasis.writing import catalogue_zip
from tests.oasis.server import Asked, Authority, Service, body, prices, refusal, serving
from tests.price_fakes import NOW, HurriedClock, grid

LISTS = {
    "ATL_PNODE": [NodeInfo("PNODE", "MOSSLD_7_N001"), NodeInfo("PNODE", "A")],
    "ATL_APNODE": [NodeInfo("APNODE", "TH_NP15_GEN-APND"), NodeInfo("APNODE", "B")],
    "ATL_RESOURCE": [NodeInfo("RESOURCE", "PLANT_7_UNIT1", "MOSSLD_7_N001")],
}
KNOWN = {"A", "B", "TH_NP15_GEN-APND"}
REPORTS = {report.query: report for report in HISTORY.values()}


def value(node: str, market: Market, start: datetime, length: timedelta) -> Price:
    lmp = round(30.0 + start.hour + start.minute / 100, 5)
    return Price(node, market, start, start + length, lmp, lmp - 3.5, 2.25, 1.25, 0.0)


def iso(asked: Asked) -> web.Response:
    """Answer as the ISO would: a price of each interval begun, for the nodes it knows."""
    name = asked.get("queryname", "")
    if name in LISTS:
        kind = name.removeprefix("ATL_")
        return body(catalogue_zip(kind, LISTS[name])[1])
    nodes = [node for node in asked["node"].split(",") if node in KNOWN]
    if not nodes:
        return refusal(1000)
    if name == CURRENT.query:
        return prices(CURRENT, 2, [value(node, Market.RTD, NOW, timedelta(minutes=5)) for node in nodes], xml=True)
    return _history(REPORTS[name], asked, nodes)


def _history(report: Report, asked: Asked, nodes: Sequence[str]) -> web.Response:
    assert report.market
    start, end = (datetime.strptime(asked[f"{word}datetime"], "%Y%m%dT%H:%M%z") for word in ("start", "end"))
    length = timedelta(seconds=report.interval_s)
    starts = [at for at in grid(report.market, start, end) if at <= NOW]
    rows = [value(node, report.market, at, length) for node in nodes for at in starts]
    return prices(report, report.versions[0], rows) if rows else refusal(1000)


async def run(authority: Authority, folder: Path, *lines: str, script: object = iso) -> tuple[list[Result], Service]:
    """Run command lines one after the other; each keeps its cache and pace in the folder."""
    clock, results = HurriedClock(), []
    async with serving(authority, script) as service:  # type: ignore[arg-type]  # any callable does
        for line in lines:
            words = [*line.split(), "--url", service.url, "--ca-file", str(authority.ca_file)]
            environment = {name: str(folder) for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME")}
            results.append(
                await asyncio.to_thread(CliRunner(env=environment).invoke, main, words, obj=with_clock(clock))
            )
    return results, service
