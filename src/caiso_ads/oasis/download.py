"""History into the store, piece by piece, so that an interrupted download goes on where it stopped.

Rule: only what the store does not know is asked, and each answer is stored before the next request.

That nothing is there is noted only when it is final: an answer with prices of a node settles its time up to some hours
before now, one without settles what is more than a day old; one of which a part failed its checks settles nothing.
The store may believe later (``core.price_grid.PATIENCE``), never earlier.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from caiso_ads.core.price import Correction, Market
from caiso_ads.errors import OasisError
from caiso_ads.oasis import retry
from caiso_ads.oasis.plan import GROUPS, NODES_A_REQUEST, Ask, halves, requests
from caiso_ads.ports.prices import FailedCheck, PriceAnswer, PriceSource, PriceStore
from caiso_ads.wire.oasis.reports import Verdict

SETTLED = timedelta(hours=2)
"""How long after its begin an interval that others of the same answer have, and this one not, may still come."""
SETTLED_EMPTY = timedelta(days=1)
"""The same for a node of which an answer held nothing at all: the report may be held back."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far a download is. ``planned`` may grow when the service wants smaller requests."""

    done: int
    planned: int
    prices: int
    until: datetime | None = None


Progress = Callable[[Step], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a download did: requests made, prices stored, prices that had changed, and what checks left out."""

    requests: int = 0
    prices: int = 0
    corrections: tuple[Correction, ...] = ()
    failed_checks: tuple[FailedCheck, ...] = ()


def silent(_: Step) -> None:
    """Show nothing."""


async def fetch_history(
    source: PriceSource, store: PriceStore, market: Market, nodes: Sequence[str], start: datetime, end: datetime,
    progress: Progress = silent, *, nodes_a_request: int = NODES_A_REQUEST,
) -> Outcome:  # fmt: skip
    """Ask for what the store lacks of that time and keep it; may be cancelled and called again at any point.

    ``nodes`` may be ``plan.ALL``. Raises RemoteError and StoreError; what was answered before is stored.
    """
    waiting = await _missing(store, market, nodes, start, end, nodes_a_request)
    corrections: list[Correction] = []
    failed: list[FailedCheck] = []
    made = prices = 0
    progress(Step(0, len(waiting), 0))
    while waiting:
        ask = waiting.pop(0)
        try:
            answer = await source.history(market, ask.nodes, ask.start, ask.end)
        except OasisError as error:
            smaller = halves(ask, market) if retry.verdict(error) is Verdict.SPLIT else ()
            if not smaller:
                raise
            waiting[:0] = smaller
            continue
        finally:
            made += 1
        corrections += await store.record_prices(answer)
        await _settle(store, ask, answer)
        prices += len(answer.prices)
        failed += answer.failed_checks
        progress(Step(made, made + len(waiting), prices, ask.end))
    return Outcome(made, prices, tuple(corrections), tuple(failed))


async def _missing(
    store: PriceStore, market: Market, nodes: Sequence[str], start: datetime, end: datetime, nodes_a_request: int
) -> list[Ask]:
    whole = requests(market, nodes, start, end)
    if not whole:
        return []
    gaps = await store.price_gaps(market, nodes, whole[0].start, whole[-1].end)
    found = [ask for gap in gaps for ask in requests(market, nodes, *gap, nodes_a_request)]
    return list(dict.fromkeys(found))


async def _settle(store: PriceStore, ask: Ask, answer: PriceAnswer) -> None:
    if answer.failed_checks:
        return
    seen = set(ask.nodes) if ask.nodes in GROUPS and answer.prices else {price.node for price in answer.prices}
    for patience, nodes in (
        (SETTLED, [node for node in ask.nodes if node in seen]),
        (SETTLED_EMPTY, [node for node in ask.nodes if node not in seen]),
    ):
        end = min(ask.end, answer.received_at - patience)
        if nodes and end > ask.start:
            await store.record_asked(answer.market, nodes, ask.start, end, answer.received_at)
