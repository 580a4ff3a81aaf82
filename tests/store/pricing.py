"""Answers of the price service for the tests of the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from caiso_ads.core.price import Market, Price
from caiso_ads.core.price_grid import LENGTHS
from caiso_ads.ports.prices import PriceAnswer
from tests.store.making import NOON

FIVE = timedelta(minutes=5)
DAY = timedelta(days=1)
NODES = ("NODE_A", "NODE_B")


def a_price(node: str = "NODE_A", n: int = 0, lmp: float = 30.12345, market: Market = Market.RTD) -> Price:
    """The n-th interval after noon, with all components."""
    start = NOON + n * LENGTHS[market]
    return Price(node, market, start, start + LENGTHS[market], lmp, lmp - 1.25, 1.0, 0.25, 0.0)


def a_bare_price(node: str = "NODE_A", n: int = 0, lmp: float = 30.12345) -> Price:
    """The same without components."""
    start = NOON + n * FIVE
    return Price(node, Market.RTD, start, start + FIVE, lmp)


def told(*prices: Price, at: datetime = NOON + DAY, request: str = "queryname=PRC_INTVL_LMP") -> PriceAnswer:
    return PriceAnswer(request, prices[0].market if prices else Market.RTD, 3, at, prices)


def an_hour(
    lmp: float = 30.0, *, nodes: Sequence[str] = NODES, at: datetime = NOON + DAY, count: int = 12
) -> PriceAnswer:
    return told(*(a_price(node, n, lmp + n) for node in nodes for n in range(count)), at=at)
