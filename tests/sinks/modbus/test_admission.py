"""Places: strangers cannot take those of the plant's own masters (row 146), and who is not listed gets none (row 152)."""

from __future__ import annotations

import pytest

from caiso_ads.sinks._allow import AllowList
from caiso_ads.sinks.modbus.admission import NOT_ALLOWED, Admission, Places


def admission(*allow: str, reserved: tuple[str, ...] = (), most: int = 6, each: int = 2, kept: int = 2) -> Admission:
    lists = (AllowList(allow, table="sinks.modbus"), AllowList(reserved, table="sinks.modbus", key="reserved"))
    return Admission(Places(*lists, most, each, kept))


def crowd(into: Admission, network: str, count: int) -> list[str]:
    """Let so many addresses try; return the kinds of refusal."""
    found = []
    for number in range(count):
        refusal = into.refusal(f"{network}.{number}")
        if refusal is None:
            into.enter(f"{network}.{number}")
        else:
            found.append(refusal.kind)
    return found


def test_row_146_strangers_leave_the_places_of_reserved_masters_free() -> None:
    door = admission(reserved=("10.0.0.5", "10.0.1.0/24"))
    assert crowd(door, "192.168.0", 20) == ["kept"] * 16
    for master in ("10.0.0.5", "::ffff:10.0.1.9"):
        assert door.refusal(master) is None
        door.enter(master)
    refusal = door.refusal("10.0.0.5")
    assert refusal is not None
    assert refusal.kind == "full"
    door.leave("192.168.0.0")
    assert door.refusal("192.168.0.0") is None
    assert door.refusal("10.0.0.5") is None


def test_reserved_masters_also_take_places_that_are_not_kept() -> None:
    door = admission(reserved=("10.0.0.0/24",))
    assert crowd(door, "10.0.0", 8) == ["full", "full"]
    door.leave("10.0.0.0")
    assert crowd(door, "192.168.0", 3) == ["full", "full"]


def test_a_reserved_master_leaves_no_place_of_a_stranger_behind() -> None:
    door = admission(reserved=("10.0.0.5",), most=3, kept=1)
    for _ in range(5):
        door.enter("10.0.0.5")
        door.leave("10.0.0.5")
    assert crowd(door, "192.168.0", 3) == ["kept"]


def test_without_reserved_masters_nothing_is_kept() -> None:
    assert crowd(admission(), "192.168.0", 8) == ["full", "full"]


def test_the_limit_for_one_address_holds_for_everyone() -> None:
    door = admission(reserved=("10.0.0.5",))
    for peer in ("10.0.0.5", "192.168.0.1"):
        for _ in range(2):
            assert door.refusal(peer) is None
            door.enter(peer)
        refusal = door.refusal(peer)
        assert refusal is not None
        assert refusal.kind == "address"


@pytest.mark.parametrize("peer", ["10.0.1.5", "192.168.0.1", "::1", "unknown"])
def test_row_152_who_is_not_in_allow_gets_no_place(peer: str) -> None:
    door = admission("10.0.0.0/24", "127.0.0.1")
    refusal = door.refusal(peer)
    assert refusal is not None
    assert refusal.kind == NOT_ALLOWED
    assert door.refusal("10.0.0.7") is None
