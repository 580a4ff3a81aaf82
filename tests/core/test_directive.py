from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.directive import DEFAULT_LIMITS, Environment, Facts, LinkFault, assess
from caiso_ads.core.quality import Directive, Quality, Reason

FINE = Facts(
    has_value=True, link_age_s=5.0, overdue_s=0.0, refused=False, flagged_binding=True, restored=False, seen=True,
    store_ok=True, stopping=False, link_fault=LinkFault.NONE, environment=Environment.PRODUCTION,
)  # fmt: skip

TABLE = [
    ({}, Quality.GOOD, Directive.FOLLOW, Reason.NONE),
    ({"link_age_s": None}, Quality.INIT, Directive.NO_DATA, Reason.NOT_CONFIRMED),
    ({"link_age_s": None, "restored": True}, Quality.INIT, Directive.NO_DATA, Reason.NOT_CONFIRMED | Reason.RESTORED),
    ({"link_age_s": 30.0}, Quality.GOOD, Directive.FOLLOW, Reason.NONE),
    ({"link_age_s": 30.1}, Quality.UNCERTAIN, Directive.HOLD, Reason.LINK_AGING),
    ({"link_age_s": 60.0}, Quality.UNCERTAIN, Directive.HOLD, Reason.LINK_AGING),
    (
        {"link_age_s": 60.1, "link_fault": LinkFault.UNREACHABLE},
        Quality.BAD_COMM, Directive.HOLD, Reason.LINK_AGING | Reason.ADS_UNREACHABLE,
    ),
    ({"overdue_s": 0.1}, Quality.UNCERTAIN, Directive.HOLD, Reason.INTERVAL_NOT_COVERED),
    ({"overdue_s": 300.0}, Quality.UNCERTAIN, Directive.HOLD, Reason.INTERVAL_NOT_COVERED),
    ({"overdue_s": 300.1}, Quality.BAD_STALE, Directive.HOLD, Reason.INTERVAL_NOT_COVERED),
    ({"has_value": False}, Quality.BAD_STALE, Directive.NO_DATA, Reason.INTERVAL_NOT_COVERED),
    (
        {"has_value": False, "seen": False},
        Quality.BAD_STALE, Directive.NO_DATA, Reason.INTERVAL_NOT_COVERED | Reason.RESOURCE_MISSING,
    ),
    ({"refused": True}, Quality.BAD_DATA, Directive.HOLD, Reason.VALUE_REFUSED),
    ({"flagged_binding": False}, Quality.UNCERTAIN, Directive.HOLD, Reason.NOT_BINDING),
    ({"store_ok": False}, Quality.UNCERTAIN, Directive.HOLD, Reason.STORE_FAILING),
    ({"stopping": True}, Quality.SHUTDOWN, Directive.HOLD, Reason.SHUTTING_DOWN),
    ({"link_fault": LinkFault.CERTIFICATE}, Quality.GOOD, Directive.FOLLOW, Reason.CERTIFICATE),
    ({"environment": Environment.SIMULATOR}, Quality.GOOD, Directive.TEST, Reason.TEST_ENVIRONMENT),
    ({"environment": Environment.MARKET_SIM}, Quality.GOOD, Directive.TEST, Reason.TEST_ENVIRONMENT),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "quality", "directive", "reasons"), TABLE)
def test_truth_table(changes: dict[str, object], quality: Quality, directive: Directive, reasons: Reason) -> None:
    verdict = assess(replace(FINE, **changes), DEFAULT_LIMITS)  # type: ignore[arg-type]  # the table names its fields
    assert (verdict.quality, verdict.directive, verdict.reasons) == (quality, directive, reasons)


facts = st.builds(
    Facts,
    has_value=st.booleans(),
    link_age_s=st.none() | st.floats(0, 200),
    overdue_s=st.floats(0, 600),
    refused=st.booleans(),
    flagged_binding=st.booleans(),
    restored=st.booleans(),
    seen=st.booleans(),
    store_ok=st.booleans(),
    stopping=st.booleans(),
    link_fault=st.sampled_from(LinkFault),
    environment=st.sampled_from(Environment),
)


@given(facts)
def test_follow_needs_every_condition_at_once(known: Facts) -> None:
    verdict = assess(known, DEFAULT_LIMITS)
    if verdict.directive in {Directive.FOLLOW, Directive.TEST}:
        assert verdict.quality is Quality.GOOD
        assert known.has_value
        assert known.link_age_s is not None
        assert known.link_age_s <= 30.0
        assert known.overdue_s == 0.0
        assert known.flagged_binding
        assert known.store_ok
        assert not known.refused
        assert not known.stopping
    if verdict.directive is Directive.FOLLOW:
        assert known.environment is Environment.PRODUCTION


@given(facts, st.floats(0, 300))
def test_quality_never_becomes_good_by_time_passing(known: Facts, seconds: float) -> None:
    if known.link_age_s is None:
        later = replace(known, overdue_s=known.overdue_s + seconds)
    else:
        later = replace(known, link_age_s=known.link_age_s + seconds, overdue_s=known.overdue_s + seconds)
    if assess(later, DEFAULT_LIMITS).quality is Quality.GOOD:
        assert assess(known, DEFAULT_LIMITS).quality is Quality.GOOD


@given(facts)
def test_a_directive_short_of_follow_always_has_a_reason(known: Facts) -> None:
    verdict = assess(known, DEFAULT_LIMITS)
    if verdict.directive is not Directive.FOLLOW:
        assert verdict.reasons is not Reason.NONE
