"""Users, sessions and tokens: nobody is made who may not be, and nothing outlives what it was given for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from caiso_ads.errors import CommandError
from caiso_ads.web.access import book as books
from caiso_ads.web.access.book import Book, Session, Token
from caiso_ads.web.access.people import Role
from tests.fakes import START

ADMIN, VIEWER = (Role.ADMIN,), (Role.VIEWER,)


def book(*names: str) -> Book:
    made = Book(secret="0" * 64)
    for name in names:
        made = books.with_user(made, name, f"hash of {name}", ADMIN if name == "ada" else VIEWER, START)
    return made


def session(name: str, number: int = 1, address: str = "10.0.0.1") -> Session:
    return Session(
        id=str(number), digest=str(number), name=name, made_at=START, used_at=START, address=address
    )  # fmt: skip


def let_in(made: Book, name: str, number: int = 1, address: str = "10.0.0.1") -> Book:
    return books.with_session(made, session(name, number, address), proved=made.existing(name).password)


@pytest.mark.parametrize(
    "name", ["", " ada", "ada lovelace", "-x", "x" * 65, "gateway", "Caiso-ADS", "ä", "a\n", "a/b"]
)
def test_names_that_could_be_taken_for_something_else_are_refused(name: str) -> None:
    with pytest.raises(CommandError) as caught:
        books.with_user(book(), name, "hash", VIEWER, START)
    assert caught.value.field == "name"


def test_a_name_is_taken_however_it_is_capitalised() -> None:
    with pytest.raises(CommandError, match="already"):
        books.with_user(book("ada"), "ADA", "hash", VIEWER, START)


def test_a_user_without_a_role_is_none() -> None:
    with pytest.raises(CommandError):
        books.with_user(book(), "eve", "hash", (), START)


def test_the_last_admin_stays() -> None:
    made = book("ada", "bob")
    with pytest.raises(CommandError, match="last admin"):
        books.without_user(made, "ada")
    with pytest.raises(CommandError, match="last admin"):
        books.with_roles(made, "ada", VIEWER, START)
    two = books.with_roles(made, "bob", ADMIN, START)
    assert books.without_user(two, "ada").user("ada") is None


@pytest.mark.parametrize("change", ["roles", "password", "removed"])
def test_sessions_end_with_the_account_the_role_and_the_password(change: str) -> None:
    made = let_in(let_in(book("ada", "bob"), "bob", 1), "ada", 2)
    after = {
        "roles": lambda: books.with_roles(made, "Bob", (Role.OPERATOR,), START),
        "password": lambda: books.with_password(made, "BOB", "another", START),
        "removed": lambda: books.without_user(made, "bob"),
    }[change]()
    assert [one.name for one in after.sessions] == ["ada"]


def test_a_session_is_made_for_the_password_that_was_checked() -> None:
    made = books.with_password(book("ada"), "ada", "another", START)
    with pytest.raises(CommandError, match="changed meanwhile"):
        books.with_session(made, session("ada"), proved="hash of ada")


def test_of_many_sessions_the_oldest_ends_and_no_one_elses() -> None:
    made = let_in(book("ada", "bob"), "ada", 1000)
    for number in range(books.SESSIONS_EACH + 1):
        made = let_in(made, "bob", number)
    numbers = [one.id for one in made.sessions if one.name == "bob"]
    assert numbers == [str(number) for number in range(1, books.SESSIONS_EACH + 1)]
    assert [one.id for one in made.sessions if one.name == "ada"] == ["1000"]


def test_addresses_are_known_after_the_right_password_until_it_changes() -> None:
    made = let_in(let_in(book("ada"), "ada", 1, "10.0.0.1"), "ada", 2, "10.0.0.2")
    assert made.existing("ada").known == ("10.0.0.1", "10.0.0.2")
    assert books.with_password(made, "ada", "another", START).existing("ada").known == ()


@given(st.integers(-1000, 100_000), st.integers(0, 100_000))
def test_a_session_never_outlives_its_two_limits(used_s: int, more_s: int) -> None:
    now = START + timedelta(seconds=used_s + more_s)
    one = session("ada")
    used = START + timedelta(seconds=used_s)
    alive = one.alive(now, used)
    if alive:
        assert now - max(START, used) < books.IDLE
        assert now - START < books.LONGEST


def test_a_clock_set_back_ends_sessions_that_it_makes_too_young() -> None:
    assert session("ada").alive(START - timedelta(minutes=4))
    assert not session("ada").alive(START - timedelta(minutes=6))


def test_a_script_is_never_admin() -> None:
    token = Token(
        id="1", digest="d", name="historian", roles=VIEWER, made_at=START, expires_at=START, made_by="ada"
    )  # fmt: skip
    made = books.with_token(book("ada"), token)
    assert books.without_token(made, "1").tokens == ()
    with pytest.raises(CommandError, match="already"):
        books.with_token(made, token)
    with pytest.raises(CommandError, match="admin"):
        books.with_token(book("ada"), replace(token, roles=ADMIN))
    with pytest.raises(CommandError):
        books.without_token(made, "2")
