from __future__ import annotations

import asyncio
import inspect
from datetime import date, timedelta
from pathlib import Path

import pytest

from caiso_ads.core.price import Market
from caiso_ads.errors import ConfigError
from caiso_ads.oasis.client import OasisClient
from caiso_ads.oasis.pacer import Pacer
from caiso_ads.oasis.sync import SyncOasisClient
from caiso_ads.wire.oasis.reports import HISTORY
from tests.oasis.server import Authority, prices, refusal, serving
from tests.price_fakes import NOW, HurriedClock, MemoryPriceStore, price


def make(url: str, authority: Authority, tmp_path: Path) -> SyncOasisClient:
    clock = HurriedClock()
    return SyncOasisClient(url, clock=clock, pacer=Pacer(tmp_path / "pace", clock), ssl_context=authority.client())


async def test_every_call_is_handed_over(authority: Authority, tmp_path: Path) -> None:
    rows = [price("A", NOW - timedelta(hours=3))]

    def work(url: str) -> None:
        with make(url, authority, tmp_path) as oasis:
            assert oasis.history(Market.RTD, ["A"], rows[0].start, rows[0].end).prices == tuple(rows)
            assert oasis.current(["A"]).prices == tuple(rows)
            store = MemoryPriceStore()
            assert oasis.fetch_history(store, Market.RTD, ["A"], rows[0].start, rows[0].end).prices == 1
            oasis.close()

    async with serving(authority, lambda _: prices(HISTORY[Market.RTD], 3, rows)) as service:
        await asyncio.to_thread(work, service.url)
    assert len(service.asked) == 4


async def test_what_is_none_is_none(authority: Authority, tmp_path: Path) -> None:
    def work(url: str) -> None:
        with make(url, authority, tmp_path) as oasis:
            assert list(oasis.affected_hours(date(2026, 7, 1))) == []
            assert list(oasis.catalogue("PNODE")) == []
            with pytest.raises(ConfigError):
                oasis.current([])

    async with serving(authority, lambda _: refusal(1000)) as service:
        await asyncio.to_thread(work, service.url)


def test_the_twin_has_every_call_of_the_client() -> None:
    calls = {name for name, _ in inspect.getmembers(OasisClient, inspect.isfunction) if not name.startswith("_")}
    assert calls - {name for name, _ in inspect.getmembers(SyncOasisClient, inspect.isfunction)} == set()
