"""Without a person nothing is answered unless the policy says so, the numbers are known, and the ISO would take it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.answering import refusal
from caiso_ads.core.answers import AnswerKind, AnswerState
from caiso_ads.core.codes import BatchStatus, BatchType, InstructionType, ReasonCode
from caiso_ads.core.model import DispatchBatch
from caiso_ads.core.policy import (
    NO_POLICY,
    POLICY,
    Outage,
    Policy,
    PolicyMode,
    answer_of,
    capability_at,
    decide,
    delivery,
)
from tests.core.answer_cases import CLOSES, HOUR, NOW, batch, row

ON = Policy(
    PolicyMode.ON, accept_within_mw=25.0, decline_above_capability=True, decline_reason=ReasonCode.UNIT_DERATE,
    pmin_mw=-50.0, pmax_mw=150.0,
)  # fmt: skip
ONE_HOUR = timedelta(hours=1)


def decided(seen: DispatchBatch, policy: Policy = ON, capability_mw: float | None = 150.0) -> AnswerKind | None:
    """Return what the policy answers to the first row."""
    return decide(seen, seen.instructions[0], policy, capability_mw, NOW).kind


def test_a_dot_near_its_schedule_is_accepted() -> None:
    decision = decide(batch(), row(), ON, 150.0, NOW)
    assert (decision.kind, decision.mw, decision.reason) == (AnswerKind.ACCEPT, None, None)
    assert decision.state is AnswerState.DECIDED
    assert "within 25 MW" in decision.why
    assert (decision.inputs["dot_mw"], decision.inputs["schedule_mw"]) == (100.0, 80.0)


def test_a_dot_above_capability_is_declined_with_the_reason() -> None:
    decision = decide(batch(), row(), ON, 60.0, NOW)
    assert (decision.kind, decision.reason) == (AnswerKind.DECLINE, ReasonCode.UNIT_DERATE)
    assert "above the capability of 60 MW" in decision.why


def test_a_negative_dot_is_held_against_the_same_capability() -> None:
    importing = batch(row(dot_mw=-40.0, hourly_mw=-30.0))
    assert decided(importing) is AnswerKind.ACCEPT
    assert decided(importing, capability_mw=39.0) is AnswerKind.DECLINE


@pytest.mark.parametrize(
    ("policy", "capability_mw", "seen", "words"),
    [
        (NO_POLICY, 150.0, batch(), "off"),
        (replace(ON, mode=PolicyMode.OFF), 150.0, batch(), "off"),
        (replace(ON, accept_within_mw=None), 150.0, batch(), "not configured"),
        (replace(ON, accept_within_mw=19.9), 150.0, batch(), "more than 19.9 MW"),
        (replace(ON, pmax_mw=90.0), 150.0, batch(), "outside the limits"),
        (replace(ON, pmin_mw=110.0), 150.0, batch(), "outside the limits"),
        (ON, None, batch(), "not known"),
        (ON, math.nan, batch(), "not known"),
        (ON, 150.0, batch(row(dot_mw=None)), "not known"),
        (ON, 150.0, batch(row(dot_mw=math.nan)), "not known"),
        (ON, 150.0, batch(row(hourly_mw=None)), "no schedule"),
        (ON, 150.0, batch(row(hourly_mw=math.inf)), "no schedule"),
        (replace(ON, decline_above_capability=False), 60.0, batch(), "left to people"),
        (replace(ON, decline_reason=None), 60.0, batch(), "left to people"),
        (ON, 150.0, batch(batch_type=BatchType.FIVE_MINUTE), "takes no answers"),
        (ON, 150.0, batch(batch_status=BatchStatus.OPERATOR_RESPONSE_PERIOD), "operator response period"),
        (ON, 150.0, batch(batch_expires=NOW), "response window"),
        (ON, 150.0, batch(binding_flag="N"), "not binding"),
        (ON, 150.0, batch(binding_flag=""), "not binding"),
        (ON, 150.0, batch(row(instruction_type=InstructionType.CAPACITY_AWARD)), "left to people"),
        (ON, 150.0, batch(row(status_code=BatchStatus.EMERGENCY_CANCELLED)), "cancelled"),
        (ON, 150.0, batch(row(accept_status="DECLINE")), "already"),
        (ON, 150.0, batch(row(accept_status="?")), "already"),
    ],
)
def test_everything_else_is_left_to_people(
    policy: Policy, capability_mw: float | None, seen: DispatchBatch, words: str
) -> None:
    decision = decide(seen, seen.instructions[0], policy, capability_mw, NOW)
    assert (decision.kind, decision.state) == (None, None)
    assert words in decision.why
    assert answer_of(decision, seen, seen.instructions[0], NOW) is None
    json.dumps(dict(decision.inputs), allow_nan=False)


@pytest.mark.parametrize(
    ("mode", "second_person", "accepts", "declines"),
    [
        (PolicyMode.ON, False, AnswerState.DECIDED, AnswerState.DECIDED),
        (PolicyMode.ON, True, AnswerState.DECIDED, AnswerState.PROPOSED),
        (PolicyMode.DRY_RUN, False, AnswerState.DRY_RUN, AnswerState.DRY_RUN),
        (PolicyMode.DRY_RUN, True, AnswerState.DRY_RUN, AnswerState.DRY_RUN),
    ],
)
def test_an_answer_begins_as_mode_and_second_person_say(
    mode: PolicyMode, accepts: AnswerState, declines: AnswerState, *, second_person: bool
) -> None:
    policy = replace(ON, mode=mode, second_person=second_person)
    assert decide(batch(), row(), policy, 150.0, NOW).state is accepts
    assert decide(batch(), row(), policy, 60.0, NOW).state is declines


def test_a_decision_becomes_an_answer_that_names_no_person() -> None:
    said = answer_of(decide(batch(), row(), ON, 60.0, NOW), batch(), row(), NOW)
    assert said is not None
    assert (said.who, said.revision_no, said.closes_at, said.given_at) == (POLICY, 3, CLOSES, NOW)
    assert (said.kind, said.reason_code, said.mw) == (AnswerKind.DECLINE, ReasonCode.UNIT_DERATE, None)


ANY_MW = st.none() | st.floats(-200, 200) | st.sampled_from([math.nan, math.inf])


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Make any policy a configuration can make."""
    declines = draw(st.booleans())
    return Policy(
        draw(st.sampled_from(PolicyMode)), draw(st.none() | st.floats(0, 300)), declines,
        ReasonCode.LINE_DOWN if declines else None, draw(st.booleans()), draw(st.floats(-200, 0)),
        draw(st.floats(0, 200)),
    )  # fmt: skip


