"""What is known of the prices of each node, and how an answer of the price service changes it. Pure.

Rule: what was read back from the store at start is not confirmed until the price service has answered for that node
in this process. The state keeps a horizon, not history: history is the store's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from caiso_ads.core.happenings import NodesUnknown, PricesFailed, PricesSeen
from caiso_ads.core.instant import Instant
from caiso_ads.core.price import FailedCheck, Market, Price
from caiso_ads.core.price_grid import LENGTHS

HORIZON = timedelta(hours=2)
"""How long a price stays after its interval ended; the newest one always stays."""
AHEAD = timedelta(hours=1)
"""How far ahead a 5-minute interval may begin. One that begins later is refused: it would stand as newest for ever."""
CLOCK_OFF_S = 30.0
"""How far our clock may be from the price service's (s): a tenth of an interval; more, and no price applies now."""


@dataclass(frozen=True, slots=True)
class NodeState:
    """The 5-minute prices of one node in order of time. ``answered`` is the last answer with a price, this process.

    ``refused``: a row of the newest interval, or of one that is not over, failed a check. ``unknown``: the ISO's catalogue does not list the node.
    """

    prices: tuple[Price, ...] = ()
    answered: Instant | None = None
    refused: bool = False
    unknown: bool = False

    @property
    def confirmed(self) -> bool:
        """Whether the price service has given a price of this node in this process."""
        return self.answered is not None

    @property
    def newest(self) -> Price | None:
        """The price whose interval begins last; None when there is none."""
        return self.prices[-1] if self.prices else None

    def at(self, when: datetime) -> Price | None:
        """Return the price of the interval that contains that instant."""
        return next((price for price in reversed(self.prices) if price.start <= when < price.end), None)


@dataclass(frozen=True, slots=True)
class PriceLink:
    """How the price service answers: requests that failed in a row, and the code of the last (see ``PricesFailed``).

    ``clock_off``: by its clock, ours cannot say which interval it is. The dispatch has its own witnesses of that.
    """

    failures: int = 0
    code: int = 0
    clock_off: bool = False


UNTRIED_LINK = PriceLink()


def fold_nodes(nodes: Mapping[str, NodeState], event: PricesSeen | PricesFailed | NodesUnknown) -> dict[str, NodeState]:
    """Return the nodes after the event; a price of a node that is not among them, or of another market, is left out."""
    if isinstance(event, PricesFailed):
        return dict(nodes)
    if isinstance(event, NodesUnknown):
        return {name: replace(node, unknown=name in event.nodes) for name, node in nodes.items()}
    latest = event.arrived.wall + AHEAD
    found: dict[str, list[Price]] = {}
    failed: dict[str, list[FailedCheck]] = {}
    for check in event.refused:
        failed.setdefault(check.node, []).append(check)
    for price in event.prices:
        if price.market is Market.RTD and price.start <= latest:
            found.setdefault(price.node, []).append(price)
        elif price.market is Market.RTD:
            failed.setdefault(price.node, []).append(FailedCheck(price.node, "too far ahead", price.start))
    return {name: _seen(node, found.get(name, []), event, failed.get(name, ())) for name, node in nodes.items()}


def fold_link(link: PriceLink, event: PricesSeen | PricesFailed | NodesUnknown) -> PriceLink:
    """Return how the price service answers after the event; only an answer of this process ends a failure."""
    if isinstance(event, PricesFailed):
        return PriceLink(link.failures + 1, event.code, link.clock_off)
    if not isinstance(event, PricesSeen) or event.restored:
        return link
    offset = event.clock_offset_s
    return PriceLink(clock_off=link.clock_off if offset is None else abs(offset) > CLOCK_OFF_S)


def _seen(node: NodeState, found: list[Price], event: PricesSeen, failed: Iterable[FailedCheck]) -> NodeState:
    confirmed = [*found, *(node.prices if node.confirmed else ())]
    newest = max((price.start for price in confirmed), default=None)
    refused = any(_spoils(check, newest, event.arrived.wall) for check in failed)
    if not found:
        return replace(node, refused=node.refused or refused)
    first, second = (found, node.prices) if event.restored else (node.prices, found)  # the store never beats an answer
    merged = {price.start: price for price in (*first, *second)}
    prices = _kept((merged[start] for start in sorted(merged)), event.arrived.wall - HORIZON)
    if event.restored:
        return replace(node, prices=prices)
    reaches = max(price.start for price in found) >= prices[-1].start
    return NodeState(prices, event.arrived, refused or (node.refused and not reaches), node.unknown)


def _spoils(check: FailedCheck, newest: datetime | None, now: datetime) -> bool:
    """Whether a row that was left out matters now: what is over, and older than a good price, does not."""
    if check.start is None or newest is None or check.start >= newest:
        return True
    return check.start + LENGTHS[Market.RTD] > now


def _kept(prices: Iterable[Price], cutoff: datetime) -> tuple[Price, ...]:
    ordered = tuple(prices)
    return tuple(price for price in ordered if price.end >= cutoff) or ordered[-1:]


def forgotten(nodes: Mapping[str, NodeState]) -> dict[str, NodeState]:
    """Return what a new process knows of the same: the prices, none of them confirmed."""
    return {name: NodeState(node.prices) for name, node in nodes.items()}
