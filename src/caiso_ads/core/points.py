"""The point catalogue: each number the plant can read is declared here once, in the order every register map uses.

An electrical engineer starts reading here. All maps (Modbus, files, later protocols) and ``docs/points.md`` derive
from the tables below. Rule: a value that is not known is None, never 0; a value travels with its quality.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import partial
from typing import NamedTuple, overload

from caiso_ads.core.quality import Quality


class Kind(Enum):
    """What a point's value is, and so how a protocol encodes it."""

    NUMBER = "number"  # a float with a unit
    COUNT = "count"  # a whole number 0..2**32-1 that may wrap
    CODE = "code"  # one of a list, 0..65535
    BITS = "bits"  # 32 independent bits
    TIME = "time"  # an instant, aware UTC; unsigned 32-bit seconds since 1970 where a protocol needs a number


@dataclass(frozen=True, slots=True)
class Point:
    """One published point: its key, kind, unit and meaning."""

    key: str
    kind: Kind
    unit: str
    doc: str


class PointValue(NamedTuple):
    """A value with its quality and the time of its source. ``value`` is None when nothing is known.

    A named tuple, because many are made each second and a frozen dataclass takes three times as long.
    """

    value: float | int | datetime | None
    quality: Quality
    source_time: datetime | None = None


Value = float | int | datetime | None

_MAKE = partial(tuple.__new__, PointValue)  # as calling PointValue, in less than half the time


class Row(Sequence[PointValue]):
    """The points of one resource at one instant, as three columns: thousands a second are published, few are read.

    A sequence of PointValue, each made when it is asked for, and equal to any other sequence of the same.
    """

    __slots__ = ("qualities", "source_times", "values")

    def __init__(
        self, values: tuple[Value, ...], qualities: tuple[Quality, ...], source_times: tuple[datetime | None, ...]
    ) -> None:
        self.values, self.qualities, self.source_times = values, qualities, source_times

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, place: int) -> PointValue: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[PointValue, ...]: ...
    def __getitem__(self, place: int | slice) -> PointValue | tuple[PointValue, ...]:
        if isinstance(place, slice):
            return tuple(self)[place]
        return PointValue(self.values[place], self.qualities[place], self.source_times[place])

    def __iter__(self) -> Iterator[PointValue]:
        return map(_MAKE, zip(self.values, self.qualities, self.source_times, strict=True))

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, (tuple, Row)) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"Row{tuple(self)!r}"


def values_of(row: Sequence[PointValue]) -> tuple[Value, ...]:
    """Return the bare values of one resource's points, without making each PointValue."""
    return row.values if isinstance(row, Row) else tuple([item.value for item in row])


def qualities_of(row: Sequence[PointValue]) -> tuple[Quality, ...]:
    """Return the qualities of one resource's points, as ``values_of`` does the values."""
    return row.qualities if isinstance(row, Row) else tuple([item.quality for item in row])


GATEWAY_POINTS: tuple[Point, ...] = (
    Point("heartbeat", Kind.COUNT, "", "grows by one each second while the control loop runs"),
    Point("utc_time", Kind.TIME, "s", "the gateway's clock when the snapshot was made"),
    Point("environment", Kind.CODE, "", "0 production, 1 market simulation, 2 simulator"),
    Point("link_age_s", Kind.NUMBER, "s", "time since the last complete poll of both streams"),
    Point("store_ok", Kind.CODE, "", "1 when the store takes writes"),
    Point("unacknowledged_batches", Kind.COUNT, "", "batches stored whose receipt is not yet confirmed to the ISO"),
    Point("unreadable_batches", Kind.COUNT, "", "payloads kept that could not be decoded, since start"),
    Point("clock_offset_s", Kind.NUMBER, "s", "the ISO's clock minus ours, from its last answer"),
    Point("clock_ok", Kind.CODE, "", "1 while our clock may rotate targets, 0 while they are frozen"),
    Point("market_age_s", Kind.NUMBER, "s", "time since a 5-minute batch arrived, for whatever resource"),
    Point("price_nodes", Kind.COUNT, "", "pricing nodes served, each with a block of its own"),
    Point("price_failures", Kind.COUNT, "", "price requests in a row that failed; 0 when the last one was answered"),
    Point(
        "price_error",
        Kind.CODE,
        "",
        "why the last failed: 0 it did not, 1 unreachable, 2 not readable, 3 store or pace file, 429 throttled, 1000.. OASIS's code",
    ),
    Point("alarms_active", Kind.COUNT, "", "alarms that hold, without those shelved or following from another"),
    Point("alarms_unacknowledged", Kind.COUNT, "", "alarms that wait to be acknowledged, also of what is over"),
)

