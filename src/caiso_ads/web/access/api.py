"""Routes of one's own access: who am I, sign in and out, set up, change the password. Rule: no secret is ever answered."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from caiso_ads.web.access import book as books
from caiso_ads.web.access.entering import changed, new_hash, proved, set_up, sign_in
from caiso_ads.web.access.guard import CSRF, cookie_name
from caiso_ads.web.access.people import Role
from caiso_ads.web.answers import ProblemError, as_json
from caiso_ads.web.routes import ANY_ROLE, EVERYBODY, Route
from caiso_ads.web.site import IDENTITY, Site

Text = Annotated[str, Meta(max_length=1024)]


class Me(msgspec.Struct, frozen=True):
    """Who asks. ``csrf`` is what the header ``X-CSRF-Token`` of unsafe requests must say."""

    name: str | None
    roles: list[Role]
    csrf: str
    setup_needed: bool
    anonymous: bool


class Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who signs in."""

    name: Text
    password: Text


class FirstUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first user, and the one-time token of the file."""

    token: Text
    name: Text
    password: Text


class NewPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The password until now, and the next one."""

    current: Text
    password: Text


class Done(msgspec.Struct, frozen=True):
    """It is done."""

    done: bool
    text: str


async def me(site: Site, request: web.Request, _query: Any) -> web.StreamResponse:
    """Return who asks."""
    identity = request[IDENTITY]
    roles = [role for role in Role if role in identity.roles]
    name = None if identity.anonymous else identity.name
    return as_json(Me(name, roles, identity.csrf, not site.guard.book.users, identity.anonymous))


async def login(site: Site, request: web.Request, said: Login) -> web.StreamResponse:
    """Sign in: a new session, whatever the browser had before."""
    secret = await sign_in(site.guard, request, request[IDENTITY], said.name, said.password)
    return _with_session(site, request, secret, "signed in")


async def setup(site: Site, request: web.Request, said: FirstUser) -> web.StreamResponse:
    """Make the first user with the one-time token, and sign in."""
    secret = await set_up(site.guard, request[IDENTITY], said.token, said.name, said.password)
    return _with_session(site, request, secret, f"{said.name} is admin")


async def logout(site: Site, request: web.Request, _body: Any) -> web.StreamResponse:
    """End this session on the server, and tell the browser to forget it."""
    identity, guard = request[IDENTITY], site.guard
    if identity.session:
        await changed(guard, partial(books.without_session, number=identity.session))
        guard.telling.did(identity.name, identity.address, "signed out")
    return _with_session(site, request, "", "signed out")


async def my_password(site: Site, request: web.Request, said: NewPassword) -> web.StreamResponse:
    """Change one's own password; every session of it ends, and this browser gets a new one."""
    identity, guard = request[IDENTITY], site.guard
    if not identity.session:
        raise ProblemError(403, "only who is signed in has a password")
    await proved(guard, identity, said.current)
    kept, now = await new_hash(guard, identity.name, said.password), guard.clock.now().wall
    await changed(guard, partial(books.with_password, name=identity.name, password=kept, now=now))
    guard.telling.did(identity.name, identity.address, f"changed the password of {identity.name}")
    secret = await guard.let_in(identity.name, identity.address, kept)
    return _with_session(site, request, secret, "the password is changed; other sessions have ended")


def _with_session(site: Site, request: web.Request, secret: str, text: str) -> web.StreamResponse:
    guard, secure = site.guard, site.guard.came(request).secure
    response = as_json(Done(done=True, text=text))
    if secret or cookie_name(secure=secure) in request.cookies:
        guard.set_cookie(response, secret, secure=secure)
    return response


ROUTES = (
    Route("GET", "/api/v1/me", me, EVERYBODY, f"who asks, and the {CSRF} to use", gives=Me),
    Route("POST", "/api/v1/login", login, EVERYBODY, "sign in", takes=Login, gives=Done),
    Route("POST", "/api/v1/setup", setup, EVERYBODY, "make the first user", takes=FirstUser, gives=Done),
    Route("POST", "/api/v1/logout", logout, ANY_ROLE, "end this session", gives=Done),
    Route(
        "POST", "/api/v1/me/password", my_password, ANY_ROLE, "change one's own password",
        takes=NewPassword, gives=Done,
    ),
)  # fmt: skip
