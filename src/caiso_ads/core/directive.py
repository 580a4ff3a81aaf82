"""May the plant use the setpoint? Quality, directive and reasons as one pure function of facts and ages.

Rule: GOOD, and so FOLLOW, needs every condition at once; whatever is not known counts against it. Ages are seconds
on the monotonic clock. A value that was once verified is held with bad quality, never replaced by 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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
    """Promises Q2 and Q3: when a value turns uncertain and bad (s)."""

    link_uncertain_s: float = 30.0
    link_bad_s: float = 60.0
    schedule_bad_s: float = 300.0


DEFAULT_LIMITS = AgeLimits()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one resource's setpoint at one instant.

    ``link_age_s`` is None until the first complete poll of this process. ``overdue_s`` is the time since the
    schedule ran out, 0 while it covers now. ``restored`` says the value was read back from the store at start.
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


@dataclass(frozen=True, slots=True)
class Verdict:
    """Quality of the setpoint, what the plant may do with it, and why not more."""

    quality: Quality
    directive: Directive
    reasons: Reason


def assess(facts: Facts, limits: AgeLimits) -> Verdict:
    """Return the verdict; see the module's rule."""
    quality = _quality(facts, limits)
    return Verdict(quality, _directive(facts, quality), _reasons(facts, limits))


def _quality(facts: Facts, limits: AgeLimits) -> Quality:
    if facts.stopping:
        return Quality.SHUTDOWN
    if facts.link_age_s is None:
        return Quality.INIT
    bad = (
        (facts.link_age_s > limits.link_bad_s, Quality.BAD_COMM),
        (facts.refused, Quality.BAD_DATA),
        (not facts.has_value or facts.overdue_s > limits.schedule_bad_s, Quality.BAD_STALE),
        (facts.link_age_s > limits.link_uncertain_s, Quality.UNCERTAIN),
        (facts.overdue_s > 0.0, Quality.UNCERTAIN),
        (not facts.flagged_binding, Quality.UNCERTAIN),
        (not facts.store_ok, Quality.UNCERTAIN),
    )
    return next((quality for holds, quality in bad if holds), Quality.GOOD)


def _directive(facts: Facts, quality: Quality) -> Directive:
    if not facts.has_value or quality is Quality.INIT:
        return Directive.NO_DATA
    if quality is not Quality.GOOD:
        return Directive.HOLD
    return Directive.FOLLOW if facts.environment is Environment.PRODUCTION else Directive.TEST


def _reasons(facts: Facts, limits: AgeLimits) -> Reason:
    age = facts.link_age_s
    unconfirmed = age is None
    checks = (
        (unconfirmed, Reason.NOT_CONFIRMED),
        (unconfirmed and facts.restored, Reason.RESTORED),
        (age is not None and age > limits.link_uncertain_s, Reason.LINK_AGING),
        (facts.link_fault is LinkFault.CERTIFICATE, Reason.CERTIFICATE),
        ((unconfirmed or _aged(age, limits)) and facts.link_fault is not LinkFault.NONE, Reason.ADS_UNREACHABLE),
        (facts.overdue_s > 0.0 or not facts.has_value, Reason.INTERVAL_NOT_COVERED),
        (not facts.seen, Reason.RESOURCE_MISSING),
        (facts.refused, Reason.VALUE_REFUSED),
        (facts.has_value and not facts.flagged_binding, Reason.NOT_BINDING),
        (not facts.store_ok, Reason.STORE_FAILING),
        (facts.environment is not Environment.PRODUCTION, Reason.TEST_ENVIRONMENT),
        (facts.stopping, Reason.SHUTTING_DOWN),
    )
    found = Reason.NONE
    for holds, reason in checks:
        if holds:
            found |= reason
    return found


def _aged(age_s: float | None, limits: AgeLimits) -> bool:
    return age_s is not None and age_s > limits.link_uncertain_s
