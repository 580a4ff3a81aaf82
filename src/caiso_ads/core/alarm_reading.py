"""From what is published to the conditions of alarms that hold, in less than a millisecond for hundreds of resources.

Rule: an alarm is nothing that the plant cannot read as well: published bits and points are compared and no truth is
computed. What the points cannot tell (sinks, certificates, people) comes as ``Extra``. What is not known is None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from caiso_ads.core.alarm_catalogue import BY_KEY, CATALOGUE, TEST
from caiso_ads.core.alarm_kinds import AlarmKind, Ident, Scope
from caiso_ads.core.events import Notice
from caiso_ads.core.points import NODE_POINTS, RESOURCE_POINTS, PointValue, Snapshot, Value, values_of
from caiso_ads.core.quality import Quality, Reason

_PLACE = {point.key: place for place, point in enumerate(RESOURCE_POINTS)}
_REASONS, _NOTICES = _PLACE["reasons"], _PLACE["notices"]
_NODE_QUALITY = [point.key for point in NODE_POINTS].index("quality")
_GATEWAY_KEYS = ("store_ok", "clock_ok", "unacknowledged_batches", "price_failures")
"""The first two are good when they are not 0, the others when they are."""
_OF_RESOURCE = tuple(kind for kind in CATALOGUE if kind.scope is Scope.RESOURCE)
_COMMON = tuple(kind for kind in CATALOGUE if kind.scope is Scope.GATEWAY and kind.bit is not None)
_NUMBERS = tuple(sorted({kind.number for kind in _OF_RESOURCE if kind.number}))
_NUMBER_PLACES = tuple(_PLACE[number] for number in _NUMBERS)
_WATCHED = {
    side: sum({int(kind.bit) for kind in _OF_RESOURCE if isinstance(kind.bit, side)}) for side in (Reason, Notice)
}
_LINK = int(Reason.LINK_AGING | Reason.NOT_CONFIRMED)
_PRICELESS = frozenset({Quality.BAD_COMM, Quality.BAD_STALE, Quality.BAD_DATA, Quality.BAD_CONFIG})
_EXPIRIES = tuple((int(kind.key[12:-1]), kind.key) for kind in CATALOGUE if kind.scope is Scope.CERTIFICATE)

_Raw = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Extra:
    """What the points do not tell. ``sinks``: whether each is required, and serves (None: it is only starting).

    ``certificates``: whole days left of each of ours. ``role_refused``: the ISO does not let it answer, None while it was not asked. ``guessing``: passwords
    are guessed. ``closing``: UIDs of hourly instructions that close soon unanswered. ``testing``: a test alarm is wanted.
    """

    sinks: Mapping[str, tuple[bool, bool | None]] = field(default_factory=dict)
    certificates: Mapping[str, int] = field(default_factory=dict)
    role_refused: bool | None = False
    guessing: bool = False
    closing: frozenset[str] = frozenset()
    testing: bool = False


NOTHING_ELSE = Extra()


class Reading:
    """Which conditions hold by one snapshot. The same object stands for the next as long as nothing changes."""

    __slots__ = ("_rows", "_unknown", "blind", "holding", "raw")

    def __init__(
        self, raw: object, rows: Mapping[str, _Raw], holding: Mapping[Ident, None], unknown: frozenset[Ident], *,
        blind: bool,
    ) -> None:  # fmt: skip
        self.raw, self._rows, self.holding, self._unknown, self.blind = raw, rows, holding, unknown, blind

    def holds(self, ident: Ident) -> bool | None:
        """Whether the condition of an alarm holds; None where that cannot be said."""
        if ident in self.holding:
            return True
        kind = BY_KEY[ident.key]
        if kind.scope is Scope.RESOURCE:
            return None if self.blind or self._lacks(kind, ident.subject) else False
        return None if ident in self._unknown else False

    def _lacks(self, kind: AlarmKind, resource_id: str) -> bool:
        row = self._rows.get(resource_id)
        return row is not None and bool(kind.number) and row[2 + _NUMBERS.index(kind.number)] is True


def read(shot: Snapshot, extra: Extra, before: Reading | None = None) -> Reading:
    """Return what holds by a snapshot; ``before`` itself where nothing that matters here is different."""
    rows = [_raw(values_of(row)) for row in shot.resources.values()]
    gateway = tuple([_some(shot.gateway_value(key).value) for key in _GATEWAY_KEYS])
    nodes = tuple([row[_NODE_QUALITY].value for row in shot.nodes.values()])
    raw = (rows, gateway, nodes, extra)
    if before is not None and before.raw == raw:
        return before
    by_resource = dict(zip(shot.resources, rows, strict=True))
    first = rows[0][0] if rows else None
    bits = int(first) if isinstance(first, int) else None
    blind = bits is None or bool(bits & int(Reason.NOT_CONFIRMED))
    found: dict[Ident, bool | None] = dict(_of_gateway(bits, gateway, blind=blind))
    found.update(_of_extra(extra))
    found.update(zip([Ident("price_stale", node) for node in shot.nodes], map(_priceless, nodes), strict=True))
    holding = {ident: None for ident, holds in found.items() if holds}
    if not blind:
        holding |= dict.fromkeys(_of_resources(by_resource))
    unknown = frozenset(ident for ident, holds in found.items() if holds is None)
    return Reading(raw, by_resource, holding, unknown, blind=blind)


def _raw(values: Sequence[Value]) -> _Raw:
    """Return what decides about a resource's alarms: both sets of bits, and which numbers are not known."""
    return (values[_REASONS], values[_NOTICES], *[values[place] is None for place in _NUMBER_PLACES])


