"""The numbers are what plants have configured: they never change."""

from __future__ import annotations

from caiso_ads.core.quality import Directive, Quality, Reason


def test_the_numbers_on_the_wire_are_fixed() -> None:
    assert [item.name for item in sorted(Directive)] == ["NO_DATA", "FOLLOW", "HOLD", "RELEASE", "TEST"]
    assert Quality.INIT.value == 0
    assert Quality.GOOD.value == 1
    assert Quality.STANDBY.value == 8
    assert Reason.ADS_UNREACHABLE.value == 1
    assert Reason.BATCH_UNREADABLE.value == 1 << 16


def test_reason_bits_do_not_overlap() -> None:
    bits = [item.value for item in Reason if item is not Reason.NONE]
    assert len(set(bits)) == len(bits)
    assert all(bit.bit_count() == 1 and bit < 1 << 32 for bit in bits)