RESOURCE_POINTS: tuple[Point, ...] = (
    Point("directive", Kind.CODE, "", "what the plant may do: 0 NO_DATA, 1 FOLLOW, 2 HOLD, 3 RELEASE, 4 TEST"),
    Point("reasons", Kind.BITS, "", "why the directive is not FOLLOW, one bit each"),
    Point("quality", Kind.CODE, "", "quality of the setpoint: 1 is good, any other is not"),
    Point(
        "setpoint_mw", Kind.NUMBER, "MW", "what to do this second: operating point, ramp, step, fallback or override"
    ),
    Point("dop_mw", Kind.NUMBER, "MW", "the ISO's operating point of this second, linear between its points"),
    Point("dot_mw", Kind.NUMBER, "MW", "the newest dispatch operating target whose target time has come"),
    Point("dot_target_time", Kind.TIME, "s", "target time of dot_mw"),
    Point("next_dot_mw", Kind.NUMBER, "MW", "the next dispatch operating target"),
    Point("next_dot_target_time", Kind.TIME, "s", "target time of next_dot_mw"),
    Point("seconds_to_next_target", Kind.NUMBER, "s", "time left until next_dot_target_time"),
    Point("supplemental_mw", Kind.NUMBER, "MW", "SUPP segment of dot_mw; negative is a curtailment"),
    Point("follow_dot_flag", Kind.CODE, "", "0 not given, 1 no, 2 yes"),
    Point("trajectory_end_time", Kind.TIME, "s", "last target time of the binding trajectory"),
    Point("trajectory_age_s", Kind.NUMBER, "s", "time since a trajectory for this resource arrived"),
    Point("dispatch_age_s", Kind.NUMBER, "s", "time since a target for this resource arrived"),
    Point("schedule_age_s", Kind.NUMBER, "s", "time since the trajectory ran out; 0 while it covers now"),
    Point("pmin_mw", Kind.NUMBER, "MW", "configured lower limit"),
    Point("pmax_mw", Kind.NUMBER, "MW", "configured upper limit"),
    Point("previous_dot_mw", Kind.NUMBER, "MW", "the dispatch operating target before dot_mw"),
    Point("dot_delta_mw", Kind.NUMBER, "MW", "next_dot_mw minus dot_mw"),
    Point("required_mw_per_min", Kind.NUMBER, "MW/min", "rate from the setpoint of now to next_dot_mw on time"),
    Point(
        "ramp_minus_dop_mw",
        Kind.NUMBER,
        "MW",
        "our ramp between targets minus the ISO's operating point: a cross-check",
    ),
    Point("curtailed", Kind.CODE, "", "1 while a wind or solar resource must follow below its schedule"),
    Point("hold_left_s", Kind.NUMBER, "s", "time until the fallback applies; only while the link is lost"),
    Point(
        "notices",
        Kind.BITS,
        "",
        "what goes on for the resource, one bit each: exceptional dispatch, contingency and so on",
    ),
    Point("min_constraint_mw", Kind.NUMBER, "MW", "the highest lower bound the ISO set for now"),
    Point("max_constraint_mw", Kind.NUMBER, "MW", "the lowest upper bound the ISO set for now"),
    Point("start_up_time", Kind.TIME, "s", "the next instructed start-up"),
    Point("shut_down_time", Kind.TIME, "s", "the next instructed shut-down"),
    Point("transition_end_time", Kind.TIME, "s", "end of the configuration transition in progress"),
    Point("as_award_mw", Kind.NUMBER, "MW", "ancillary service awarded for now, all services together"),
    Point("missed_intervals", Kind.COUNT, "", "5-minute intervals in a row without a target, up to the newest due"),
)