@given(
    policy=policies(), capability=st.none() | st.floats(0, 200), dot=ANY_MW, schedule=ANY_MW,
    status=st.integers(0, 7).map(BatchStatus), binding=st.sampled_from(["Y", "N", ""]), before_s=st.floats(-20, 20),
    word=st.sampled_from([None, "NON_RESPONSE", "ACCEPT", "DECLINE", "?"]),
)  # fmt: skip
def test_the_policy_never_says_what_the_iso_refuses_or_a_number_does_not_allow(
    *, policy: Policy, capability: float | None, dot: float | None, schedule: float | None, status: BatchStatus,
    binding: str, before_s: float, word: str | None,
) -> None:  # fmt: skip
    told: dict[str, Any] = {"dot_mw": dot, "hourly_mw": schedule, "accept_status": word}
    seen = batch(row(**told), batch_status=status, binding_flag=binding)
    now = CLOSES - timedelta(seconds=before_s)
    decision = decide(seen, seen.instructions[0], policy, capability, now)
    json.dumps(dict(decision.inputs), allow_nan=False)
    assert decision.why
    said = answer_of(decision, seen, seen.instructions[0], now)
    if said is None:
        return
    assert refusal(said, seen, now, clock_ok=True) is None
    assert policy.mode is not PolicyMode.OFF
    assert binding == "Y"
    assert word in {None, "NON_RESPONSE"}
    assert dot is not None
    assert capability is not None
    assert (said.state is AnswerState.DRY_RUN) == (policy.mode is PolicyMode.DRY_RUN)
    if said.kind is AnswerKind.ACCEPT:
        assert schedule is not None
        assert policy.accept_within_mw is not None
        assert abs(dot - schedule) <= policy.accept_within_mw
        assert abs(dot) <= capability + 0.01
        assert policy.pmin_mw - 0.01 <= dot <= policy.pmax_mw + 0.01
    else:
        assert policy.decline_above_capability
        assert abs(dot) > capability


# --- capability --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start_h", "end_h", "mw"),
    [(-1.0, 0.0, 150.0), (-1.0, 0.1, 20.0), (0.2, 0.3, 20.0), (0.9, 3.0, 20.0), (1.0, 2.0, 150.0)],
)
def test_an_outage_counts_when_it_touches_the_hour(start_h: float, end_h: float, mw: float) -> None:
    out = Outage("TIE_1", HOUR + start_h * ONE_HOUR, HOUR + end_h * ONE_HOUR, 20.0)
    assert capability_at("TIE_1", 150.0, (out,), HOUR, HOUR + ONE_HOUR) == mw
    assert capability_at("TIE_2", 150.0, (out,), HOUR, HOUR + ONE_HOUR) == 150.0


def test_an_outage_never_gives_more_than_normal() -> None:
    outages = [Outage("TIE_1", HOUR, HOUR + ONE_HOUR, mw) for mw in (300.0, 70.0, 90.0)]
    assert capability_at("TIE_1", 150.0, outages, HOUR, HOUR + ONE_HOUR) == 70.0
    assert capability_at("TIE_1", 150.0, outages[:1], HOUR, HOUR + ONE_HOUR) == 150.0


def test_an_hourly_instruction_is_about_at_least_its_whole_hour() -> None:
    assert delivery(batch(), row()) == (HOUR, HOUR + ONE_HOUR)
    assert delivery(batch(), row(start_time=None, end_time=None)) == (HOUR, HOUR + ONE_HOUR)
    assert delivery(batch(), row(end_time=HOUR + ONE_HOUR / 2)) == (HOUR, HOUR + ONE_HOUR)
    middle = row(start_time=HOUR + ONE_HOUR / 2, end_time=HOUR + 2 * ONE_HOUR)
    assert delivery(batch(), middle) == (HOUR, HOUR + 2 * ONE_HOUR)
