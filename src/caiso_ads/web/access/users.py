"""Routes of the admin: users, sessions and tokens. Rule: each change names who made it, and ends what it makes untrue."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from caiso_ads.web.access import book as books
from caiso_ads.web.access.api import Done, Text
from caiso_ads.web.access.book import Book
from caiso_ads.web.access.entering import changed, new_hash
from caiso_ads.web.access.people import Identity, Role
from caiso_ads.web.answers import ProblemError, as_json
from caiso_ads.web.routes import ANY_ROLE, Route
from caiso_ads.web.site import IDENTITY, Site

ADMIN = frozenset({Role.ADMIN})
Roles = Annotated[list[Role], Meta(max_length=8)]


class NewUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A user to make."""

    name: Text
    password: Text
    roles: Roles


class NewRoles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a user may from now on."""

    roles: Roles


class Password(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A password that an admin gives."""

    password: Text


class NewToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token to make; it ends after so many days."""

    name: Text
    roles: Roles
    days: Annotated[int, Meta(ge=1, le=books.LONGEST_TOKEN_DAYS)] = 90


class KnownUser(msgspec.Struct, frozen=True):
    """A user as shown."""

    name: str
    roles: tuple[Role, ...]
    made_at: datetime
    changed_at: datetime
    sessions: int


class KnownSession(msgspec.Struct, frozen=True):
    """A session as shown; ``current`` is the one that asks."""

    id: str
    name: str
    made_at: datetime
    used_at: datetime
    address: str
    current: bool


class KnownToken(msgspec.Struct, frozen=True):
    """A token as shown."""

    id: str
    name: str
    roles: tuple[Role, ...]
    made_at: datetime
    expires_at: datetime
    made_by: str


class KnownUsers(msgspec.Struct, frozen=True):
    """Every user; the list is always whole."""

    items: list[KnownUser]
    next: None = None


class KnownSessions(msgspec.Struct, frozen=True):
    """The sessions one may see; the list is always whole."""

    items: list[KnownSession]
    next: None = None


class KnownTokens(msgspec.Struct, frozen=True):
    """Every token; the list is always whole."""

    items: list[KnownToken]
    next: None = None


class MadeToken(msgspec.Struct, frozen=True):
    """A new token; ``token`` is shown this one time."""

    id: str
    token: str
    expires_at: datetime


async def users(site: Site, _request: web.Request, _query: Any) -> web.StreamResponse:
    """Return every user."""
    book, now = site.guard.book, site.guard.clock.now().wall
    alive = [one.name for one in book.sessions if site.guard.is_alive(one, now)]
    known = [KnownUser(u.name, u.roles, u.made_at, u.changed_at, alive.count(u.name)) for u in book.users]
    return as_json(KnownUsers(known))


async def add_user(site: Site, request: web.Request, said: NewUser) -> web.StreamResponse:
    """Make a user."""
    guard = site.guard
    kept, now = await new_hash(guard, said.name, said.password), guard.clock.now().wall
    work = partial(books.with_user, name=said.name, password=kept, roles=said.roles, now=now)
    await changed(guard, work)
    return _done(site, request[IDENTITY], f"made the user {said.name}, {', '.join(sorted(set(said.roles)))}")


async def set_roles(site: Site, request: web.Request, said: NewRoles) -> web.StreamResponse:
    """Change what a user may; the user signs in again."""
    user = _named(site, request)
    work = partial(books.with_roles, name=user.name, roles=said.roles, now=site.guard.clock.now().wall)
    await changed(site.guard, work)
    old, new = ", ".join(user.roles), ", ".join(books.checked_roles(said.roles))
    return _done(site, request[IDENTITY], f"changed the roles of {user.name} from {old} to {new}")


async def set_password(site: Site, request: web.Request, said: Password) -> web.StreamResponse:
    """Give a user another password; the user signs in again."""
    user, guard = _named(site, request), site.guard
    kept, now = await new_hash(guard, user.name, said.password), guard.clock.now().wall
    await changed(guard, partial(books.with_password, name=user.name, password=kept, now=now))
    return _done(site, request[IDENTITY], f"changed the password of {user.name}")


async def remove_user(site: Site, request: web.Request, _body: Any) -> web.StreamResponse:
    """Remove a user; the sessions end."""
    user = _named(site, request)
    await changed(site.guard, partial(books.without_user, name=user.name))
    return _done(site, request[IDENTITY], f"removed the user {user.name}")


async def sessions(site: Site, request: web.Request, _query: Any) -> web.StreamResponse:
    """Return the sessions one may see: one's own, for an admin all."""
    identity, guard, now = request[IDENTITY], site.guard, site.guard.clock.now().wall
    seen = [one for one in guard.book.sessions if guard.is_alive(one, now) and _is_for(identity, one.name)]
    return as_json(
        KnownSessions(
            [KnownSession(s.id, s.name, s.made_at, s.used_at, s.address, s.id == identity.session) for s in seen]
        )
    )


