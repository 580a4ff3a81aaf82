"""Only three cases may write to a plant; every row of the directive's truth table is held against that."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from caiso_ads.core.cases import CASES, FINE
from caiso_ads.core.directive import DEFAULT_FALLBACK, DEFAULT_LIMITS, Environment, Fallback, Then, assess
from caiso_ads.core.quality import Directive, Quality, Reason
from caiso_ads.sinks.plant_writer.permit import Stand, Target, wish_of
from tests.sinks.plant_writer.wishes import ID, snapshot

PLANT = Target(ID, production=True)
TWIN = Target(ID, production=False, simulator=True)
MAY = {
    "polled, covered, in limits, binding",
    "last poll 30 s ago",
    "our certificate is refused, not yet for long",
    "a batch could not be read, then a 5-minute batch was",
    "a batch could not be read 421 s ago, then a 5-minute batch was",
    "ramp and operating points disagree",
}


def stand(target: Target = PLANT, *, stalled: bool = False, **changes: Any) -> Stand:
    return wish_of(snapshot(**changes), target, stalled=stalled).stand


@pytest.mark.parametrize("fallback", [DEFAULT_FALLBACK, Fallback(1800.0, Then.VALUE, 35.0)])
@pytest.mark.parametrize("name", CASES)
def test_of_the_truth_table_only_follow_and_the_fallback_may_write(name: str, fallback: Fallback) -> None:
    facts = replace(FINE, **CASES[name])  # type: ignore[arg-type]  # the table names its fields
    found = assess(facts, DEFAULT_LIMITS, fallback)
    target = Target(ID, production=facts.environment is Environment.PRODUCTION, fallback_mw=fallback.value_mw)
    setpoint = 35.0 if found.fallback and fallback.value_mw is not None else 50.0
    wish = wish_of(
        snapshot(
            environment=facts.environment.value,
            directive=found.directive,
            quality=found.quality,
            reasons=int(found.reasons),
            setpoint_mw=setpoint if facts.has_value or found.fallback else None,
        ),
        target,
        stalled=False,
    )
    falls_back = name == "our link lost for the hold time (30 min)" and fallback.then is Then.VALUE
    assert (wish.stand is Stand.ACT) == (name in MAY or falls_back), wish


def test_a_stalled_loop_a_stranger_and_missing_reasons_say_no() -> None:
    assert stand() is Stand.ACT
    assert stand(stalled=True) is Stand.NONE
    assert stand(reasons=None) is Stand.NONE
    assert stand(directive=9) is Stand.NONE
    assert wish_of(snapshot(), Target("OTHER", production=True), stalled=False).stand is Stand.NONE


def test_test_data_reaches_only_what_is_marked_as_a_simulator() -> None:
    assert stand(TWIN, environment="simulator") is Stand.ACT
    assert stand(TWIN, environment="market-sim") is Stand.ACT
    assert stand(Target(ID, production=False), environment="simulator") is Stand.NONE
    assert stand(TWIN, environment="simulator", quality=Quality.UNCERTAIN) is Stand.NONE
    assert stand(TWIN) is Stand.NONE
    assert stand(Target(ID, production=True, simulator=True)) is Stand.NONE
    assert stand(PLANT, environment="simulator") is Stand.NONE
    assert stand(TWIN, environment="simulator", directive=Directive.FOLLOW) is Stand.NONE
    assert stand(TWIN, environment="simulator", reasons=0) is Stand.NONE


@pytest.mark.parametrize(
    "changes",
    [
        {"quality": Quality.UNCERTAIN},
        {"quality": Quality.FORCED},
        {"reasons": int(Reason.OPERATOR_OVERRIDE)},
        {"reasons": int(Reason.SHUTTING_DOWN)},
        {"reasons": int(Reason.TEST_ENVIRONMENT)},
        {"directive": Directive.TEST},
        {"directive": Directive.RELEASE},
        {"directive": Directive.NO_DATA},
    ],
)
def test_follow_with_anything_against_it_is_no(changes: dict[str, Any]) -> None:
    assert stand(**changes) is Stand.NONE


def test_only_the_value_of_the_policy_is_a_fallback() -> None:
    lost: dict[str, Any] = {
        "directive": Directive.RELEASE,
        "quality": Quality.BAD_COMM,
        "reasons": int(Reason.FALLBACK),
    }
    policy = Target(ID, production=True, fallback_mw=35.0)
    assert stand(policy, **lost, setpoint_mw=35.0) is Stand.ACT
    assert stand(policy, **lost, setpoint_mw=50.0) is Stand.NONE
    assert stand(PLANT, **lost, setpoint_mw=35.0) is Stand.NONE
    assert stand(replace(policy, production=False), **lost, setpoint_mw=35.0) is Stand.NONE
    assert stand(policy, **lost | {"reasons": 1}, setpoint_mw=35.0) is Stand.NONE
    assert stand(policy, **lost | {"quality": Quality.GOOD}, setpoint_mw=35.0) is Stand.NONE


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"setpoint_mw": 100.1}, "outside"),
        ({"setpoint_mw": 19.9}, "outside"),
        ({"setpoint_mw": math.nan}, "no number"),
        ({"pmin_mw": None}, "not known"),
        ({"pmax_mw": None}, "not known"),
        ({"pmin_mw": 101.0}, "not known"),
    ],
)
def test_a_value_outside_or_without_limits_is_refused_and_not_cut(changes: dict[str, Any], why: str) -> None:
    wish = wish_of(snapshot(**changes), PLANT, stalled=False)
    assert (wish.stand, wish.refused) == (Stand.NONE, True)
    assert why in wish.why


def test_a_release_value_outside_the_limits_is_refused_before_anything_is_written() -> None:
    assert wish_of(snapshot(), replace(PLANT, release_mw=10.0), stalled=False).refused
    assert stand(replace(PLANT, release_mw=20.0)) is Stand.ACT


def test_hold_is_hold_unless_an_operator_made_it() -> None:
    assert stand(directive=Directive.HOLD, quality=Quality.UNCERTAIN) is Stand.HOLD
    assert stand(directive=Directive.HOLD, quality=Quality.FORCED, reasons=int(Reason.OPERATOR_OVERRIDE)) is Stand.NONE


def test_a_setpoint_at_a_limit_but_for_what_is_allowed_everywhere_is_the_limit() -> None:
    for mw, limit_mw in ((100.0005, 100.0), (19.9995, 20.0)):
        wish = wish_of(snapshot(setpoint_mw=mw), PLANT, stalled=False)
        assert (wish.stand, wish.target_mw) == (Stand.ACT, limit_mw)
