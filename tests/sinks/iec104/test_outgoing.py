from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.sinks.iec104.asdu import Cause, Object, Shown, Type, pack, parse_head, stamp_of, unpack
from caiso_ads.sinks.iec104.outgoing import MOST_INTERROGATIONS, MOST_REPLIES, Change, Outgoing
from caiso_ads.sinks.iec104.station import Answer
from tests.sinks.modbus.snapshots import AT

TYPES = {1: Type.M_ME_NC_1, 2: Type.M_ME_NC_1, 3: Type.M_SP_NA_1, 4: Type.M_IT_NA_1}
STAMP = stamp_of(AT)


def change(address: int, value: int, generation: int = 1) -> Change:
    return Change(Object(address, Shown(value, 0), STAMP), generation)


def plain(address: int, value: int) -> bytes:
    return pack(TYPES[address], Cause.REQUEST, 1, [Object(address, Shown(value, 0))])


def whole(*values: bytes) -> Answer:
    first, *body, last = values
    return Answer(first, body=iter(body), last=last)


def queue(limit: int = 100) -> Outgoing:
    return Outgoing(1, TYPES, limit)


def told(outgoing: Outgoing) -> list[tuple[int, float]]:
    found = []
    while (message := outgoing.next()) is not None:
        found += [(one.address, one.shown.value) for one in unpack(message.asdu)[1]]
    return found


def test_changes_are_told_in_order_timed_and_spontaneous() -> None:
    outgoing = queue()
    outgoing.tell([change(1, 1), change(2, 2), change(3, 1), change(1, 3)])
    first = outgoing.next()
    assert first is not None
    head = parse_head(first.asdu)
    assert (head.type, head.cause, head.number) == (Type.M_ME_TF_1, Cause.SPONTANEOUS, 2)
    assert told(outgoing) == [(3, 1), (1, 3)]
    assert outgoing.next() is None


def test_a_snapshot_is_had_in_full_with_its_last_change() -> None:
    outgoing = queue()
    outgoing.tell([change(1, 1, 5), change(3, 1, 5), change(3, 0, 6)])
    generations = [message.generation for message in iter(outgoing.next, None)]
    assert generations == [-1, 6]
    outgoing.tell([change(1, 1, 7)])
    outgoing.interrogated(whole(plain(1, 2), plain(3, 1)), 8, completes=True)
    messages = list(iter(outgoing.next, None))
    assert [message.generation for message in messages] == [7, -1, 8]
    assert [message.completes for message in messages] == [False, False, True]


def test_beyond_the_limit_only_the_newest_of_each_object_is_kept() -> None:
    outgoing = queue(limit=100)
    for value in range(60):
        outgoing.tell([change(1, value), change(3, value % 2)])
    assert outgoing.collapsed == 1
    assert outgoing.waiting <= 100
    found = told(outgoing)
    assert found[-2:] == [(1, 59), (3, 1)]
    assert (1, 30) not in found


def test_what_is_kept_stays_in_the_order_of_time() -> None:
    outgoing = queue(limit=100)
    outgoing.tell([change(2, 0), *(change(1, value) for value in range(100)), change(2, 9)])
    assert told(outgoing) == [(1, 99), (2, 9)]


def test_an_interrogation_comes_after_the_changes_that_are_older_and_before_the_newer() -> None:
    outgoing = queue()
    outgoing.tell([change(1, 1)])
    outgoing.interrogated(whole(plain(1, 2), plain(2, 2), plain(3, 1)), 1, completes=True)
    outgoing.tell([change(1, 3)])
    assert told(outgoing) == [(1, 1), (1, 2), (2, 2), (3, 1), (1, 3)]


def test_a_read_is_never_followed_by_an_older_value() -> None:
    outgoing = queue()
    outgoing.tell([change(1, 1), change(2, 1)])
    outgoing.reply(plain(1, 2), read=1)
    assert told(outgoing) == [(1, 2), (2, 1)]
    outgoing.interrogated(whole(plain(1, 1), plain(2, 1)), 1, completes=True)
    outgoing.reply(plain(1, 2), read=1)
    assert told(outgoing) == [(1, 1), (2, 1), (1, 2)]


def test_a_master_that_asks_and_takes_nothing_is_noticed() -> None:
    outgoing = queue()
    for _ in range(MOST_REPLIES):
        outgoing.reply(plain(1, 1))
    before = outgoing.flooded
    outgoing.reply(plain(1, 1))
    assert (before, outgoing.flooded) == (False, True)
    outgoing.clear()
    assert (outgoing.flooded, outgoing.next()) == (False, None)
    outgoing.interrogated(whole(plain(1, 1), plain(1, 1)), 1, completes=True)
    for _ in range(MOST_REPLIES + 1):
        outgoing.reply(plain(1, 1), read=1)
    after = outgoing.flooded
    told(outgoing)
    assert (after, outgoing.flooded) == (True, False)


def test_few_interrogations_wait_at_a_time() -> None:
    outgoing = queue()
    for _ in range(MOST_INTERROGATIONS):
        assert not outgoing.busy
        outgoing.interrogated(whole(plain(1, 1), plain(1, 1)), 1, completes=True)
    full = outgoing.busy
    outgoing.next()
    outgoing.next()
    assert (full, outgoing.busy) == (True, False)


@given(st.lists(st.tuples(st.integers(1, 4), st.booleans()), max_size=200), st.integers(1, 20))
@settings(max_examples=40)
def test_the_last_state_of_each_object_always_arrives_and_memory_is_bounded(
    acts: list[tuple[int, bool]], limit: int
) -> None:
    outgoing, newest, got = queue(limit), dict[int, int](), dict[int, float]()
    for value, (address, take) in enumerate(acts):
        newest[address] = value & 1
        outgoing.tell([change(address, value & 1)])
        assert outgoing.waiting <= max(limit, len(TYPES))
        if take and (message := outgoing.next()) is not None:
            got |= {one.address: one.shown.value for one in unpack(message.asdu)[1]}
    got |= dict(told(outgoing))
    assert got == newest
