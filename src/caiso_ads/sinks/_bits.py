"""The single bits that protocols with bits of their own give: what each one means, and whether it is set.

Rule: a bit says what a point says, never more; it travels with that point's quality. A place, once given, never moves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from caiso_ads.core.events import Notice
from caiso_ads.core.points import PointValue
from caiso_ads.core.quality import Directive, Quality, Reason

REASONS_AT, NOTICES_AT = 20, 60

Items = Mapping[str, PointValue]
Told = tuple[int, PointValue, bool]
"""A bit's place, the point it comes from, and whether it is set; without a value it is not."""


class Bit(NamedTuple):
    """One bit of a block: its place among the block's bits, name and meaning."""

    place: int
    key: str
    doc: str


GATEWAY_FLAGS: tuple[Bit, ...] = (
    Bit(0, "link_ok", "1 while link_age_s is good"),
    Bit(1, "store_ok", "1 when the store takes writes"),
    Bit(2, "clock_ok", "1 while our clock may rotate targets"),
)
RESOURCE_FLAGS: tuple[Bit, ...] = (
    Bit(0, "good", "1 while quality is GOOD and there is a setpoint"),
    Bit(1, "follow", "1 while the directive is FOLLOW"),
    Bit(2, "hold", "1 while the directive is HOLD"),
    Bit(3, "release", "1 while the directive is RELEASE"),
    Bit(4, "test", "1 while the directive is TEST"),
    Bit(5, "curtailed", "1 while a wind or solar resource must follow below its schedule"),
    *(Bit(REASONS_AT + r.bit_length() - 1, f"reason_{str(r.name).lower()}", "bit of reasons") for r in Reason if r),
    *(Bit(NOTICES_AT + n.bit_length() - 1, f"notice_{str(n.name).lower()}", "bit of notices") for n in Notice if n),
)
NODE_FLAGS: tuple[Bit, ...] = (
    Bit(0, "good", "1 while the active price is GOOD"),
    Bit(1, "published_good", "1 while the published price is GOOD"),
)
_ACTING = (Directive.FOLLOW, Directive.HOLD, Directive.RELEASE, Directive.TEST)


def gateway_states(items: Items) -> Iterator[Told]:
    """Yield the gateway's bits."""
    age = items["link_age_s"]
    yield 0, age, age.value is not None and age.quality is Quality.GOOD
    for place, key in ((1, "store_ok"), (2, "clock_ok")):
        yield place, items[key], items[key].value == 1


def resource_states(items: Items) -> Iterator[Told]:
    """Yield the bits of a resource."""
    quality, directive, curtailed = items["quality"], items["directive"], items["curtailed"]
    yield 0, quality, quality.value == Quality.GOOD and items["setpoint_mw"].value is not None
    for place, wanted in enumerate(_ACTING, start=1):
        yield place, directive, directive.value == wanted
    yield 5, curtailed, curtailed.value == 1
    for bit in RESOURCE_FLAGS[6:]:
        item, at = (items["reasons"], REASONS_AT) if bit.place < NOTICES_AT else (items["notices"], NOTICES_AT)
        word = item.value if isinstance(item.value, int) else 0
        yield bit.place, item, bool(word >> (bit.place - at) & 1)


def node_states(items: Items) -> Iterator[Told]:
    """Yield the bits of a pricing node."""
    for place, key in enumerate(("quality", "published_quality")):
        yield place, items[key], items[key].value == Quality.GOOD
