"""What can happen to the gateway, as facts for ``state.fold``. Rule: a fact is durable before it gets here."""

from __future__ import annotations

from dataclasses import dataclass

from caiso_ads.core.directive import LinkFault
from caiso_ads.core.instant import Instant
from caiso_ads.core.model import DispatchBatch, TrajectoryBatch
from caiso_ads.core.override import Override
from caiso_ads.core.price import FailedCheck, Price

CLOCK_LIMIT_S = 10.0
"""How far our clock may be from the ISO's before nothing is rotated any more (s)."""


@dataclass(frozen=True, slots=True)
class BatchSeen:
    """A dispatch batch is durable. ``restored`` when it was read back at start.

    ``disputed`` when it was read back and another content of its revision stands beside it: it must be read again.
    """

    batch: DispatchBatch
    arrived: Instant
    restored: bool = False
    disputed: bool = False


@dataclass(frozen=True, slots=True)
class TrajectorySeen:
    """A trajectory batch is durable. ``restored`` when it was read back at start."""

    batch: TrajectoryBatch
    arrived: Instant
    restored: bool = False


@dataclass(frozen=True, slots=True)
class BatchChecked:
    """The header of a batch was read and had not changed."""

    batch_uid: str
    at: Instant


@dataclass(frozen=True, slots=True)
class PollCompleted:
    """Both streams were read, verified and stored. ``started`` is when that began: the age the plant sees."""

    started: Instant


@dataclass(frozen=True, slots=True)
class PollFailed:
    """A cycle failed on the ISO's side or the way to it."""

    fault: LinkFault


@dataclass(frozen=True, slots=True)
class StoreChanged:
    """The store takes writes, or does not."""

    ok: bool


@dataclass(frozen=True, slots=True)
class PayloadUnreadable:
    """A payload was kept that could not be decoded; ``dispatch`` when it may hold a batch of targets.

    ``restored`` when it was found in the store at start: then it is folded after the batches found there.
    """

    at: Instant
    dispatch: bool
    restored: bool = False


@dataclass(frozen=True, slots=True)
class ClockSampled:
    """The ISO's clock was read: ``offset_s`` is theirs minus ours.

    None only in a replay, where a distrust ended with no reading: the clock is trusted, its offset not known.
    """

    offset_s: float | None
    at: Instant
    limit_s: float = CLOCK_LIMIT_S


@dataclass(frozen=True, slots=True)
class ClockStepped:
    """Our wall clock jumped against the monotonic one; nothing is rotated until the ISO's clock was read again.

    ``before`` is the last instant before the jump.
    """

    at: Instant
    before: Instant


@dataclass(frozen=True, slots=True)
class OverridesChanged:
    """An operator forced something, or ended it: ``overrides`` is all that now stands."""

    overrides: tuple[Override, ...]


@dataclass(frozen=True, slots=True)
class PricesSeen:
    """Prices are durable. ``restored`` when they were read back at start; ``refused`` are rows left out.

    ``clock_offset_s`` is the price service's clock minus ours, None where it did not say.
    """

    prices: tuple[Price, ...]
    arrived: Instant
    restored: bool = False
    refused: tuple[FailedCheck, ...] = ()
    clock_offset_s: float | None = None


@dataclass(frozen=True, slots=True)
class PricesFailed:
    """A request for prices failed. ``code``: 1 unreachable, 2 not readable, 3 store or pace file, 429 throttled, else OASIS's."""

    code: int
    at: Instant


@dataclass(frozen=True, slots=True)
class NodesUnknown:
    """The ISO's catalogue was read: these configured nodes, and no others, are not in it."""

    nodes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Stopping:
    """The gateway is shutting down."""


@dataclass(frozen=True, slots=True)
class Restarted:
    """In a replay: the gateway ended, and another one began with what the store knows."""


Event = (
    BatchSeen
    | TrajectorySeen
    | BatchChecked
    | PollCompleted
    | PollFailed
    | StoreChanged
    | PayloadUnreadable
    | ClockSampled
    | ClockStepped
    | OverridesChanged
    | PricesSeen
    | PricesFailed
    | NodesUnknown
    | Stopping
    | Restarted
)
