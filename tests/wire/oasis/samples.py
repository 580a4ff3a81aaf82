"""The samples, and answers made of pieces by hand: what the tests of this folder read."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from caiso_ads.core.price import Market, Price

PAYLOADS = Path(__file__).parents[2] / "payloads" / "oasis"
REAL = "20200101_20200101_PRC_LMP_DAM_20200630_22_50_44_v1_csv.zip"
MADE_AT = datetime(2026, 7, 21, 10, tzinfo=UTC)
START = datetime(2026, 7, 20, 7, tzinfo=UTC)
NODE = "LAPLMG1_7_B2"
HUB = "TH_SP15_GEN-APND"

HEADER = (
    "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,OPR_DT,OPR_HR,NODE_ID_XML,NODE_ID,NODE,MARKET_RUN_ID,LMP_TYPE,"
    "XML_DATA_ITEM,PNODE_RESMRID,GRP_TYPE,POS,VALUE,OPR_INTERVAL,GROUP"
)


def sample(name: str) -> bytes:
    return (PAYLOADS / name).read_bytes()


def members_of(body: bytes) -> dict[str, str]:
    """The members by name, read without our reader."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def zipped(*members: tuple[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def line(value: str = "1.5", kind: str = "LMP", node: str = NODE, minute: int = 0, run: str = "RTM") -> str:
    """One line under HEADER."""
    start = START + timedelta(minutes=minute)
    end = start + timedelta(minutes=5)
    times = f"{start:%Y-%m-%dT%H:%M:%S}-00:00,{end:%Y-%m-%dT%H:%M:%S}-00:00,2026-07-20,01"
    return f"{times},{node},{node},{node},{run},{kind},X,{node},ALL,0,{value},1,1"


def csv_zip(*lines: str, header: str = HEADER, name: str = "a.csv") -> bytes:
    return zipped((name, "\n".join([header, *lines]) + "\n"))


def price(
    parts: tuple[float, float, float, float | None] = (40.0, -1.5, 0.25, 0.0),
    *,
    node: str = NODE,
    market: Market = Market.RTD,
    start: datetime = START,
    minutes: int = 5,
) -> Price:
    """A price whose components add up: energy, congestion, loss, GHG."""
    lmp = round(sum(part or 0.0 for part in parts), 5)
    return Price(node, market, start, start + timedelta(minutes=minutes), lmp, *parts)


def day_of_prices(market: Market, starts: Iterable[datetime], minutes: int, ghg: float | None) -> list[Price]:
    return [
        price((30.0 + at / 8, 0.5, -0.125, ghg), market=market, start=start, minutes=minutes)
        for at, start in enumerate(starts)
    ]
