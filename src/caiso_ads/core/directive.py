"""May the plant use the setpoint? Quality, directive and reasons as one pure function of facts and ages.

Rule: GOOD, and so FOLLOW, needs every condition at once; whatever is not known counts against it. Ages are seconds
on the monotonic clock. A value that was once verified is held with bad quality, never replaced by 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from caiso_ads.core.quality import Directive, Quality, Reason


class Environment(StrEnum):
    """Where the data comes from; anything but production never says FOLLOW."""

    PRODUCTION = "production"
    MARKET_SIM = "market-sim"
    SIMULATOR = "simulator"


class LinkFault(StrEnum):
    """What the last failed cycle failed on."""

    NONE = "none"
    UNREACHABLE = "unreachable"
    CERTIFICATE = "certificate"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class AgeLimits:
    """Promises Q2 and Q3 and the market's own silence: when a value turns uncertain and bad (s).

    ``missed_intervals_alarm`` is the number of intervals without a target, in a row, that raises the notice.
    """

    link_uncertain_s: float = 30.0
    link_bad_s: float = 60.0
    schedule_bad_s: float = 300.0
    market_silent_s: float = 420.0
    missed_intervals_alarm: int = 2


DEFAULT_LIMITS = AgeLimits()


class Then(StrEnum):
    """What follows when the own link has been lost for longer than the hold time."""

    HOLD = "hold"
    RELEASE = "release"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Fallback:
    """What a resource does when our link is lost: hold the last good value so long (s), then ``then``.

    ``value_mw`` is the setpoint for ``Then.VALUE``. The ISO's own silence is another cause: while the link is up the
    last good dispatch is held without end, as the ISO asks for when its market is out.
    """

    hold_s: float = 1800.0
    then: Then = Then.RELEASE
    value_mw: float | None = None


DEFAULT_FALLBACK = Fallback()


@dataclass(slots=True)  # one is made for each resource in each second, and a frozen one takes three times as long
class Facts:
    """What is known of one resource's setpoint at one instant.

    ``link_age_s`` is None until the first complete poll of this process. ``overdue_s`` is the time since the
    schedule ran out, 0 while it covers now. ``restored`` says the value was read back from the store at start.
    ``must_follow`` is False for a wind or solar resource that is free to run. ``forced`` is an operator's directive,
    or None. ``mismatch`` tells that ramp and operating points disagree; it warns and changes nothing.
    ``unread`` tells that a dispatch batch came that could not be read, and no 5-minute batch since; it may have been the
    present target. ``unread_age_s`` is the time since it came, None where there was none.
    ``disputed`` tells that of a target's revision another content came before, and it was not yet read again.
    """

    has_value: bool
    link_age_s: float | None
    overdue_s: float
    refused: bool
    flagged_binding: bool
    restored: bool
    seen: bool
    store_ok: bool
    stopping: bool
    link_fault: LinkFault
    environment: Environment
    market_age_s: float | None = 0.0
    clock_ok: bool = True
    must_follow: bool = True
    mismatch: bool = False
    forced: Directive | None = None
    unread: bool = False
    unread_age_s: float | None = None
    disputed: bool = False


class Verdict(NamedTuple):
    """Quality of the setpoint, what the plant may do with it, and why not more.

    ``hold_left_s`` counts down to the fallback while the link is lost; ``fallback`` is True once it applies.
    """

    quality: Quality
    directive: Directive
    reasons: Reason
    hold_left_s: float | None = None
    fallback: bool = False


def assess(facts: Facts, limits: AgeLimits, fallback: Fallback = DEFAULT_FALLBACK) -> Verdict:
    """Return the verdict; see the module's rule."""
    quality = _quality(facts, limits)
    left = _hold_left_s(facts, limits, fallback)
    applies = left == 0.0 and fallback.then is not Then.HOLD and facts.forced is None and not facts.stopping
    directive = _directive(facts, quality, applies=applies)
    return Verdict(quality, directive, _reasons(facts, limits, applies=applies), left, applies)


def _hold_left_s(facts: Facts, limits: AgeLimits, fallback: Fallback) -> float | None:
    """Return the time until the fallback, None while the link is not lost; the hold begins when it is called lost."""
    if not _older(facts.link_age_s, limits.link_bad_s):
        return None
    assert facts.link_age_s is not None
    return max(0.0, limits.link_bad_s + fallback.hold_s - facts.link_age_s)


