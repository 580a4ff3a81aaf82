"""An instruction that takes answers, as it is told: open while its window is and nobody answered."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from caiso_ads.core.answers import OCCUPIED, Answer, AnswerKind, AnswerState
from caiso_ads.core.codes import BatchStatus, BatchType
from caiso_ads.store.asked_view import as_json, is_open, standing
from caiso_ads.store.hourly import Asked
from tests.store.making import NOON, a_batch

CLOSES = NOON + timedelta(minutes=10)
BATCH = replace(
    a_batch("H"), batch_type=BatchType.HOURLY_PRE_DISPATCH, batch_status=BatchStatus.ACTIVE, batch_expires=CLOSES
)
ROW = Asked(BATCH, BATCH.instructions[0], NOON)


def answered(state: AnswerState, revision: int = 0) -> Asked:
    given = Answer(1, "H", "H-I0", "UNIT_0", revision, AnswerKind.ACCEPT, "Ann", NOON, state=state)
    return replace(ROW, answers=(given,))


def test_it_is_open_until_its_window_ends() -> None:
    assert is_open(ROW, NOON)
    assert not is_open(ROW, CLOSES)
    assert not is_open(replace(ROW, batch=replace(BATCH, batch_status=BatchStatus.CLOSED)), NOON)


@pytest.mark.parametrize("state", list(AnswerState))
def test_an_answer_of_ours_that_stands_closes_it(state: AnswerState) -> None:
    row = answered(state)
    assert (standing(row) is not None) is (state in OCCUPIED)
    assert is_open(row, NOON) is (state not in OCCUPIED)
    assert is_open(answered(state, revision=9), NOON)  # to another revision


def test_the_isos_answer_closes_it() -> None:
    row = replace(ROW, instruction=replace(ROW.instruction, accept_status="ACCEPT"))
    assert not is_open(row, NOON)


def test_all_of_it_is_json_and_what_is_not_known_is_null() -> None:
    told = as_json(ROW, NOON)
    assert json.loads(json.dumps(told)) == told
    assert (told["open"], told["seconds_left"], told["closes_at"]) == (True, 600.0, "2026-07-21T12:10:00Z")
    assert (told["schedule_mw"], told["min_accept_mw"], told["iso"]["accept_dot_mw"]) == (None, None, None)
    assert as_json(ROW, CLOSES + timedelta(hours=1))["seconds_left"] == 0.0