async def end_session(site: Site, request: web.Request, _body: Any) -> web.StreamResponse:
    """End a session at once: one's own, for an admin any."""
    identity, number = request[IDENTITY], request.match_info["id"]
    found = next((one for one in site.guard.book.sessions if one.id == number), None)
    if found is None or not _is_for(identity, found.name):
        raise ProblemError(404, "there is no such session")
    await changed(site.guard, partial(books.without_session, number=number))
    return _done(site, identity, f"ended a session of {found.name}")


async def tokens(site: Site, _request: web.Request, _query: Any) -> web.StreamResponse:
    """Return the tokens of scripts, without their secrets."""
    known = site.guard.book.tokens
    return as_json(KnownTokens([KnownToken(t.id, t.name, t.roles, t.made_at, t.expires_at, t.made_by) for t in known]))


async def add_token(site: Site, request: web.Request, said: NewToken) -> web.StreamResponse:
    """Make a token for a script; the answer is the only place where it ever stands."""
    identity, now = request[IDENTITY], site.guard.clock.now().wall
    token, secret = books.new_token(said.name, said.roles, said.days, identity.name, now)
    await changed(site.guard, partial(books.with_token, token=token))
    text = f"made the token {said.name}, {', '.join(sorted(set(said.roles)))}, until {token.expires_at:%Y-%m-%d}"
    site.guard.telling.did(identity.name, identity.address, text)
    return as_json(MadeToken(token.id, secret, token.expires_at))


async def revoke_token(site: Site, request: web.Request, _body: Any) -> web.StreamResponse:
    """Revoke a token at once."""
    number = request.match_info["id"]
    found = next((one for one in site.guard.book.tokens if one.id == number), None)
    if found is None:
        raise ProblemError(404, "there is no such token")
    await changed(site.guard, partial(books.without_token, number=number))
    return _done(site, request[IDENTITY], f"revoked the token {found.name}")


def _is_for(identity: Identity, name: str) -> bool:
    return Role.ADMIN in identity.roles or bool(identity.session and identity.name == name)


def _named(site: Site, request: web.Request) -> books.User:
    book: Book = site.guard.book
    if (found := book.user(request.match_info["name"])) is None:
        raise ProblemError(404, "there is no such user")
    return found


def _done(site: Site, identity: Identity, text: str) -> web.Response:
    site.guard.telling.did(identity.name, identity.address, text)
    return as_json(Done(done=True, text=text))


_USERS, _TOKENS, _SESSIONS = "/api/v1/users", "/api/v1/tokens", "/api/v1/sessions"
ROUTES = (
    Route("GET", _USERS, users, ADMIN, "every user", gives=KnownUsers),
    Route("POST", _USERS, add_user, ADMIN, "make a user", takes=NewUser, gives=Done),
    Route("POST", _USERS + "/{name}/roles", set_roles, ADMIN, "change a user's roles", takes=NewRoles, gives=Done),
    Route("POST", _USERS + "/{name}/password", set_password, ADMIN, "give a password", takes=Password, gives=Done),
    Route("DELETE", _USERS + "/{name}", remove_user, ADMIN, "remove a user", gives=Done),
    Route("GET", _SESSIONS, sessions, ANY_ROLE, "one's own sessions; for an admin all", gives=KnownSessions),
    Route("DELETE", _SESSIONS + "/{id}", end_session, ANY_ROLE, "end a session", gives=Done),
    Route("GET", _TOKENS, tokens, ADMIN, "the tokens of scripts", gives=KnownTokens),
    Route("POST", _TOKENS, add_token, ADMIN, "make a token", takes=NewToken, gives=MadeToken),
    Route("DELETE", _TOKENS + "/{id}", revoke_token, ADMIN, "revoke a token", gives=Done),
)