def _quality(facts: Facts, limits: AgeLimits) -> Quality:
    if facts.stopping:
        return Quality.SHUTDOWN
    if facts.forced is not None:
        return Quality.FORCED
    if facts.link_age_s is None:
        return Quality.INIT
    if facts.link_age_s > limits.link_bad_s:
        return Quality.BAD_COMM
    return _quality_linked(facts, facts.link_age_s, limits)


def _quality_linked(facts: Facts, link_age_s: float, limits: AgeLimits) -> Quality:
    """Return the quality while the link is not lost and nothing is forced."""
    if facts.refused:
        return Quality.BAD_DATA
    if not facts.has_value or facts.overdue_s > limits.schedule_bad_s:
        return Quality.BAD_STALE
    doubtful = (
        link_age_s > limits.link_uncertain_s
        or facts.overdue_s > 0.0
        or _silent(facts, limits)
        or facts.unread
        or facts.disputed
        or not facts.clock_ok
        or not facts.flagged_binding
        or not facts.store_ok
    )
    return Quality.UNCERTAIN if doubtful else Quality.GOOD


def _directive(facts: Facts, quality: Quality, *, applies: bool) -> Directive:
    if facts.forced is not None and not facts.stopping:
        return facts.forced
    if not facts.has_value or quality is Quality.INIT:
        return Directive.NO_DATA
    if applies:
        return Directive.RELEASE
    if quality is not Quality.GOOD:
        return Directive.HOLD
    if not facts.must_follow:
        return Directive.RELEASE
    return Directive.FOLLOW if facts.environment is Environment.PRODUCTION else Directive.TEST


def _reasons(facts: Facts, limits: AgeLimits, *, applies: bool) -> Reason:
    unconfirmed = facts.link_age_s is None
    aging = _older(facts.link_age_s, limits.link_uncertain_s)
    checks = (
        (unconfirmed, Reason.NOT_CONFIRMED),
        (unconfirmed and facts.restored, Reason.RESTORED),
        (aging, Reason.LINK_AGING),
        (facts.link_fault is LinkFault.CERTIFICATE, Reason.CERTIFICATE),
        ((unconfirmed or aging) and facts.link_fault is not LinkFault.NONE, Reason.ADS_UNREACHABLE),
        (facts.overdue_s > 0.0 or not facts.has_value, Reason.INTERVAL_NOT_COVERED),
        (not unconfirmed and _silent(facts, limits), Reason.MARKET_SILENT),
        (not facts.clock_ok, Reason.CLOCK_OFF),
        (not facts.seen, Reason.RESOURCE_MISSING),
        (facts.refused, Reason.VALUE_REFUSED),
        (facts.has_value and not facts.flagged_binding, Reason.NOT_BINDING),
        (not facts.store_ok, Reason.STORE_FAILING),
        (facts.forced is not None, Reason.OPERATOR_OVERRIDE),
        (facts.environment is not Environment.PRODUCTION, Reason.TEST_ENVIRONMENT),
        (facts.stopping, Reason.SHUTTING_DOWN),
        (_shows_unread(facts, limits), Reason.BATCH_UNREADABLE),
        (not facts.must_follow, Reason.FREE_TO_RUN),
        (applies, Reason.FALLBACK),
        (facts.mismatch, Reason.MISMATCH),
        (facts.disputed, Reason.CONFLICT),
    )
    found = [reason for holds, reason in checks if holds]
    return Reason(sum(found)) if found else Reason.NONE  # each is a bit of its own


def _older(age_s: float | None, limit_s: float) -> bool:
    return age_s is not None and age_s > limit_s


def _silent(facts: Facts, limits: AgeLimits) -> bool:
    """Whether no 5-minute batch came for so long, for anybody; one that never came is silent too."""
    return facts.market_age_s is None or facts.market_age_s > limits.market_silent_s


def _shows_unread(facts: Facts, limits: AgeLimits) -> bool:
    """Whether an unreadable batch is still to be seen: while it may matter, and for the length of one silence after."""
    recent = facts.unread_age_s is not None and facts.unread_age_s <= limits.market_silent_s
    return facts.unread or recent
