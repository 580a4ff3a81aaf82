"""From the prices known and the time to what the plant reads of each node. Pure; every time is an argument.

Rule: ``active`` is the price of the interval that contains now and of no other; where that cannot be said (none is
known, none confirmed since start, our clock is not to be trusted) there is no active price at all. The quality of a
price never improves by time passing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import NamedTuple

from caiso_ads.core.instant import Instant
from caiso_ads.core.points import NODE_POINTS, PointValue
from caiso_ads.core.price import Price
from caiso_ads.core.price_state import NodeState
from caiso_ads.core.quality import Quality
from caiso_ads.core.setpoint import choose, standing
from caiso_ads.core.state import State


@dataclass(frozen=True, slots=True)
class PriceLimits:
    """``late_s``: how long after the end of the newest interval a price is only late (s). After that it is stale."""

    late_s: float = 600.0


DEFAULT_PRICE_LIMITS = PriceLimits()
"""Two intervals: the ISO's own posting may be one late without anything being wrong."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What holds for every node: whether requests fail, whether our clock can be trusted, whether we are stopping."""

    failing: bool = False
    clock_ok: bool = True
    stopping: bool = False


FINE = Conditions()

_PARTS = {
    "lmp_usd_per_mwh": "lmp_usd_per_mwh",
    "start": "start_time",
    "energy_usd_per_mwh": "energy_usd_per_mwh",
    "congestion_usd_per_mwh": "congestion_usd_per_mwh",
    "loss_usd_per_mwh": "loss_usd_per_mwh",
    "ghg_usd_per_mwh": "ghg_usd_per_mwh",
}
_PARTS_OF = attrgetter(*_PARTS)
"""The fields of a price, and the end of the point's key each one has."""


class PriceView(NamedTuple):
    """One node at one time. ``age_s`` is the time since the published interval ended; 0 before that."""

    active: Price | None
    quality: Quality
    published: Price | None
    published_quality: Quality
    age_s: float | None


def view(
    node: NodeState, when: datetime, conditions: Conditions = FINE, limits: PriceLimits = DEFAULT_PRICE_LIMITS
) -> PriceView:
    """Return what is published of one node at that time."""
    newest, covering = node.newest, node.at(when)
    age = None if newest is None else max(0.0, (when - newest.end).total_seconds())
    spoiled = _spoiled(node, conditions)
    if spoiled is not None:
        held = covering if spoiled is Quality.BAD_DATA else None
        return PriceView(held, spoiled, newest, spoiled, age)
    ended = max((price.end for price in node.prices if price.end <= when), default=None)
    quality = Quality.GOOD if covering is not None else _aged(ended, when, conditions, limits)
    lasts = newest is not None and when < newest.end
    published = Quality.GOOD if lasts else _aged(ended, when, conditions, limits)
    return PriceView(covering, quality, newest, published, age)


def _spoiled(node: NodeState, conditions: Conditions) -> Quality | None:
    """Return the quality where no price of the node can be good, whatever the time is."""
    if conditions.stopping:
        return Quality.SHUTDOWN
    if not node.confirmed:
        return Quality.BAD_CONFIG if node.unknown else _unconfirmed(conditions)
    if not conditions.clock_ok:
        return Quality.BAD_STALE
    return Quality.BAD_DATA if node.refused else None


def _unconfirmed(conditions: Conditions) -> Quality:
    return Quality.BAD_COMM if conditions.failing else Quality.INIT


def _aged(ended: datetime | None, when: datetime, conditions: Conditions, limits: PriceLimits) -> Quality:
    """Return late or stale, by the time since the last interval ended."""
    if ended is not None and (when - ended).total_seconds() < limits.late_s:
        return Quality.UNCERTAIN
    return Quality.BAD_COMM if conditions.failing else Quality.BAD_STALE


# --- as points -----------------------------------------------------------------------------------------------------


def node_values(
    state: State, now: Instant, when: float, limits: PriceLimits = DEFAULT_PRICE_LIMITS
) -> dict[str, tuple[PointValue, ...]]:
    """Return the points of every node, parallel to NODE_POINTS; ``when`` is the unix time intervals are read at."""
    if not state.prices:
        return {}
    conditions = _conditions(state)
    at = _instant(when)
    return {
        name: _points(node, view(node, at, conditions, limits), now, stopping=state.stopping)
        for name, node in state.prices.items()
    }


def _conditions(state: State) -> Conditions:
    link = state.price_link
    return Conditions(link.failures > 0, state.clock.ok and not link.clock_off, state.stopping)


def _points(node: NodeState, shown: PriceView, now: Instant, *, stopping: bool) -> tuple[PointValue, ...]:
    ours = Quality.SHUTDOWN if stopping else Quality.GOOD
    source = None if node.answered is None else node.answered.wall
    answer_age = None if node.answered is None else max(0.0, now.mono - node.answered.mono)
    facts = {
        "quality": PointValue(shown.quality, ours, now.wall),
        "published_quality": PointValue(shown.published_quality, ours, now.wall),
        "price_age_s": PointValue(shown.age_s, ours, now.wall),
        "answer_age_s": PointValue(answer_age, ours, now.wall),
    }
    facts |= _price_points("active", shown.active, shown.quality, source)
    facts |= _price_points("published", shown.published, shown.published_quality, source)
    return tuple(facts[point.key] for point in NODE_POINTS)


def _price_points(which: str, price: Price | None, quality: Quality, source: datetime | None) -> dict[str, PointValue]:
    values = (None,) * len(_PARTS) if price is None else _PARTS_OF(price)
    return {
        f"{which}_{key}": PointValue(value, quality, source) for key, value in zip(_PARTS.values(), values, strict=True)
    }


def link_values(state: State) -> dict[str, int]:
    """Return the gateway's own points about prices."""
    link = state.price_link
    return {"price_nodes": len(state.nodes), "price_failures": link.failures, "price_error": link.code}


def dot_prices(state: State, when: float) -> dict[str, PointValue]:
    """Return, for each resource with a node, the LMP (USD/MWh) of the interval its active target's time lies in.

    The interval is over before long, its price is not: it stays good while it is confirmed. Interpretation: a target
    lies in the middle of its interval, so the interval that contains it is the one it was computed with.
    """
    if not state.prices:
        return {}
    conditions = _conditions(state)
    found = {}
    for resource_id, resource in state.configured.items():
        node = state.prices.get(resource.node)
        if node is not None:
            known = state.resources[resource_id]
            target = choose(standing(known.targets, known.withdrawn), when).active
            found[resource_id] = _price_of(node, None if target is None else target.target, conditions)
    return found


def _price_of(node: NodeState, target: float | None, conditions: Conditions) -> PointValue:
    spoiled = _spoiled(node, conditions)
    price = None if target is None or spoiled not in {None, Quality.BAD_DATA} else node.at(_instant(target))
    source = None if node.answered is None else node.answered.wall
    missing = Quality.BAD_COMM if conditions.failing else Quality.BAD_STALE
    if price is None:
        return PointValue(None, missing if spoiled is None else spoiled, source)
    return PointValue(price.lmp_usd_per_mwh, Quality.GOOD if spoiled is None else spoiled, source)


def _instant(unix_seconds: float) -> datetime:
    return datetime.fromtimestamp(unix_seconds, UTC)
