"""The truth table of the directive: one named cause a row. The documentation prints it, the tests check each row.

Rule: a row states only how it differs from FINE, where everything needed to follow is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from caiso_ads.core.directive import DEFAULT_LIMITS, Environment, Facts, LinkFault, Verdict, assess
from caiso_ads.core.quality import Directive

FINE = Facts(
    has_value=True, link_age_s=5.0, overdue_s=0.0, refused=False, flagged_binding=True, restored=False, seen=True,
    store_ok=True, stopping=False, link_fault=LinkFault.NONE, environment=Environment.PRODUCTION,
)  # fmt: skip

CASES: Mapping[str, Mapping[str, object]] = {
    "polled, covered, in limits, binding": {},
    "no complete poll since start": {"link_age_s": None},
    "the same, with values from the store": {"link_age_s": None, "restored": True},
    "last poll 30 s ago": {"link_age_s": 30.0},
    "last poll 31 s ago": {"link_age_s": 31.0},
    "last poll 61 s ago, ADS does not answer": {"link_age_s": 61.0, "link_fault": LinkFault.UNREACHABLE},
    "our link lost for the hold time (30 min)": {"link_age_s": 1861.0},
    "the same, and never a value": {"link_age_s": 1861.0, "has_value": False},
    "our certificate is refused, not yet for long": {"link_fault": LinkFault.CERTIFICATE},
    "schedule ran out 1 s ago": {"overdue_s": 1.0},
    "schedule ran out 301 s ago": {"overdue_s": 301.0},
    "the ISO answers and has sent nothing for a day": {"overdue_s": 86_400.0, "market_age_s": 86_400.0},
    "no 5-minute batch for 421 s": {"market_age_s": 421.0},
    "no 5-minute batch ever": {"market_age_s": None},
    "no value": {"has_value": False},
    "the resource is in no answer": {"has_value": False, "seen": False},
    "a value outside the limits was refused": {"refused": True},
    "a batch could not be read, no 5-minute batch since": {"unread": True, "unread_age_s": 60.0},
    "the same, for a day": {"unread": True, "unread_age_s": 86_400.0},
    "a batch could not be read, then a 5-minute batch was": {"unread_age_s": 60.0},
    "a batch could not be read 421 s ago, then a 5-minute batch was": {"unread_age_s": 421.0},
    "a target's batch came with two contents of one revision, not yet read again": {"disputed": True},
    "the same, and our link lost for 61 s": {"disputed": True, "link_age_s": 61.0},
    "no binding flag": {"flagged_binding": False},
    "our clock is not trusted": {"clock_ok": False},
    "the store takes no writes": {"store_ok": False},
    "wind or solar, flag not Y": {"must_follow": False},
    "ramp and operating points disagree": {"mismatch": True},
    "an operator forces HOLD or a value": {"forced": Directive.HOLD},
    "an operator forces RELEASE": {"forced": Directive.RELEASE},
    "an operator forces NO_DATA": {"forced": Directive.NO_DATA},
    "simulator": {"environment": Environment.SIMULATOR},
    "market simulation": {"environment": Environment.MARKET_SIM},
    "the gateway is stopping": {"stopping": True},
    "stopping, an operator forces RELEASE": {"stopping": True, "forced": Directive.RELEASE},
}


def verdict(name: str) -> Verdict:
    """Return what the code says for one row; KeyError for a name that is not in the table."""
    return assess(replace(FINE, **CASES[name]), DEFAULT_LIMITS)  # type: ignore[arg-type]  # the table names its fields
