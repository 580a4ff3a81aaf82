from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from caiso_ads.core.codes import BatchStatus, BatchType, ReasonCode
from caiso_ads.core.model import DispatchBatch
from caiso_ads.simulator.fleet import OPERATOR
from caiso_ads.simulator.responses import Answer, respond
from tests.simulator.bench import Bench, told

HOUR = datetime(2026, 7, 22, 21, 0, tzinfo=UTC)
OPENED = HOUR - timedelta(minutes=62)
TIE = "NORTIE_5_IMPRT1"


def _opened(hour: datetime = HOUR, **switches: Any) -> tuple[Bench, str]:
    bench = Bench(hour - timedelta(minutes=62), **switches)
    entry = bench.market.newest(BatchType.HOURLY_PRE_DISPATCH)
    assert entry is not None
    assert entry.header.start_time == hour
    return bench, entry.uid


def _to(bench: Bench, at: datetime) -> None:
    bench.move((at - bench.clock.now().wall).total_seconds())


def _with_minimum(*, present: bool) -> tuple[Bench, DispatchBatch]:
    for n in range(40):
        bench, uid = _opened(HOUR + timedelta(hours=n))
        if (told(bench.batch(uid), TIE).min_accept_mw is not None) == present:
            return bench, bench.batch(uid)
    raise AssertionError("no such hour in forty")


def test_an_answered_batch_goes_from_active_over_operators_to_closed() -> None:
    bench, uid = _opened()
    header = bench.batch(uid)
    assert header.batch_status is BatchStatus.ACTIVE
    assert header.batch_expires == header.batch_received + timedelta(seconds=1200)
    respond(bench.market, bench.who(OPERATOR), Answer(uid, told(header, TIE).instruction_uid))
    _to(bench, header.batch_received + timedelta(seconds=1201))
    assert bench.batch(uid).batch_status is BatchStatus.OPERATOR_RESPONSE_PERIOD
    _to(bench, HOUR - timedelta(seconds=914))
    closed = bench.batch(uid)
    assert closed.batch_status is BatchStatus.CLOSED
    assert closed.batch_expires == HOUR - timedelta(minutes=15, seconds=15)
    assert closed.revision_no > header.revision_no


def test_window_lengths_are_switches() -> None:
    bench, uid = _opened(hourly_participant_s=100, hourly_close_s=3000)
    _to(bench, OPENED + timedelta(seconds=60))
    assert bench.batch(uid).batch_status is BatchStatus.OPERATOR_RESPONSE_PERIOD
    _to(bench, HOUR - timedelta(seconds=2999))
    assert bench.batch(uid).batch_status is BatchStatus.TIME_OUT


@pytest.mark.parametrize("present", [True, False])
def test_no_answer_accepts_the_minimum_or_declines(present: bool) -> None:  # noqa: FBT001 - one of the two cases
    bench, batch = _with_minimum(present=present)
    before = told(batch, TIE)
    _to(bench, batch.start_time - timedelta(minutes=15))
    after = told(bench.batch(batch.batch_uid), TIE)
    assert bench.batch(batch.batch_uid).batch_status is BatchStatus.TIME_OUT
    if present:
        assert (after.accept_dot_mw, after.reason_code) == (before.min_accept_mw, ReasonCode.TIMED_OUT_MINIMUM_ACCEPTED)
    else:
        assert (after.accept_dot_mw, after.reason_code) == (before.hourly_mw, ReasonCode.TIMED_OUT_FORCED_DECLINE)
    assert after.accept_status == "NON_RESPONSE"
    assert after.revision_number == 1


def test_the_accepted_amount_becomes_the_hours_schedule() -> None:
    bench, uid = _opened()
    row = told(bench.batch(uid), TIE)
    respond(bench.market, bench.who(OPERATOR), Answer(uid, row.instruction_uid, 11, 9.5))
    _to(bench, HOUR + timedelta(minutes=26))
    entry = bench.market.newest(BatchType.FIVE_MINUTE, TIE)
    assert entry is not None
    assert told(entry.full(), TIE).dot_mw == 9.5


def test_the_hours_before_the_start_were_answered() -> None:
    bench = Bench()
    hourly = [b for b in bench.batches() if b.batch_type is BatchType.HOURLY_PRE_DISPATCH]
    ended = [b for b in hourly if b.start_time < bench.clock.now().wall]
    assert ended
    assert {b.batch_status for b in ended} == {BatchStatus.CLOSED}


def test_a_cancelled_batch_leaves_its_course() -> None:
    bench, uid = _opened()
    bench.market.cancel(uid)
    _to(bench, HOUR)
    batch = bench.batch(uid)
    assert batch.batch_status is BatchStatus.EMERGENCY_CANCELLED
    assert told(batch, TIE).accept_status is None
