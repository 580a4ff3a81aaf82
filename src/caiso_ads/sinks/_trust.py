"""What is still true of a snapshot when the control loop has stopped: every sink that serves on shows this instead.

Rule: the values stay, but nothing is good, nothing is to be followed and no price is the active one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from caiso_ads.core.points import NODE_POINTS, RESOURCE_POINTS, PointValue, Snapshot
from caiso_ads.core.quality import Directive, Quality, Reason
from caiso_ads.ports import Feed

Value = float | int | datetime

_RESOURCE = {point.key: index for index, point in enumerate(RESOURCE_POINTS)}
_NODE = {point.key: index for index, point in enumerate(NODE_POINTS)}
_NODE_QUALITIES = ("quality", "published_quality")


def without_trust(snapshot: Snapshot) -> Snapshot:
    """Return what is still true when no newer snapshot comes: the values, but nothing good and nothing to follow.

    Interpretation: the control loop publishes each second (reliability promise Q5); silence means that it has
    stopped, and then its last word "good" is worth nothing.
    """
    return replace(
        snapshot,
        gateway=tuple(map(_distrust, snapshot.gateway)),
        resources={key: _distrust_resource(items) for key, items in snapshot.resources.items()},
        nodes={key: _distrust_node(items) for key, items in snapshot.nodes.items()},
        dot_prices={key: _distrust(item) for key, item in snapshot.dot_prices.items()},
    )


def believed(feed: Feed, limit_s: float) -> Snapshot:
    """Return the newest snapshot for a sink that starts; without trust where the loop has been silent too long (s)."""
    return without_trust(feed.latest) if feed.silent(limit_s) else feed.latest


_TRUSTED = (Quality.GOOD, Quality.UNCERTAIN, Quality.FORCED)  # nobody ends an override whose time is over, either
_ACTING = (Directive.FOLLOW, Directive.RELEASE, Directive.TEST)


def _distrust(item: PointValue) -> PointValue:
    return item._replace(quality=Quality.BAD_COMM) if item.quality in _TRUSTED else item


def _distrust_resource(items: Sequence[PointValue]) -> tuple[PointValue, ...]:
    changed = [_distrust(item) for item in items]
    word: Mapping[str, Value | None] = {key: items[_RESOURCE[key]].value for key in ("quality", "directive", "reasons")}
    if word["quality"] in _TRUSTED:
        changed[_RESOURCE["quality"]] = PointValue(Quality.BAD_COMM, Quality.BAD_COMM)
    if word["directive"] in _ACTING:
        reasons = word["reasons"] if isinstance(word["reasons"], int) else 0
        changed[_RESOURCE["directive"]] = PointValue(Directive.HOLD, Quality.BAD_COMM)
        changed[_RESOURCE["reasons"]] = PointValue(reasons | Reason.ADS_UNREACHABLE, Quality.BAD_COMM)
    return tuple(changed)


def _distrust_node(items: Sequence[PointValue]) -> tuple[PointValue, ...]:
    """Nothing is active any more: nobody looks whether its interval has ended."""
    changed = [
        _distrust(item)._replace(value=None) if point.key.startswith("active_") else _distrust(item)
        for point, item in zip(NODE_POINTS, items, strict=True)
    ]
    for key in _NODE_QUALITIES:
        if items[_NODE[key]].value in _TRUSTED:
            changed[_NODE[key]] = PointValue(Quality.BAD_COMM, Quality.BAD_COMM)
    return tuple(changed)
