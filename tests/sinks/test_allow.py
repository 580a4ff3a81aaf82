"""Addresses, networks and ranges, IPv4 and IPv6; an empty list is no limit, and a wrong line names itself."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.errors import ConfigError
from caiso_ads.sinks._allow import AllowList


def of(*texts: str) -> AllowList:
    return AllowList(texts, table="sinks.any")


@pytest.mark.parametrize(
    ("listed", "peer", "admitted"),
    [
        ("10.0.0.5", "10.0.0.5", True),
        ("10.0.0.5", "10.0.0.6", False),
        ("10.0.0.0/30", "10.0.0.3", True),
        ("10.0.0.0/30", "10.0.0.4", False),
        ("10.0.0.5-10.0.0.9", "10.0.0.9", True),
        ("10.0.0.5 - 10.0.0.9", "10.0.0.5", True),
        ("10.0.0.5-10.0.0.9", "10.0.0.10", False),
        ("10.0.0.5", "::ffff:10.0.0.5", True),
        ("fe80::/10", "fe80::1%eth0", True),
        ("fd00::1-fd00::ff", "fd00::80", True),
        ("::a00:5", "10.0.0.5", False),
        ("10.0.0.5", "unknown", False),
    ],
)
def test_a_list_admits_what_it_names(listed: str, peer: str, *, admitted: bool) -> None:
    assert of(listed).admits(peer) is admitted
    assert of("192.0.2.1", listed).lists(peer) is admitted


def test_an_empty_list_admits_everyone_and_lists_nobody() -> None:
    assert of().admits("10.0.0.5")
    assert not of().lists("10.0.0.5")
    assert not of()
    assert of("10.0.0.5")


@pytest.mark.parametrize(
    "text", ["", "plant", "10.0.0.5/24", "10.0.0.9-10.0.0.5", "10.0.0.1-fd00::1", "10.0.0.1-", "10.0.0.256"]
)
def test_a_line_that_means_nothing_is_refused_with_its_place_and_the_cure(text: str) -> None:
    with pytest.raises(ConfigError, match=r"allow") as caught:
        of(text)
    assert repr(text) in caught.value.problem
    assert "CIDR" in caught.value.cure


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_a_range_is_what_lies_between(low: int, high: int, peer: int) -> None:
    low, high = min(low, high), max(low, high)
    assert of(f"{IPv4Address(low)}-{IPv4Address(high)}").admits(str(IPv4Address(peer))) is (low <= peer <= high)
