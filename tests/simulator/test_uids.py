from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from caiso_ads.simulator.uids import make_uid, ticks_of

AT = datetime(2020, 7, 21, 23, 16, 4, 300000, tzinfo=UTC)
FORM = re.compile(r"(DISP|TRAJ)-[0-9A-F]{1,8}-[0-9A-F]{4}-4[0-9A-F]{3}-[0-9A-F]{4}-[0-9A-F]{12}")


def test_captured_identifier_decodes_to_its_received_time() -> None:
    ticks = ticks_of("DISP-12A1D8C0-ADD6-4038-0000-000000000000")
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks // 10) == AT.replace(microsecond=300_000)


def test_time_based_identifier_carries_its_arrival() -> None:
    uid = make_uid("DISP", AT, seed=1, salt="x", mode="time")
    assert FORM.fullmatch(uid)
    assert ticks_of(uid) == (AT - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 10


def test_random_identifiers_do_not_sort_by_time() -> None:
    uids = [make_uid("TRAJ", AT + timedelta(minutes=5 * n), seed=1, salt="x", mode="random") for n in range(50)]
    assert all(FORM.fullmatch(uid) for uid in uids)
    assert sorted(uids) != uids
    assert len(set(uids)) == 50


def test_identifiers_repeat_with_the_seed_and_differ_without() -> None:
    make = [make_uid("DISP", AT, seed=seed, salt="x", mode="random") for seed in (1, 1, 2)]
    assert make[0] == make[1] != make[2]
