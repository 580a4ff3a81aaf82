"""A guesser waits; nobody outside can lock out who is known; a thousand at once are a thousand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.web.access.guessing import ALARM_EACH, FREE, MOST, Guessing, network_of


def quiet(*_: object) -> None: ...


def test_a_thousand_tries_from_one_address_are_a_handful() -> None:
    heard: list[tuple[str, str, int]] = []
    guessing = Guessing(lambda *said: heard.append(said))
    tried = sum(guessing.begin("10.0.0.1", f"user{n}", 0.1 * n, known=False) == 0 for n in range(1000))
    assert tried <= FREE["address"] + 7  # 100 s: 1, 2, 4, 8, 16, 32 s between
    assert heard[0] == ("address", "10.0.0.1", 10)


def test_guessing_goes_on_until_nobody_has_tried_for_five_minutes() -> None:
    guessing = Guessing(quiet)
    for n in range(ALARM_EACH):
        assert not guessing.goes_on(float(n))
        guessing.begin("10.0.0.1", "", float(n), known=False)
    assert guessing.goes_on(ALARM_EACH - 1 + 299.0)
    assert not guessing.goes_on(ALARM_EACH - 1 + 300.0)


def test_all_at_once_are_no_more() -> None:
    guessing = Guessing(quiet)
    assert sum(guessing.begin("10.0.0.1", "ada", 5.0, known=False) == 0 for _ in range(1000)) == FREE["address"]


def test_many_addresses_that_try_one_name_wait_too() -> None:
    guessing = Guessing(quiet)
    tried = sum(guessing.begin(f"10.0.{n // 250}.{n % 250}", "ada", 0.0, known=False) == 0 for n in range(1000))
    assert tried == FREE["name"]


def test_the_one_who_is_known_there_is_not_locked_out() -> None:
    guessing = Guessing(quiet)
    for n in range(1000):
        guessing.begin(f"10.0.{n // 250}.{n % 250}", "ada", float(n), known=False)
    assert guessing.begin("192.168.0.1", "ada", 1000.0, known=False) > 0
    assert guessing.begin("192.168.0.1", "ada", 1000.0, known=True) == 0


def test_the_right_password_is_no_failure_and_waiting_ends() -> None:
    guessing = Guessing(quiet)
    for _ in range(50):
        assert guessing.begin("10.0.0.1", "ada", 0.0, known=False) == 0
        guessing.right("10.0.0.1", "ada")
    for _ in range(FREE["address"]):
        guessing.begin("10.0.0.1", "eve", 0.0, known=False)
    wait = guessing.begin("10.0.0.1", "eve", 0.0, known=False)
    assert wait == 1.0
    assert guessing.begin("10.0.0.1", "eve", wait, known=False) == 0


def test_a_whole_network_of_ipv6_is_one_guesser() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") != network_of("2001:db8:1::1")
    assert network_of("::ffff:10.0.0.1") == network_of("10.0.0.1") != network_of("::ffff:10.0.0.2")
    assert network_of("unknown") == "unknown"


@given(st.lists(st.tuples(st.sampled_from(["10.0.0.1", "10.0.0.2"]), st.floats(0, 100)), max_size=60))
def test_no_try_is_free_while_another_waits(tries: list[tuple[str, float]]) -> None:
    guessing, mono = Guessing(quiet), 0.0
    waiting_until: dict[str, float] = {}
    for address, past in tries:
        mono += past
        wait = guessing.begin(address, "", mono, known=False)
        assert (wait > 0) == (mono < waiting_until.get(address, 0.0))
        waiting_until[address] = guessing._counts["address", address].until


def test_what_is_remembered_is_bounded() -> None:
    guessing = Guessing(quiet)
    for n in range(MOST + 100):
        guessing.begin("10.0.0.1", f"name{n}", float(n), known=False)
    assert len(guessing._counts) <= MOST
