from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from caiso_ads.core.instant import Instant
from caiso_ads.loop.clockwatch import ClockWatch
from caiso_ads.ports import Receipt
from tests.fakes import START, batch

NOW = Instant(START, 100.0)


def receipt(*, ahead_s: float | None = None) -> Receipt[object]:
    date = None if ahead_s is None else START + timedelta(seconds=ahead_s)
    return Receipt("getDispatchBatch", "A", b"", START, batch("A"), date)


@pytest.mark.parametrize(("ahead_s", "offset_s"), [(0.0, 0.5), (-3.0, -2.5), (60.0, 60.5)])
def test_the_date_header_gives_the_offset(ahead_s: float, offset_s: float) -> None:
    event = ClockWatch(NOW, 10.0).answer(receipt(ahead_s=ahead_s), NOW)
    assert event is not None
    assert (event.offset_s, event.limit_s) == (offset_s, 10.0)


def test_without_a_header_an_answer_says_nothing_and_a_batch_from_our_future_does() -> None:
    watch, plain = ClockWatch(NOW, 10.0), receipt()
    assert watch.answer(plain, NOW) is None
    near = batch("A", received=START + timedelta(seconds=9))
    far = batch("A", received=START + timedelta(seconds=45))
    assert watch.batch(plain, near, NOW) is None  # type: ignore[arg-type]  # a receipt of whatever content
    event = watch.batch(plain, far, NOW)  # type: ignore[arg-type]  # as above
    assert event is not None
    assert event.offset_s == 45.0
    assert watch.batch(receipt(ahead_s=0.0), far, NOW) is None  # type: ignore[arg-type]  # the header is the better witness


@pytest.mark.parametrize(("jump_s", "noticed"), [(0.9, False), (1.1, True), (-600.0, True), (600.0, True)])
def test_a_jump_between_two_beats_is_noticed(jump_s: float, noticed: bool) -> None:  # noqa: FBT001 - a table
    watch = ClockWatch(NOW, 10.0)
    later = Instant(NOW.plus(1.0 + jump_s).wall, NOW.mono + 1.0)
    event = watch.beat(later)
    assert (event is not None) == noticed
    if event is not None:
        assert (event.at, event.before) == (later, NOW)


def test_each_change_of_trust_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    watch = ClockWatch(NOW, 10.0)
    with caplog.at_level(logging.INFO):
        for ahead in (0.0, 60.0, 61.0, 62.0, 0.0, 0.0):
            watch.answer(receipt(ahead_s=ahead), NOW)
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
