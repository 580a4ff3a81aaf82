"""Requests of one address are limited, the next address is not; and time gives back."""

from __future__ import annotations

from caiso_ads.web.access.rates import MOST, READS_AT_ONCE, WRITES_AT_ONCE, Rates


def test_each_address_has_its_own_limit_for_reading_and_for_changing() -> None:
    rates = Rates()
    assert sum(rates.take("10.0.0.1", 0.0, unsafe=False) for _ in range(5000)) == READS_AT_ONCE
    assert sum(rates.take("10.0.0.1", 0.0, unsafe=True) for _ in range(500)) == WRITES_AT_ONCE
    assert rates.take("10.0.0.2", 0.0, unsafe=False)
    assert rates.take("10.0.0.1", 0.1, unsafe=False)


def test_what_is_remembered_is_bounded() -> None:
    rates = Rates()
    for n in range(MOST + 50):
        rates.take(f"10.{n // 65536}.{n // 256 % 256}.{n % 256}", 0.0, unsafe=False)
    assert len(rates._left) <= MOST
