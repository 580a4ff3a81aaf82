"""Nothing is sent that the ISO would refuse, and nothing counts as answered that was not read back."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.core.answering import (
    MARGIN_S,
    REASONS,
    RESULT_WORDS,
    closes_at,
    is_silent,
    iso_answer,
    period_refusal,
    read_back,
    read_reason,
    reason_word,
    refusal,
    result_words,
    state_of,
)
from caiso_ads.core.answers import Answer, AnswerKind, AnswerState
from caiso_ads.core.codes import BatchStatus, BatchType, ReasonCode, ResponseResult
from caiso_ads.core.model import DispatchBatch
from caiso_ads.errors import CommandError
from tests.core.answer_cases import CLOSES, HOUR, NOW, answer, batch, row

ACCEPT, DECLINE, PARTIAL = AnswerKind.ACCEPT, AnswerKind.DECLINE, AnswerKind.PARTIAL
DERATE = ReasonCode.UNIT_DERATE
BEFORE_MARGIN = CLOSES - timedelta(seconds=MARGIN_S, microseconds=1)


def refused(said: Answer, seen: DispatchBatch | None, now: datetime = NOW, *, clock_ok: bool = True) -> str:
    """Return the field an answer is refused for; empty when it may be sent."""
    error = refusal(said, seen, now, clock_ok=clock_ok)
    return "" if error is None else error.field or "?"


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        (answer(), batch()),
        (answer(), batch(batch_type=BatchType.HOURLY_AS_AWARDS)),
        (answer(), batch(batch_expires=None)),
        (answer(), batch(row(status_code=BatchStatus.NEW))),
        (answer(), batch(row(dot_mw=None))),
        *((answer(DECLINE, reason_code=code), batch()) for code in REASONS),
        *((answer(PARTIAL, mw=mw, reason_code=DERATE), batch()) for mw in (0.0, -0.0, 55.5, 100.0)),
        *((answer(PARTIAL, mw=mw, reason_code=DERATE), batch(row(dot_mw=-40.0))) for mw in (0.0, -12.0, -40.0)),
    ],
)
def test_what_the_iso_would_take_may_be_sent(said: Answer, seen: DispatchBatch) -> None:
    assert refused(said, seen) == ""


@pytest.mark.parametrize(
    ("said", "seen", "field"),
    [
        (answer(), None, "batch"),
        (answer(batch_uid="B2"), batch(), "batch"),
        (answer(instruction_uid="B1-I2"), batch(), "instruction"),
        (answer(resource_id="TIE_2"), batch(), "instruction"),
        (answer(revision_no=2), batch(), "revision"),
        (answer(revision_no=4), batch(), "revision"),
        (answer(), batch(batch_status=BatchStatus.EMERGENCY_CANCELLED), "batch"),
        (answer(), batch(row(status_code=BatchStatus.EMERGENCY_CANCELLED)), "instruction"),
        *(
            (answer(), batch(batch_type=kind), "batch")
            for kind in (*BatchType, BatchType(77))
            if kind not in {BatchType.HOURLY_PRE_DISPATCH, BatchType.HOURLY_AS_AWARDS}
        ),
        *(
            (answer(), batch(batch_status=status), "period")
            for status in (*BatchStatus, BatchStatus(77))
            if status not in {BatchStatus.ACTIVE, BatchStatus.EMERGENCY_CANCELLED}
        ),
        (answer(reason_code=DERATE), batch(), "reason"),
        (answer(DECLINE), batch(), "reason"),
        (answer(PARTIAL, mw=1.0), batch(), "reason"),
        *((answer(DECLINE, reason_code=ReasonCode(code)), batch(), "reason") for code in (0, 9, 15, 16, 17)),
        (answer(mw=1.0), batch(), "mw"),
        (answer(DECLINE, reason_code=DERATE, mw=0.0), batch(), "mw"),
        *(
            (answer(PARTIAL, reason_code=DERATE, mw=mw), batch(), "mw")
            for mw in (None, -0.1, 100.1, math.nan, math.inf, -math.inf)
        ),
        *((answer(PARTIAL, reason_code=DERATE, mw=mw), batch(row(dot_mw=-40.0)), "mw") for mw in (0.1, -40.1, 40.0)),
        (answer(PARTIAL, reason_code=DERATE, mw=0.0), batch(row(dot_mw=None)), "mw"),
        (answer(PARTIAL, reason_code=DERATE, mw=0.0), batch(row(dot_mw=math.nan)), "mw"),
    ],
)
def test_what_the_iso_would_refuse_is_refused_here(said: Answer, seen: DispatchBatch | None, field: str) -> None:
    assert refused(said, seen) == field


def test_the_window_ends_a_margin_early() -> None:
    assert refused(answer(), batch(), BEFORE_MARGIN) == ""
    assert refused(answer(), batch(), BEFORE_MARGIN + timedelta(microseconds=1)) == "period"
    assert refused(answer(), batch(), CLOSES) == "period"
    assert period_refusal(batch(), CLOSES - timedelta(seconds=2), margin_s=1.0) is None


def test_without_a_told_end_the_hour_itself_ends_the_window() -> None:
    unknown = batch(batch_expires=None)
    assert closes_at(unknown) is None
    assert refused(answer(), unknown, HOUR - timedelta(seconds=6)) == ""
    assert refused(answer(), unknown, HOUR - timedelta(seconds=5)) == "period"


def test_a_clock_that_is_not_the_isos_answers_nothing() -> None:
    error = refusal(answer(), batch(), NOW, clock_ok=False)
    assert error is not None
    assert error.field == "clock"
    assert "NTP" in error.cure


def test_only_the_participants_window_has_an_end() -> None:
    assert closes_at(batch()) == CLOSES
    assert closes_at(batch(batch_status=BatchStatus.OPERATOR_RESPONSE_PERIOD)) is None
    assert closes_at(batch(batch_type=BatchType.FIVE_MINUTE)) is None


MW = st.none() | st.floats(-150, 150) | st.sampled_from([math.nan, math.inf, 0.0, 100.0])


@given(
    kind=st.sampled_from(AnswerKind), mw=MW, dot=MW, reason=st.none() | st.integers(8, 18).map(ReasonCode),
    shown=st.integers(2, 4), status=st.integers(0, 7).map(BatchStatus), kind_of_batch=st.integers(0, 6).map(BatchType),
    before_s=st.floats(-20, 20), clock_ok=st.booleans(),
)  # fmt: skip
def test_whatever_is_let_through_keeps_every_rule_of_the_iso(
    *, kind: AnswerKind, mw: float | None, dot: float | None, reason: ReasonCode | None, shown: int,
    status: BatchStatus, kind_of_batch: BatchType, before_s: float, clock_ok: bool,
) -> None:  # fmt: skip
    seen = batch(row(dot_mw=dot), batch_status=status, batch_type=kind_of_batch)
    now = CLOSES - timedelta(seconds=before_s)
    if refused(answer(kind, mw=mw, reason_code=reason, revision_no=shown), seen, now, clock_ok=clock_ok):
        return
    assert clock_ok
    assert (shown, status) == (3, 1)
    assert kind_of_batch in {1, 5}
    assert (CLOSES - now).total_seconds() > 5.0
    assert (reason is None) == (kind is ACCEPT)
    assert reason is None or 10 <= reason <= 14
    assert (mw is not None) == (kind is PARTIAL)
    if mw is not None:
        assert dot is not None
        assert 0.0 <= abs(mw) <= abs(dot)
        assert mw * dot >= 0.0


# --- words -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("result", ResponseResult)
def test_every_documented_result_has_words_and_settles(result: ResponseResult) -> None:
    assert result in RESULT_WORDS
    assert result_words(result) == RESULT_WORDS[result]
    assert state_of(result) is (AnswerState.CONFIRMED if result == 0 else AnswerState.REFUSED)


def test_an_undocumented_result_settles_nothing() -> None:
    assert "42" in result_words(ResponseResult(42))
    assert state_of(ResponseResult(42)) is AnswerState.SENDING


@pytest.mark.parametrize("said", [13, "13", "unit-derate", " Unit Derate ", "UNIT_DERATE"])
def test_a_reason_is_read_by_number_and_by_word(said: object) -> None:
    assert read_reason(said) is DERATE


def test_every_reason_reads_back_from_its_word() -> None:
    assert [read_reason(reason_word(code)) for code in REASONS] == [10, 11, 12, 13, 14]


@pytest.mark.parametrize("said", [9, 15, 16, "timed-out-forced-decline", "", None, True, 13.0, "derate", [13]])
def test_what_people_may_not_give_is_no_reason(said: object) -> None:
    with pytest.raises(CommandError, match="10 line-down") as caught:
        read_reason(said)
    assert caught.value.field == "reason"


@pytest.mark.parametrize(
    ("word", "kind", "silent"),
    [
        (None, None, True), ("", None, True), ("NON_RESPONSE", None, True), ("non-response", None, True),
        ("ACCEPT", ACCEPT, False), (" accepted ", ACCEPT, False), ("Decline", DECLINE, False),
        ("PARTIAL", PARTIAL, False), ("?", None, False),
    ],
)  # fmt: skip
def test_the_isos_word_is_read_by_its_first_letter(word: str | None, kind: AnswerKind | None, *, silent: bool) -> None:
    assert iso_answer(row(accept_status=word)) is kind
    assert is_silent(row(accept_status=word)) is silent


def test_a_time_out_is_no_silence() -> None:
    assert not is_silent(row(accept_status="NON_RESPONSE", reason_code=ReasonCode.TIMED_OUT_FORCED_DECLINE))


# --- reading back ------------------------------------------------------------------------------------------------

LOST, SENDING = AnswerState.LOST, AnswerState.SENDING
CONFIRMED, SUPERSEDED = AnswerState.CONFIRMED, AnswerState.SUPERSEDED
HALF = answer(PARTIAL, mw=50.0, reason_code=DERATE)
HALVED: dict[str, Any] = {
    "accept_status": "PARTIAL", "accept_dot_mw": 50.0, "reason_code": DERATE, "responder": "Plant x1", "revision_number": 4
}  # fmt: skip


@pytest.mark.parametrize(
    ("said", "changes", "state"),
    [
        (answer(), {}, LOST),
        (answer(), {"accept_status": "NON_RESPONSE"}, LOST),
        (answer(), {"accept_status": "NON_RESPONSE", "reason_code": ReasonCode(15), "revision_number": 5}, LOST),
        (answer(), {"accept_status": "NON_RESPONSE", "reason_code": ReasonCode(16)}, LOST),
        (answer(), {"revision_number": 4}, SUPERSEDED),
        (answer(), {"accept_status": "ACCEPT"}, CONFIRMED),
        (answer(), {"accept_status": "ACCEPT", "responder": "plant X1 "}, CONFIRMED),
        (answer(), {"accept_status": "ACCEPT", "responder": "Somebody x2"}, SUPERSEDED),
        (answer(), {"accept_status": "DECLINE", "responder": "Plant x1"}, SUPERSEDED),
        (answer(), {"accept_status": "QUEUED"}, SENDING),
        (answer(), {"instruction_uid": "B1-I9"}, SENDING),
        (HALF, HALVED, CONFIRMED),
        (HALF, HALVED | {"accept_dot_mw": 50.004}, CONFIRMED),
        (HALF, HALVED | {"accept_dot_mw": 50.1}, SUPERSEDED),
        (HALF, HALVED | {"accept_dot_mw": None}, SENDING),
        (HALF, HALVED | {"reason_code": ReasonCode.LINE_DOWN}, SUPERSEDED),
        (HALF, HALVED | {"reason_code": None}, CONFIRMED),
        (answer(DECLINE, reason_code=DERATE), {"accept_status": "decline", "reason_code": DERATE}, CONFIRMED),
    ],
)
def test_a_batch_read_back_settles_what_it_tells(said: Answer, changes: dict[str, Any], state: AnswerState) -> None:
    found, text = read_back(said, batch(row(**changes)), responder="Plant x1")
    assert found is state
    assert text


def test_without_our_own_name_nobody_is_a_stranger() -> None:
    seen = batch(row(accept_status="ACCEPT", responder="Somebody x2", accept_dot_mw=100.0))
    state, text = read_back(answer(), seen)
    assert state is CONFIRMED
    assert "ACCEPT 100 MW by Somebody x2" in text


@given(
    said=st.sampled_from([answer(), answer(DECLINE, reason_code=DERATE), HALF, replace(HALF, mw=0.0)]),
    stands=st.sampled_from([answer(), answer(DECLINE, reason_code=DERATE), HALF, replace(HALF, mw=0.0)]),
    revision=st.integers(3, 9),
)
def test_only_what_was_said_itself_is_ever_confirmed(said: Answer, stands: Answer, revision: int) -> None:
    there = row(
        accept_status=stands.kind.value, accept_dot_mw=stands.mw, reason_code=stands.reason_code,
        revision_number=revision,
    )  # fmt: skip
    assert (read_back(said, batch(there))[0] is CONFIRMED) == (said == stands)