_USD = "USD/MWh"

NODE_POINTS: tuple[Point, ...] = (
    Point("quality", Kind.CODE, "", "quality of the active price: 1 is good, any other is not"),
    Point(
        "active_lmp_usd_per_mwh",
        Kind.NUMBER,
        _USD,
        "LMP of the 5-minute interval that contains now; no other stands here",
    ),
    Point("active_start_time", Kind.TIME, "s", "begin of the active interval"),
    Point("active_energy_usd_per_mwh", Kind.NUMBER, _USD, "energy component (MCE) of the active price"),
    Point("active_congestion_usd_per_mwh", Kind.NUMBER, _USD, "congestion component (MCC) of the active price"),
    Point("active_loss_usd_per_mwh", Kind.NUMBER, _USD, "loss component (MCL) of the active price"),
    Point("active_ghg_usd_per_mwh", Kind.NUMBER, _USD, "greenhouse gas component (MGHG) of the active price"),
    Point("published_quality", Kind.CODE, "", "quality of the published price: 1 is good, any other is not"),
    Point("published_lmp_usd_per_mwh", Kind.NUMBER, _USD, "LMP of the newest 5-minute interval the ISO has posted"),
    Point("published_start_time", Kind.TIME, "s", "begin of the published interval"),
    Point("published_energy_usd_per_mwh", Kind.NUMBER, _USD, "energy component (MCE) of the published price"),
    Point("published_congestion_usd_per_mwh", Kind.NUMBER, _USD, "congestion component (MCC) of the published price"),
    Point("published_loss_usd_per_mwh", Kind.NUMBER, _USD, "loss component (MCL) of the published price"),
    Point("published_ghg_usd_per_mwh", Kind.NUMBER, _USD, "greenhouse gas component (MGHG) of the published price"),
    Point("price_age_s", Kind.NUMBER, "s", "time since the published interval ended; 0 while it lasts or is ahead"),
    Point("answer_age_s", Kind.NUMBER, "s", "time since the price service last gave a price of this node"),
)

_GATEWAY_INDEX = {point.key: index for index, point in enumerate(GATEWAY_POINTS)}
_RESOURCE_INDEX = {point.key: index for index, point in enumerate(RESOURCE_POINTS)}
_NODE_INDEX = {point.key: index for index, point in enumerate(NODE_POINTS)}


def index_of(key: str) -> int:
    """Return where a resource's point stands; KeyError for a key that is not in the catalogue."""
    return _RESOURCE_INDEX[key]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the plant may read at one instant, immutable. ``generation`` grows with each one published.

    ``gateway`` is parallel to GATEWAY_POINTS; each row in ``resources`` is parallel to RESOURCE_POINTS and the
    mapping is in configured order. Each row in ``nodes`` is parallel to NODE_POINTS. ``dot_prices`` holds, for each
    resource with a node, the LMP (USD/MWh) of the interval in which the target time of its dot_mw lies.
    """

    generation: int
    at: datetime
    gateway: Sequence[PointValue]
    resources: Mapping[str, Sequence[PointValue]]
    nodes: Mapping[str, Sequence[PointValue]] = field(default_factory=dict)
    dot_prices: Mapping[str, PointValue] = field(default_factory=dict)

    def gateway_value(self, key: str) -> PointValue:
        """Return one gateway point; KeyError for a key that is not in the catalogue."""
        return self.gateway[_GATEWAY_INDEX[key]]

    def value(self, resource_id: str, key: str) -> PointValue:
        """Return one point of one resource; KeyError for an unknown resource or key."""
        return self.resources[resource_id][_RESOURCE_INDEX[key]]

    def node_value(self, node: str, key: str) -> PointValue:
        """Return one point of one pricing node; KeyError for an unknown node or key."""
        return self.nodes[node][_NODE_INDEX[key]]
