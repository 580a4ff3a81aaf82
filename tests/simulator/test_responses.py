from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from caiso_ads.core.codes import BatchStatus, BatchType, InstructionType, ReasonCode, ResponseResult
from caiso_ads.simulator.fleet import BACKUP, COMPETITOR, OPERATOR, VIEWER
from caiso_ads.simulator.responses import Answer, respond, validate
from tests.simulator.bench import Bench, told

OPEN = datetime(2026, 7, 22, 19, 58, tzinfo=UTC)
TIE = "NORTIE_5_IMPRT1"


def _open_batch(**switches: Any) -> tuple[Bench, str, str]:
    bench = Bench(OPEN, **switches)
    entry = bench.market.newest(BatchType.HOURLY_PRE_DISPATCH)
    assert entry is not None
    return bench, entry.uid, told(entry.full(), TIE).instruction_uid


def test_accepting_takes_the_whole_dot() -> None:
    bench, uid, instruction = _open_batch()
    assert respond(bench.market, bench.who(), Answer(uid, instruction)) is ResponseResult.RC_SUCCESS
    row = told(bench.batch(uid), TIE)
    assert (row.accept_dot_mw, row.accept_status, row.responder) == (row.dot_mw, "ACCEPT", OPERATOR)
    assert (row.revision_number, bench.batch(uid).revision_no) == (1, 1)


def test_declining_goes_back_to_the_hour_ahead_schedule() -> None:
    bench, uid, instruction = _open_batch()
    assert respond(bench.market, bench.who(BACKUP), Answer(uid, instruction, 13)) is ResponseResult.RC_SUCCESS
    row = told(bench.batch(uid), TIE)
    assert (row.accept_dot_mw, row.accept_status, row.responder) == (row.hourly_mw, "DECLINE", BACKUP)
    assert row.reason_code is ReasonCode.UNIT_DERATE


@pytest.mark.parametrize(("share", "code"), [(0.0, 0), (0.5, 0), (1.0, 0), (1.01, 1), (-0.01, 1)])
def test_a_partial_acceptance_lies_between_zero_and_the_hourly_dot(share: float, code: int) -> None:
    bench, uid, instruction = _open_batch()
    mw = (told(bench.batch(uid), TIE).dot_mw or 0.0) * share
    assert respond(bench.market, bench.who(), Answer(uid, instruction, 11, mw)) == code
    row = told(bench.batch(uid), TIE)
    assert (row.accept_status, row.accept_dot_mw) == (("PARTIAL", mw) if code == 0 else (None, None))


def test_before_2023_a_partial_acceptance_was_capped_by_the_threshold() -> None:
    bench, uid, instruction = _open_batch(partial_range="threshold")
    row = told(bench.batch(uid), TIE)
    assert row.dot_mw is not None
    assert row.hourly_mw_threshold is not None
    assert row.hourly_mw_threshold < row.dot_mw
    assert respond(bench.market, bench.who(), Answer(uid, instruction, 11, row.dot_mw)) == 1
    assert respond(bench.market, bench.who(), Answer(uid, instruction, 11, row.hourly_mw_threshold)) == 0


@pytest.mark.parametrize("reason", [9, 15, 16, 99])
def test_reasons_of_the_system_are_not_for_people(reason: int) -> None:
    bench, uid, instruction = _open_batch()
    assert respond(bench.market, bench.who(), Answer(uid, instruction, reason)) == 1


def test_result_codes_for_what_is_not_there_or_not_allowed() -> None:
    bench, uid, instruction = _open_batch()
    codes = {
        "no such batch": respond(bench.market, bench.who(), Answer("DISP-0", instruction)),
        "trajectory": respond(
            bench.market, bench.who(), Answer(next(iter(bench.market.trajectories)).uid, instruction)
        ),
        "no such instruction": respond(bench.market, bench.who(), Answer(uid, f"{uid}-I0")),
        "reader": respond(bench.market, bench.who(VIEWER), Answer(uid, instruction)),
        "other company": respond(bench.market, bench.who(COMPETITOR), Answer(uid, instruction)),
    }
    assert {name: int(code) for name, code in codes.items()} == {
        "no such batch": 3,
        "trajectory": 3,
        "no such instruction": 4,
        "reader": 5,
        "other company": 5,
    }
    assert told(bench.batch(uid), TIE).accept_status is None


def test_outside_the_window_and_for_other_types_the_period_is_wrong() -> None:
    bench, uid, instruction = _open_batch()
    bench.move(1201)
    assert respond(bench.market, bench.who(), Answer(uid, instruction)) == 2
    entry = bench.market.newest()
    assert entry is not None
    dot = told(entry.full(), TIE)
    assert respond(bench.market, bench.who(), Answer(entry.uid, dot.instruction_uid)) == 2


def test_an_export_is_accepted_between_its_negative_dot_and_zero() -> None:
    bench = Bench(OPEN)
    row = {"resource_id": TIE, "instruction_type": InstructionType.DOT, "dot_mw": -40.0}
    header = {"batch_type": BatchType.HOURLY_PRE_DISPATCH, "batch_status": BatchStatus.ACTIVE}
    uid = bench.market.issue(header, [row])
    entry = bench.market.dispatches.get(uid)
    assert entry is not None
    instruction = entry.full().instructions[0].instruction_uid
    codes = [respond(bench.market, bench.who(), Answer(uid, instruction, 11, mw)) for mw in (-41.0, -40.0, -1.0, 1.0)]
    assert codes == [1, 0, 0, 1]


def test_only_the_primary_validates_and_only_once() -> None:
    bench = Bench()
    entry = bench.market.newest()
    assert entry is not None
    now = bench.clock.now().wall
    assert validate(bench.market, bench.who(BACKUP), entry.uid, now) == 0
    assert validate(bench.market, bench.who(VIEWER), entry.uid, now) == 0
    assert validate(bench.market, bench.who(), entry.uid, now) == 6
    bench.move(60)
    assert validate(bench.market, bench.who(), entry.uid, bench.clock.now().wall) == 0
    row = told(entry.full(), "SUNRDG_7_SOLAR1")
    assert (row.api_validated, row.api_validated_by) == (now.replace(microsecond=0), OPERATOR)
    assert told(entry.full(), "OTHRCO_1_GAS9").api_validated is None


@pytest.mark.parametrize(("switch", "revision"), [(False, 0), (True, 1)])
def test_validation_is_a_revision_only_by_switch(switch: bool, revision: int) -> None:  # noqa: FBT001 - one of the two cases
    bench = Bench(validation_revises=switch)
    entry = bench.market.newest()
    assert entry is not None
    validate(bench.market, bench.who(), entry.uid, bench.clock.now().wall)
    assert entry.header.revision_no == revision


def test_validating_what_is_not_kept_changes_nothing() -> None:
    bench = Bench()
    assert validate(bench.market, bench.who(), "DISP-0", bench.clock.now().wall) == 0
