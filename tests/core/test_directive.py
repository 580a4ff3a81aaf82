from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.cases import FINE
from caiso_ads.core.directive import DEFAULT_LIMITS, Environment, Facts, Fallback, LinkFault, Then, assess
from caiso_ads.core.quality import Directive, Quality, Reason

facts = st.builds(
    Facts,
    has_value=st.booleans(),
    link_age_s=st.none() | st.floats(0, 200) | st.floats(1800, 2000),
    overdue_s=st.floats(0, 600),
    refused=st.booleans(),
    flagged_binding=st.booleans(),
    restored=st.booleans(),
    seen=st.booleans(),
    store_ok=st.booleans(),
    stopping=st.booleans(),
    link_fault=st.sampled_from(LinkFault),
    environment=st.sampled_from(Environment),
    market_age_s=st.none() | st.floats(0, 1000),
    clock_ok=st.booleans(),
    must_follow=st.booleans(),
    mismatch=st.booleans(),
    forced=st.none() | st.sampled_from([Directive.HOLD, Directive.RELEASE, Directive.NO_DATA]),
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
        assert known.forced is None
        assert known.clock_ok
        assert known.must_follow
        assert known.market_age_s is not None
        assert known.market_age_s <= 420.0
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


@pytest.mark.parametrize(
    ("then", "age_s", "directive", "applies"),
    [
        (Then.HOLD, 1e9, Directive.HOLD, False), (Then.RELEASE, 661.0, Directive.RELEASE, True),
        (Then.VALUE, 661.0, Directive.RELEASE, True), (Then.VALUE, 659.0, Directive.HOLD, False),
    ],
)  # fmt: skip
def test_the_fallback_waits_for_its_time_and_counts_down(
    then: Then,
    age_s: float,
    directive: Directive,
    applies: bool,  # noqa: FBT001 - a table of four columns
) -> None:
    policy = Fallback(hold_s=600.0, then=then, value_mw=5.0)
    verdict = assess(replace(FINE, link_age_s=age_s), DEFAULT_LIMITS, policy)
    assert (verdict.directive, verdict.fallback) == (directive, applies)
    assert verdict.hold_left_s == max(0.0, 660.0 - age_s)
    assert assess(FINE, DEFAULT_LIMITS, policy).hold_left_s is None


def test_the_isos_own_silence_is_held_without_end_while_the_link_is_up() -> None:
    silent = replace(FINE, market_age_s=86_400.0, overdue_s=86_000.0)
    assert assess(silent, DEFAULT_LIMITS, Fallback(hold_s=0.0)).directive is Directive.HOLD