def _of_gateway(
    bits: int | None, gateway: tuple[bool | None, ...], *, blind: bool
) -> Iterator[tuple[Ident, bool | None]]:
    store_ok, clock_ok, unacknowledged, failures = gateway
    yield Ident("store"), None if store_ok is None else not store_ok
    yield Ident("clock"), None if clock_ok is None else not clock_ok
    yield Ident("receipts"), unacknowledged
    yield Ident("price_failing"), failures
    yield Ident("link"), None if bits is None else bool(bits & _LINK)
    for kind in _COMMON:
        known = bits is not None and not (blind and kind.bit is Reason.MARKET_SILENT)
        yield Ident(kind.key), bool((bits or 0) & int(kind.bit or 0)) if known else None


def _of_extra(extra: Extra) -> Iterator[tuple[Ident, bool | None]]:
    yield Ident("role"), extra.role_refused
    yield Ident("login"), extra.guessing
    yield Ident(TEST), extra.testing
    for uid in extra.closing:
        yield Ident("hourly_closes", uid), True
    for name, (required, serves) in extra.sinks.items():
        yield Ident("sink_required_failed" if required else "sink_failed", name), None if serves is None else not serves
    for name, days in extra.certificates.items():
        for limit, key in _EXPIRIES:
            yield Ident(key, name), days <= limit


def _of_resources(rows: Mapping[str, _Raw]) -> Iterator[Ident]:
    for resource_id, row in rows.items():
        # An enum's own & is slow, and most resources have nothing to say most of the time.
        sides = {Reason: _bits(row[0]) & _WATCHED[Reason], Notice: _bits(row[1]) & _WATCHED[Notice]}
        if not any(sides.values()):
            continue
        for kind in _OF_RESOURCE:
            lacks = bool(kind.number) and row[2 + _NUMBERS.index(kind.number)]
            if not lacks and sides[type(kind.bit)] & int(kind.bit or 0):  # type: ignore[index]  # each has a bit
                yield Ident(kind.key, resource_id)


def _bits(value: Value) -> int:
    return int(value) if isinstance(value, int) else 0


def _some(count: Value) -> bool | None:
    return None if not isinstance(count, int) else count > 0


def _priceless(quality: Value) -> bool | None:
    if quality is None or quality in (Quality.INIT, Quality.SHUTDOWN):
        return None
    return quality in _PRICELESS


def words(kind: AlarmKind, subject: str, shot: Snapshot, *, begins: bool) -> str:
    """Return the text of an alarm that begins or is over, with the numbers of this snapshot."""
    text = kind.begins if begins else kind.over
    row = shot.resources.get(subject) if kind.scope is Scope.RESOURCE else None
    return text.format_map({"subject": subject, **_numbers(row)})


def _numbers(row: Sequence[PointValue] | None) -> dict[str, str]:
    values: Sequence[Value] = (None,) * len(_PLACE) if row is None else values_of(row)
    number = {key: values[place] for key, place in _PLACE.items()}
    dop, ahead = number["dop_mw"], number["ramp_minus_dop_mw"]
    known = isinstance(dop, (int, float)) and isinstance(ahead, (int, float))
    ramp = dop + ahead if known else None  # type: ignore[operator]  # both are numbers then
    return {key: _text(value) for key, value in {**number, "ramp_mw": ramp}.items()}


def _text(value: float | datetime | None) -> str:
    if value is None:
        return "(not known)"
    return f"{value:.1f}" if isinstance(value, float) else str(value)
