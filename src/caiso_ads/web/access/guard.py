"""The one question every request answers first: who are you, and may you? Rule: deny by default.

A route names its roles; who has none of them gets 401 (not signed in) or 403, and 403 stands in the evidence. Without
any user, and only while nobody but this machine can reach the page, whoever sits there may look; in the simulator's
environment, operate too.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from aiohttp import web
from msgspec.structs import replace

from caiso_ads.config import Config
from caiso_ads.config.web import WebConfig
from caiso_ads.core.directive import Environment
from caiso_ads.errors import StoreError
from caiso_ads.ports import Clock, SinkContext, SystemClock
from caiso_ads.ports.answers import Fact
from caiso_ads.web.access import book as books
from caiso_ads.web.access.book import Book, Change, Session
from caiso_ads.web.access.guessing import Guessing
from caiso_ads.web.access.keeper import Keeper, LiveBook, Work, folder_of
from caiso_ads.web.access.origin import SAFE, Came, Origins
from caiso_ads.web.access.passwords import Passwords
from caiso_ads.web.access.people import ANONYMOUS_OPERATOR, Identity, Role
from caiso_ads.web.access.rates import Rates
from caiso_ads.web.access.telling import Telling
from caiso_ads.web.answers import ProblemError

log = logging.getLogger("caiso_ads.web.access")

CSRF = "X-CSRF-Token"
UNATTENDED = "X-Unattended-Seconds"
"""How long nobody touched the page, as it says itself; a request that only its timer made keeps no session alive."""
ATTENDED_S = 30.0
WRITE_USE_EACH = timedelta(seconds=60)
LOOK_AT_STREAMS_S = 5.0


def cookie_name(*, secure: bool) -> str:
    """Return the cookie's name; over TLS one that browsers take only from this very host, with Secure."""
    return "__Host-caiso_ads" if secure else "caiso_ads"


class Guarded(Protocol):
    """What the guard needs of a route. No role at all: also for who is not signed in."""

    @property
    def roles(self) -> Collection[Role]:
        """Who may."""

    @property
    def path(self) -> str:
        """The path as the table has it."""

    @property
    def method(self) -> str:
        """The method."""

    @property
    def kind(self) -> str:
        """The media type of the answer."""


