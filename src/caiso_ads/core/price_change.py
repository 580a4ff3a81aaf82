"""What a later answer makes of a stored price: the same, completed, or corrected.

Rule: a part that an answer does not mention says nothing and leaves what is known; a part mentioned for the first time
completes the price and is no correction; any other difference is a correction, and then the whole price is that of the
new answer: a part it does not mention is None, because the old one belonged to the old price.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TypeAlias

from caiso_ads.core.price import Price

Values: TypeAlias = tuple[float | None, ...]
"""What was said of one interval: its length (s), then LMP, energy, congestion, loss and GHG (USD per MWh)."""


class Change(Enum):
    """What a later answer did to a price."""

    NONE = "none"
    COMPLETED = "completed"
    CORRECTED = "corrected"


def values_of(price: Price) -> Values:
    """Return what a price says, without which interval of which node it is of."""
    return (
        int((price.end - price.start).total_seconds()),
        price.lmp_usd_per_mwh,
        price.energy_usd_per_mwh,
        price.congestion_usd_per_mwh,
        price.loss_usd_per_mwh,
        price.ghg_usd_per_mwh,
    )


def merged(before: Values, told: Values) -> tuple[Change, Values]:
    """Return what a later answer does to the values, and the values that count from then on.

    Values are compared exactly: the same decimal text is the same number.
    """
    if before == told:
        return Change.NONE, before
    if any(old is not None and new is not None and old != new for old, new in zip(before, told, strict=True)):
        return Change.CORRECTED, told
    both = tuple(_known(before, told))
    return (Change.NONE if both == before else Change.COMPLETED), both


def _known(before: Values, told: Values) -> Sequence[float | None]:
    return [new if old is None else old for old, new in zip(before, told, strict=True)]
