"""Passwords become argon2id hashes, by the parameters OWASP gives (19 MiB, 2 passes). Rule: two at a time, in threads.

An unknown user costs as much time as a wrong password, since something is always checked. ``argon2`` is imported when
the first password comes, so an idle gateway does not hold it.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING

from caiso_ads.errors import CommandError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, ADVISED, LONGEST = 12, 15, 256
AT_ONCE = 2
MOST_WAITING = 16
"""More who wait for their turn are turned away: each check takes a tenth of a second on a small machine."""

# The hash of a random text that nobody kept.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$0uXM8iyQa+nl93TLfq+v8Q$qAk77iXqnfOoapt6SVheuiBxhIZREm7BflhNR3+ww04"


class BusyError(Exception):
    """Too many passwords wait for their turn."""


def checked_password(name: str, password: str) -> str:
    """Return a password that may be used. CommandError, without the password, otherwise."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise CommandError(
            f"must have {SHORTEST} to {LONGEST} characters",
            field="password", cure=f"take a phrase of several words, {ADVISED} characters or more",
        )  # fmt: skip
    if (name.lower() in password.lower() and len(password) - len(name) < SHORTEST) or len(set(password)) < 5:
        raise CommandError("too easy to guess", field="password", cure="take a phrase of several words")
    return password


def hashed(password: str) -> str:
    """Return the hash to keep. Takes about 50 ms and 19 MiB."""
    return _hasher().hash(_same(password))


def matches(password: str, kept: str | None) -> tuple[bool, str]:
    """Return whether it is the right one, and a new hash to keep where the old one was made with older parameters.

    ``kept`` is None for a user who does not exist: then it is never right, after the same time.
    """
    from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415 - see above

    hasher = _hasher()
    try:
        hasher.verify(kept or _NOBODY, _same(password))
    except (VerificationError, InvalidHashError):
        return False, ""
    if kept is None:
        return False, ""
    return True, hasher.hash(_same(password)) if hasher.check_needs_rehash(kept) else ""


class Passwords:
    """Checks and hashes beside the loop, two at a time. ``check`` is what takes the time."""

    def __init__(self, check: Callable[[str, str | None], tuple[bool, str]] = matches) -> None:
        self._check = check
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def matches(self, password: str, kept: str | None) -> tuple[bool, str]:
        """As ``matches``. Raises BusyError when too many wait."""
        if self._waiting >= MOST_WAITING:
            raise BusyError
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(self._check, password[: LONGEST + 1], kept)
        finally:
            self._waiting -= 1

    async def hashed(self, password: str) -> str:
        """As ``hashed``."""
        async with self._turn:
            return await asyncio.to_thread(hashed, password)


def _same(password: str) -> bytes:
    """One keyboard writes é as one sign, another as two."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher  # noqa: PLC0415 - see above

    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
