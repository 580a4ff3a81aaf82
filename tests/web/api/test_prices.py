"""Prices in order of time and in pages; a component that was not given stays null."""

from __future__ import annotations

from tests.web.api.test_instructions import all_pages
from tests.web.filling import NODE
from tests.web.rig import told

SPAN = "start=2026-07-01T11:00:00Z&end=2026-07-01T13:00:00Z"


async def test_they_come_in_order_each_once_whatever_the_pages(base: str) -> None:
    whole = (await told(base, f"/api/v1/prices?node={NODE}&{SPAN}"))["items"]
    assert len(whole) == 12
    assert [one["lmp_usd_per_mwh"] for one in whole[-2:]] == [31.5, 30.5]
    assert {one["loss_usd_per_mwh"] for one in whole} == {None}
    assert await all_pages(base, f"/api/v1/prices?node={NODE}&{SPAN}&", 5) == whole


async def test_a_node_or_market_without_prices_is_an_empty_list(base: str) -> None:
    for query in ("node=NOBODY", f"node={NODE}&market=dam"):
        assert await told(base, f"/api/v1/prices?{query}&{SPAN}") == {"items": [], "next": None}
    assert (await told(base, f"/api/v1/prices?node={NODE}&market=tomorrow&{SPAN}", 400))["field"] == "market"
