from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.errors import WireError
from caiso_ads.sinks.iec104.apdu import MODULO, Frame, IFrame, SFrame, U, UFrame
from caiso_ads.sinks.iec104.session import Limits, Session

LIMITS = Limits()
START = UFrame(U.STARTDT_ACT)


def started(limits: Limits = LIMITS) -> Session:
    session = Session(limits, 0.0)
    assert session.receive(START, 0.0) is None
    assert drained(session) == [UFrame(U.STARTDT_CON)]
    return session


def drained(session: Session) -> list[Frame]:
    frames = list(session.outbox)
    session.outbox.clear()
    return frames


def test_nothing_may_be_sent_before_startdt() -> None:
    assert not Session(LIMITS, 0.0).may_send
    assert started().may_send


def test_an_i_frame_before_startdt_ends_it() -> None:
    with pytest.raises(WireError, match="before STARTDT"):
        Session(LIMITS, 0.0).receive(IFrame(0, 0, b"x"), 0.0)


def test_no_more_than_k_frames_wait_for_acknowledgement() -> None:
    session = started()
    for number in range(LIMITS.k):
        assert session.may_send
        session.send(b"x", 0.0, tag=number)
    full = session.may_send
    session.receive(SFrame(3), 1.0)
    assert (full, session.may_send, session.acknowledged) == (False, True, 2)


def test_w_frames_are_acknowledged_at_once_and_fewer_after_t2() -> None:
    session = started()
    for number in range(LIMITS.w):
        assert drained(session) == []
        assert session.receive(IFrame(number, 0, b"x"), 1.0) == b"x"
    assert drained(session) == [SFrame(LIMITS.w)]
    session.receive(IFrame(LIMITS.w, 0, b"x"), 2.0)
    session.tick(2.0 + LIMITS.t2 - 0.1)
    assert drained(session) == []
    session.tick(2.0 + LIMITS.t2)
    assert drained(session) == [SFrame(LIMITS.w + 1)]
    session.tick(2.0 + 2 * LIMITS.t2 - 1)
    assert drained(session) == []


def test_a_frame_sent_acknowledges_too() -> None:
    session = started()
    session.receive(IFrame(0, 0, b"x"), 0.0)
    session.send(b"y", 0.0)
    assert drained(session) == [IFrame(0, 1, b"y")]
    session.tick(LIMITS.t2)
    assert drained(session) == []


def test_without_acknowledgement_for_t1_it_ends() -> None:
    session = started()
    session.send(b"x", 1.0)
    session.tick(LIMITS.t1 + 0.9)
    with pytest.raises(WireError, match="t1"):
        session.tick(LIMITS.t1 + 1)


def test_a_silent_link_is_tested_after_t3_and_ends_t1_later() -> None:
    session = started()
    session.tick(LIMITS.t3 - 0.1)
    assert drained(session) == []
    session.tick(LIMITS.t3)
    assert drained(session) == [UFrame(U.TESTFR_ACT)]
    session.receive(UFrame(U.TESTFR_CON), LIMITS.t3 + 1)
    session.tick(LIMITS.t3 + LIMITS.t1)
    session.tick(2 * LIMITS.t3 + 1)
    assert drained(session) == [UFrame(U.TESTFR_ACT)]
    with pytest.raises(WireError, match="TESTFR"):
        session.tick(2 * LIMITS.t3 + 1 + LIMITS.t1)


def test_a_test_is_answered_also_before_startdt() -> None:
    session = Session(LIMITS, 0.0)
    session.receive(UFrame(U.TESTFR_ACT), 0.0)
    assert drained(session) == [UFrame(U.TESTFR_CON)]


def test_a_stop_is_confirmed_when_all_is_acknowledged() -> None:
    session = started()
    session.receive(IFrame(0, 0, b"x"), 0.0)
    session.send(b"y", 0.0)
    session.receive(IFrame(1, 0, b"x"), 0.0)
    drained(session)
    session.receive(UFrame(U.STOPDT_ACT), 0.0)
    assert drained(session) == [SFrame(2)]
    stopped = session.may_send
    session.receive(SFrame(1), 0.0)
    assert drained(session) == [UFrame(U.STOPDT_CON)]
    session.receive(START, 0.0)
    assert (stopped, session.may_send) == (False, True)


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        (IFrame(1, 0, b"x"), "where 0 was due"),
        (IFrame(MODULO - 1, 0, b"x"), "where 0 was due"),
        (IFrame(0, 3, b"x"), "2 is the next"),
        (SFrame(3), "2 is the next"),
        (SFrame(MODULO - 1), "2 is the next"),
        (UFrame(U.STARTDT_CON), "asked for nothing"),
        (UFrame(U.STOPDT_CON), "asked for nothing"),
    ],
)
def test_wrong_numbers_and_wrong_ways_end_it(frame: Frame, problem: str) -> None:
    session = started()
    session.send(b"x", 0.0)
    session.send(b"x", 0.0)
    with pytest.raises(WireError, match=problem):
        session.receive(frame, 0.0)


def test_numbers_wrap() -> None:
    session, frames = started(Limits(k=1, w=1)), list[Frame]()
    for number in range(MODULO + 3):
        session.receive(IFrame(number % MODULO, number % MODULO, b"x"), 0.0)
        session.send(b"y", 0.0)
        session.receive(SFrame((number + 1) % MODULO), 0.0)
        frames = drained(session)
    assert frames == [SFrame(3), IFrame(2, 3, b"y")]


ACTS = st.one_of(
    st.builds(IFrame, st.integers(0, 5), st.integers(0, 5), st.just(b"x")),
    st.builds(SFrame, st.integers(0, 5)),
    st.builds(UFrame, st.sampled_from(U)),
    st.sampled_from(["send", "tick"]),
)


@given(st.lists(ACTS, max_size=30))
@settings(max_examples=80)
def test_whatever_comes_is_taken_or_ends_it_and_the_window_holds(acts: list[Frame | str]) -> None:
    session, now, waiting = Session(Limits(k=3, w=2), 0.0), 0.0, 0
    for act in acts:
        now += 1.0
        try:
            if act == "send":
                if session.may_send:
                    session.send(b"y", now, tag=waiting)
                    waiting += 1
            elif act == "tick":
                session.tick(now)
            elif not isinstance(act, str):
                session.receive(act, now)
        except WireError:
            return
        assert waiting - 1 - session.acknowledged <= 3
        assert session.started or not session.may_send