class Guard:
    """Admits requests. ``clock`` is the one sessions are measured by, ``telling`` hears what the evidence must know.

    ``simulator``: whoever sits at this machine may operate while there are no users.
    """

    def __init__(
        self, config: WebConfig, keeper: Keeper, clock: Clock, telling: Telling, *, simulator: bool = False
    ) -> None:
        self.config, self.clock, self.telling = config, clock, telling
        self.live = LiveBook(keeper, self._changed)
        self._origins, self.rates, self._simulator = Origins(config), Rates(), simulator
        self._used: dict[str, datetime] = {}
        self._told = False
        self.passwords, self.guessing = Passwords(), Guessing(self._guessed)
        self.on_guessing: list[Callable[[str], None]] = []
        """Called with a sentence each time somebody keeps on trying passwords: what an alarm needs."""

    @property
    def book(self) -> Book:
        """Users, sessions and tokens as last read."""
        return self.live.book

    def came(self, request: web.Request) -> Came:
        """Return where a request comes from."""
        return self._origins.came(request)

    async def admit(self, route: Guarded, request: web.Request) -> Identity:
        """Return who asks, when that person may. Raises ProblemError 401, 403 or 429."""
        came, now = self.came(request), self.clock.now()
        if not self.rates.take(came.address, now.mono, unsafe=request.method not in SAFE):
            raise ProblemError(429, "too many requests from this address: wait a moment")
        book = await self.live.fresh(now.mono)
        if book.untold:
            await self.tell_untold()
        try:
            self._origins.check(request, came)
            identity = self._identity(book, request, came, now.wall)
            self._check_csrf(request, identity)
        except ProblemError as refused:
            self.telling.refused(came.address, f"{route.method} {route.path}: {refused.problem.error}")
            raise
        self._check_roles(route, identity)
        await self._use(request, identity, now.wall)
        if route.kind == "text/event-stream":
            self._watch(request, identity)
        return identity

    def _check_roles(self, route: Guarded, identity: Identity) -> None:
        if not route.roles or identity.roles & set(route.roles):
            return
        if not identity.roles:
            raise ProblemError(401, "sign in first")
        self.telling.refused(identity.address, f"{route.method} {route.path} as {identity.name or 'anonymous viewer'}")
        raise ProblemError(403, f"needs the role {' or '.join(role for role in Role if role in route.roles)}")

    def _check_csrf(self, request: web.Request, identity: Identity) -> None:
        if request.method in SAFE or identity.token:
            return
        if "Origin" not in request.headers:
            raise ProblemError(403, "no Origin: a script uses a token, by Authorization: Bearer")
        given = request.headers.get(CSRF, "").encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(given, identity.csrf.encode()):
            raise ProblemError(403, f"{CSRF} is missing or old: load the page again")

    def _identity(self, book: Book, request: web.Request, came: Came, now: datetime) -> Identity:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":  # a proxy may ask for other ones, which are not for us
            return self._by_token(book, secret.strip(), came, now)
        cookie = request.cookies.get(cookie_name(secure=came.secure), "")
        return (self._by_session(book, cookie, came, now) if cookie else None) or self._anonymous(book, came)

    @staticmethod
    def _by_token(book: Book, secret: str, came: Came, now: datetime) -> Identity:
        kept = books.digest(secret)
        found = next((one for one in book.tokens if one.digest == kept and now < one.expires_at), None)
        if found is None:
            raise ProblemError(401, "this token is not known, or has expired")
        return Identity(f"token {found.name}", frozenset(found.roles), came.address, token=found.id)

    def _by_session(self, book: Book, secret: str, came: Came, now: datetime) -> Identity | None:
        kept = books.digest(secret)
        found = next((one for one in book.sessions if one.digest == kept), None)
        user = book.user(found.name) if found is not None and self.is_alive(found, now) else None
        if found is None or user is None:
            return None
        csrf = self._csrf(book, found.digest)
        return Identity(user.name, frozenset(user.roles), came.address, session=found.id, csrf=csrf)

    def _anonymous(self, book: Book, came: Came) -> Identity:
        """Without users, and only where nothing can bring in others: not listening for them, and no proxy before us."""
        config, csrf = self.config, self._csrf(book, "anonymous")
        if book.users or config.is_open or config.proxy or came.forwarded:
            return Identity("", frozenset(), came.address, csrf=csrf)
        if self._simulator:
            return Identity(ANONYMOUS_OPERATOR, frozenset({Role.VIEWER, Role.OPERATOR}), came.address, csrf=csrf)
        return Identity("", frozenset({Role.VIEWER}), came.address, csrf=csrf)

    @staticmethod
    def _csrf(book: Book, of: str) -> str:
        return hmac.new(book.secret.encode(), of.encode(), "sha256").hexdigest()

    def is_alive(self, session: Session, now: datetime) -> bool:
        """Whether a session still counts."""
        return session.alive(now, self._used.get(session.id), timedelta(minutes=self.config.idle_min))

    async def _use(self, request: web.Request, identity: Identity, now: datetime) -> None:
        if not identity.session or _unattended_s(request) > ATTENDED_S:
            return
        self._used[identity.session] = now
        written = next((one.used_at for one in self.book.sessions if one.id == identity.session), now)
        if now - written >= WRITE_USE_EACH:
            await self._keep(partial(_used, self._used.copy()))

    async def _keep(self, work: Work) -> None:
        """Change the file where the request can go on without; what is not written now is tried again."""
        try:
            await self.live.change(work)
        except StoreError as problem:
            if not self._told:
                log.error("%s", problem)  # noqa: TRY400 - a full disk needs no traceback
            self._told = True
        else:
            self._told = False

    async def let_in(self, name: str, address: str, proved: str, *, rehashed: str = "") -> str:
        """Make a session and return its secret, for the cookie. ``proved`` is the hash that the password matched.

        Raises CommandError when the user was changed or removed meanwhile, and StoreError.
        """
        secret, now = secrets.token_urlsafe(32), self.clock.now().wall
        session = Session(
            id=secrets.token_hex(8), digest=books.digest(secret), name=name, made_at=now, used_at=now, address=address
        )
        await self.live.change(partial(books.with_session, session=session, proved=proved, rehashed=rehashed))
        return secret

    def set_cookie(self, response: web.StreamResponse, secret: str, *, secure: bool) -> None:
        """Give a session to the browser; without a secret, take it away."""
        response.set_cookie(
            cookie_name(secure=secure), secret, max_age=None if secret else 0,
            path="/", secure=secure, httponly=True, samesite="Strict",
        )  # fmt: skip

    def guessing_goes_on(self) -> bool:
        """Whether somebody is trying passwords: the condition of an alarm."""
        return self.guessing.goes_on(self.clock.now().mono)

    def _guessed(self, kind: str, which: str, tries: int) -> None:
        """Tell of guessing; a name that is nobody's may be a password typed into the wrong field, and is not said."""
        if kind == "name":
            user = self.book.user(which)
            which = "an unknown user" if user is None else f"user {user.name}"
        text = (
            f"{tries} attempts to sign in failed: {kind} {which}"
            if kind == "address"
            else f"{tries} attempts to sign in as {which} failed"
        )
        log.warning("%s", text)
        for hear in self.on_guessing:
            hear(text)

    def _changed(self, book: Book) -> None:
        alive = {one.id for one in book.sessions}
        self._used = {number: at for number, at in self._used.items() if number in alive}

    async def tell_untold(self) -> None:
        """Tell the evidence what the command line changed, each change once."""
        taken: list[Change] = []

        def take(book: Book) -> Book:
            taken.extend(book.untold)
            return replace(book, untold=())

        await self._keep(take)
        for change in taken:
            log.warning("%s: %s", change.who, change.text)
            self.telling.note(Fact("access", change.at, change.who, change.text))

    def _watch(self, request: web.Request, identity: Identity) -> None:
        """End a stream when whoever opened it may no longer read."""
        task = asyncio.create_task(self._until_ended(request, identity), name="stream of a session")
        request.task.add_done_callback(lambda _: task.cancel())  # the connection's own task; it also holds this one

    async def _until_ended(self, request: web.Request, identity: Identity) -> None:
        while request.transport is not None and not request.transport.is_closing():
            await self.clock.sleep(LOOK_AT_STREAMS_S)
            now = self.clock.now()
            book = await self.live.fresh(now.mono)
            if not self._still(book, identity, now.wall) and request.transport is not None:
                request.transport.close()

    def _still(self, book: Book, identity: Identity, now: datetime) -> bool:
        if identity.session:
            return any(one.id == identity.session and self.is_alive(one, now) for one in book.sessions)
        if identity.token:
            return any(one.id == identity.token and now < one.expires_at for one in book.tokens)
        return not book.users


def _used(used: Mapping[str, datetime], book: Book) -> Book:
    sessions = (replace(one, used_at=max(one.used_at, used.get(one.id, one.used_at))) for one in book.sessions)
    return replace(book, sessions=tuple(sessions))


def _unattended_s(request: web.Request) -> float:
    """Return how long nobody touched the page (s); 0 where it does not say so."""
    said = request.headers.get(UNATTENDED, "0")
    return float(said) if said.isascii() and said.isdigit() else 0.0


def guard_of(config: Config, context: SinkContext, note: Callable[[Fact], None], clock: Clock | None = None) -> Guard:
    """Return the guard of a gateway. Sessions are measured in real time, also where a demo runs a faster one."""
    assert config.web is not None
    telling = Telling(note, context.evidence, lambda: context.clock.now().wall)
    keeper, simulator = Keeper(folder_of(config.store.path)), config.ads.environment is Environment.SIMULATOR
    return Guard(config.web, keeper, clock or SystemClock(), telling, simulator=simulator)
