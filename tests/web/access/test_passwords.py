"""Passwords: the parameters of OWASP, two at a time, and nothing told by which user there is."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading

import pytest

from caiso_ads.errors import CommandError
from caiso_ads.web.access.passwords import (
    AT_ONCE,
    MOST_WAITING,
    BusyError,
    Passwords,
    checked_password,
    hashed,
    matches,
)
from tests.web.access.visiting import PHRASE


def test_a_password_is_kept_as_argon2id_with_the_parameters_of_owasp() -> None:
    kept = hashed(PHRASE)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert kept != hashed(PHRASE)  # salted
    assert matches(PHRASE, kept) == (True, "")
    assert matches(PHRASE + " ", kept) == (False, "")


def test_an_unknown_user_is_wrong_after_the_same_work() -> None:
    from caiso_ads.web.access.passwords import _NOBODY

    assert re.match(r"\$argon2id\$v=19\$m=19456,t=2,p=1\$", _NOBODY)
    assert matches(PHRASE, None) == (False, "")


def test_an_older_hash_is_made_anew_and_a_broken_one_is_wrong() -> None:
    from argon2 import PasswordHasher

    right, better = matches(PHRASE, PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PHRASE))
    assert right
    assert matches(PHRASE, better) == (True, "")
    assert matches(PHRASE, "broken") == (False, "")


def test_two_ways_of_typing_one_sign_are_one_password() -> None:
    assert matches("caf\u00e9 au lait et deux", hashed("cafe\u0301 au lait et deux"))[0]


@pytest.mark.parametrize("given", ["short", "aaaaaaaaaaaaaaaa", "lovelace1234", "x" * 257])
def test_what_is_easy_to_guess_is_refused_without_being_repeated(given: str) -> None:
    with pytest.raises(CommandError) as caught:
        checked_password("lovelace", given)
    assert given not in str(caught.value)
    assert caught.value.field == "password"


def test_a_long_phrase_is_taken() -> None:
    assert checked_password("ada", PHRASE) == PHRASE


async def test_only_so_many_wait_for_their_turn() -> None:
    passwords = Passwords()
    tries = await asyncio.gather(
        *(passwords.matches("x", "broken") for _ in range(MOST_WAITING + 5)), return_exceptions=True
    )
    assert sum(isinstance(one, BusyError) for one in tries) == 5
    assert await passwords.matches("x", "broken") == (False, "")


async def test_two_are_checked_at_a_time_in_threads() -> None:
    lock, running, most, threads = threading.Lock(), 0, 0, set()

    def check(_password: str, _kept: str | None) -> tuple[bool, str]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            threads.add(threading.get_ident())
        met.wait(0.05)  # long enough for a third one to be seen, were there any
        with lock:
            running -= 1
        return False, ""

    met = threading.Event()
    passwords = Passwords(check)
    await asyncio.gather(*(passwords.matches("x", None) for _ in range(8)))
    assert most == AT_ONCE == 2
    assert threading.get_ident() not in threads


def test_a_gateway_that_nobody_signs_in_to_does_not_hold_argon2() -> None:
    code = "import sys, caiso_ads.web.server, caiso_ads.web.routes as r; r.all_routes(); print('argon2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"
