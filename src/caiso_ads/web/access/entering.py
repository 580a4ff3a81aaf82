"""How somebody gets in: by name and password, or as the first user with the one-time token. Rule: one answer for all wrong.

A try counts before the password is checked, so that a thousand at once are a thousand. The time an answer takes does not
tell whether there is such a user.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from aiohttp import web

from caiso_ads.errors import CommandError, StoreError
from caiso_ads.web.access import book as books
from caiso_ads.web.access.book import Book
from caiso_ads.web.access.guard import Guard
from caiso_ads.web.access.passwords import BusyError, checked_password
from caiso_ads.web.access.people import Identity, Role
from caiso_ads.web.access.setup import fits, offer_setup
from caiso_ads.web.answers import ProblemError

log = logging.getLogger("caiso_ads.web.access")

_WRONG = "name or password is not right"
_NO_SETUP = "the set-up token is not right, was used, or is older than an hour: the gateway's log says where it is"


async def changed(guard: Guard, work: Callable[[Book], Book]) -> Book:
    """Change the file for a request. Raises ProblemError 400, 409 or 503."""
    try:
        return await guard.live.change(work)
    except CommandError as refused:
        raise ProblemError(400 if refused.field else 409, refused.problem, field=refused.field) from refused
    except StoreError as problem:
        log.error("%s", problem)  # noqa: TRY400 - a full disk needs no traceback
        raise ProblemError(503, "the file of users cannot be written now; nothing was changed") from problem


async def sign_in(guard: Guard, request: web.Request, before: Identity, name: str, password: str) -> str:
    """Return the secret of a new session. Raises ProblemError 401, 429 or 503."""
    address, user = before.address, guard.book.user(name)
    _may_try(guard, address, name, known=user is not None and address in user.known)
    right, rehashed = await _matches(guard, password, None if user is None else user.password)
    if not right or user is None:
        guard.telling.refused(address, "an unknown user" if user is None else f"a wrong password for {user.name}")
        raise ProblemError(401, _WRONG)
    guard.guessing.right(address, name.lower())
    try:
        secret = await guard.let_in(user.name, address, user.password, rehashed=rehashed)
    except CommandError as gone:
        raise ProblemError(401, _WRONG) from gone
    except StoreError as problem:
        raise ProblemError(503, "the file of users cannot be written now: nobody can sign in") from problem
    if before.session:
        await changed(guard, partial(books.without_session, number=before.session))
    agent = request.headers.get("User-Agent", "")[:100]
    guard.telling.did(user.name, address, "signed in", agent=agent if agent.isprintable() else "")
    return secret


async def proved(guard: Guard, identity: Identity, password: str) -> None:
    """Check the password of somebody signed in, before it is changed. Raises ProblemError 400 or 429."""
    user = guard.book.existing(identity.name)
    _may_try(guard, identity.address, user.name, known=identity.address in user.known)
    right, _ = await _matches(guard, password, user.password)
    if not right:
        guard.telling.refused(identity.address, f"a wrong password for {user.name}")
        raise ProblemError(400, "this is not the password", field="current")
    guard.guessing.right(identity.address, user.name.lower())


async def new_hash(guard: Guard, name: str, password: str) -> str:
    """Return the hash of a password that may be used. Raises ProblemError 400."""
    try:
        return await guard.passwords.hashed(checked_password(name, password))
    except CommandError as refused:
        raise ProblemError(400, f"{refused.problem}: {refused.cure}", field=refused.field) from refused


async def set_up(guard: Guard, before: Identity, token: str, name: str, password: str) -> str:
    """Make the first user and return the secret of a session. Raises ProblemError 400, 401, 409, 429 or 503."""
    _may_try(guard, before.address, "", known=False)
    now = guard.clock.now().wall
    if not fits(guard.book, token, now):
        guard.telling.refused(before.address, "a wrong set-up token")
        raise ProblemError(401, _NO_SETUP)
    guard.guessing.right(before.address, "")
    kept = await new_hash(guard, name, password)

    def first(book: Book) -> Book:
        if not fits(book, token, now):
            raise CommandError("somebody else made the first user")
        return books.with_user(book, name, kept, (Role.ADMIN,), now)

    await changed(guard, first)
    await asyncio.to_thread(guard.live.keeper.remove_setup)
    guard.telling.did(name, before.address, f"set up: made the first user {name}, admin")
    return await guard.let_in(name, before.address, kept)


async def begin(guard: Guard) -> None:
    """Read who there is, offer the set-up where nobody can sign in, and say how open it is; before the first request.

    StoreError when the file cannot be read or written: then nobody is served.
    """
    keeper, config = guard.live.keeper, guard.config
    if await asyncio.to_thread(offer_setup, keeper, guard.clock.now().wall):
        log.warning("no users yet: the token to set up the first one is in %s, for an hour", keeper.setup_path)
    await guard.live.load()
    await guard.tell_untold()
    if config.is_open and not (config.certificate or config.proxy):
        log.warning("[web] insecure_http: passwords and cookies cross the network of %s in clear text", config.host)


def _may_try(guard: Guard, address: str, name: str, *, known: bool) -> None:
    wait_s = guard.guessing.begin(address, name.lower(), guard.clock.now().mono, known=known)
    if wait_s:
        guard.telling.refused(address, "attempts to sign in that had to wait")
        raise ProblemError(429, f"too many attempts failed: try again in {wait_s:.0f} s")


async def _matches(guard: Guard, password: str, kept: str | None) -> tuple[bool, str]:
    try:
        return await guard.passwords.matches(password, kept)
    except BusyError as busy:
        raise ProblemError(429, "too many people sign in at this moment: try again in some seconds") from busy
