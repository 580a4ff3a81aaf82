from __future__ import annotations

import pytest

from caiso_ads.core.alarm_kinds import Ident
from caiso_ads.core.alarm_reading import NOTHING_ELSE, Extra, read
from caiso_ads.core.points import Snapshot
from caiso_ads.core.quality import Quality, Reason
from tests.alarming import shot

GOOD = shot()


def holding(one: Snapshot, extra: Extra = NOTHING_ELSE) -> set[str]:
    return {ident.text for ident in read(one, extra).holding}


@pytest.mark.parametrize(
    ("one", "extra", "found"),
    [
        (GOOD, NOTHING_ELSE, set()),
        (shot(gateway={"store_ok": 0}), NOTHING_ELSE, {"store"}),
        (shot(gateway={"clock_ok": 0}), NOTHING_ELSE, {"clock"}),
        (shot(gateway={"unacknowledged_batches": 3}), NOTHING_ELSE, {"receipts"}),
        (shot(gateway={"price_failures": 1}), NOTHING_ELSE, {"price_failing"}),
        (shot(reasons=int(Reason.LINK_AGING)), NOTHING_ELSE, {"link"}),
        (shot(reasons=int(Reason.NOT_CONFIRMED)), NOTHING_ELSE, {"link"}),
        (shot(reasons=int(Reason.CERTIFICATE)), NOTHING_ELSE, {"certificate_refused"}),
        (shot(reasons=int(Reason.MARKET_SILENT)), NOTHING_ELSE, {"market_silent"}),
        (shot(reasons=int(Reason.BATCH_UNREADABLE)), NOTHING_ELSE, {"unreadable"}),
        (shot(nodes={"N": Quality.BAD_STALE, "M": Quality.GOOD}), NOTHING_ELSE, {"price_stale:N"}),
        (GOOD, Extra(sinks={"modbus": (True, False), "files": (False, False), "dnp3": (True, None)}),
         {"sink_required_failed:modbus", "sink_failed:files"}),
        (GOOD, Extra(certificates={"c": 7}),
         {"certificate_7d:c", "certificate_14d:c", "certificate_30d:c", "certificate_60d:c"}),
        (GOOD, Extra(certificates={"c": 61}), set()),
        (GOOD, Extra(role_refused=True, guessing=True, testing=True, closing=frozenset({"I-1"})),
         {"role", "login", "test", "hourly_closes:I-1"}),
    ],
)  # fmt: skip
def test_each_condition_is_read_from_what_is_published(one: Snapshot, extra: Extra, found: set[str]) -> None:
    assert holding(one, extra) == found


def test_without_a_first_poll_nothing_is_known_of_resources_and_the_market() -> None:
    blind = read(shot(reasons=int(Reason.NOT_CONFIRMED | Reason.VALUE_REFUSED)), NOTHING_ELSE)
    assert blind.holds(Ident("value_refused", "R1")) is None
    assert blind.holds(Ident("market_silent")) is None
    assert blind.holds(Ident("clock")) is False


@pytest.mark.parametrize("key", ["store_ok", "clock_ok", "unacknowledged_batches", "price_failures"])
def test_a_gateway_point_without_a_value_tells_nothing(key: str) -> None:
    alarm = {
        "store_ok": "store",
        "clock_ok": "clock",
        "unacknowledged_batches": "receipts",
        "price_failures": "price_failing",
    }
    assert read(shot(gateway={key: None}), NOTHING_ELSE).holds(Ident(alarm[key])) is None


def test_a_price_not_asked_for_yet_and_a_sink_that_only_starts_tell_nothing() -> None:
    one = read(shot(nodes={"N": Quality.INIT}), Extra(sinks={"files": (False, None)}))
    assert one.holds(Ident("price_stale", "N")) is None
    assert one.holds(Ident("sink_failed", "files")) is None


def test_a_schedule_that_never_was_did_not_run_out() -> None:
    one = read(shot(reasons=int(Reason.INTERVAL_NOT_COVERED), setpoint_mw=None), NOTHING_ELSE)
    assert one.holds(Ident("schedule_over", "R1")) is None


def test_without_resources_their_bits_are_not_known() -> None:
    one = read(shot(()), NOTHING_ELSE)
    assert one.holds(Ident("link")) is None


def test_the_same_is_the_same_object_and_a_difference_is_not() -> None:
    before = read(GOOD, NOTHING_ELSE)
    assert read(shot(setpoint_mw=51.0), NOTHING_ELSE, before) is before
    for other, extra in (
        (shot(reasons=1), NOTHING_ELSE),
        (shot(setpoint_mw=None), NOTHING_ELSE),
        (GOOD, Extra(testing=True)),
        (shot(gateway={"store_ok": 0}), NOTHING_ELSE),
    ):
        assert read(other, extra, before) is not before
