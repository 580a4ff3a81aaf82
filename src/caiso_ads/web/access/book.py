"""Users, sessions and API tokens as one document, and what may become of it. Rule: no I/O; every change is a new book.

Of passwords only argon2id hashes stand here, of sessions and tokens only SHA-256: who reads the file can sign in as
nobody. Sessions and tokens are 256 random bits, so that a plain hash of them cannot be guessed back.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256

import msgspec
from msgspec.structs import replace

from caiso_ads.errors import CommandError
from caiso_ads.web.access.people import Role

IDLE = timedelta(minutes=15)
LONGEST = timedelta(hours=12)
BACKWARDS = timedelta(minutes=5)
"""A session used so far in the future was made before the clock was set back; how old it is nobody knows."""
SESSIONS_EACH = 20
MOST_USERS, MOST_TOKENS, KNOWN_ADDRESSES = 200, 100, 5
LONGEST_TOKEN_DAYS = 366

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_OURS = frozenset({"caiso-ads", "gateway", "anonymous", "operator", "policy"})
"""Names under which the gateway itself stands in the evidence."""


class User(msgspec.Struct, frozen=True, kw_only=True):
    """One person. ``known`` are addresses from which the right password came: nobody else can lock those out."""

    name: str
    roles: tuple[Role, ...]
    password: str
    made_at: datetime
    changed_at: datetime
    known: tuple[str, ...] = ()


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One sign-in. ``used_at`` is written at most once a minute."""

    id: str
    digest: str
    name: str
    made_at: datetime
    used_at: datetime
    address: str

    def alive(self, now: datetime, used_at: datetime | None = None, idle: timedelta = IDLE) -> bool:
        """Whether it still counts; ``used_at`` is a later use than the written one."""
        used = max(self.used_at, used_at or self.used_at)
        return used - now <= BACKWARDS and now - used < idle and now - self.made_at < LONGEST


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token for a script."""

    id: str
    digest: str
    name: str
    roles: tuple[Role, ...]
    made_at: datetime
    expires_at: datetime
    made_by: str


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """The one-time token for the first user."""

    digest: str
    expires_at: datetime


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line changed, until a gateway has told it to the evidence."""

    at: datetime
    who: str
    text: str


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. ``secret`` makes the tokens against forged requests, which outlive a restart."""

    format: int = 1
    secret: str = ""
    users: tuple[User, ...] = ()
    sessions: tuple[Session, ...] = ()
    tokens: tuple[Token, ...] = ()
    setup: Setup | None = None
    untold: tuple[Change, ...] = ()

    def user(self, name: str) -> User | None:
        """Return a user, however the name is capitalised."""
        wanted = name.lower()
        return next((one for one in self.users if one.name.lower() == wanted), None)

    def existing(self, name: str) -> User:
        """Return a user; CommandError naming the field when there is none."""
        if (found := self.user(name)) is None:
            raise CommandError("there is no such user", field="name", cure="look at: caiso-ads users list")
        return found


def digest(secret: str) -> str:
    """Return what is kept of a session or a token."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def checked_name(name: str) -> str:
    """Return a name that may be a user's. CommandError otherwise."""
    if not _NAME.fullmatch(name) or name.lower() in _OURS:
        raise CommandError(
            "must begin with a letter or digit, have at most 64 letters, digits or . _ @ -, and not be the gateway's own",
            field="name",
        )
    return name


def checked_roles(roles: Iterable[Role]) -> tuple[Role, ...]:
    """Return roles once each, in the order of the table. CommandError for none."""
    wanted = set(roles)
    if not wanted:
        raise CommandError(f"give at least one of {', '.join(Role)}", field="roles")
    return tuple(role for role in Role if role in wanted)


def with_user(book: Book, name: str, password: str, roles: Iterable[Role], now: datetime) -> Book:
    """Add a user; ``password`` is its hash. CommandError for a name that is taken."""
    if book.user(checked_name(name)) is not None:
        raise CommandError(f"there is a user {name} already", cure="choose another name, or change that user")
    if len(book.users) >= MOST_USERS:
        raise CommandError(f"there are {MOST_USERS} users: remove one first")
    user = User(name=name, roles=checked_roles(roles), password=password, made_at=now, changed_at=now)
    return replace(book, users=(*book.users, user), setup=None)


def with_roles(book: Book, name: str, roles: Iterable[Role], now: datetime) -> Book:
    """Change what a user may; the user's sessions end. CommandError when nobody would be admin any more."""
    return _with(book, replace(book.existing(name), roles=checked_roles(roles), changed_at=now))


def with_password(book: Book, name: str, password: str, now: datetime) -> Book:
    """Change a password (its hash is given); the user's sessions end, and addresses must prove themselves again."""
    return _with(book, replace(book.existing(name), password=password, changed_at=now, known=()))


def without_user(book: Book, name: str) -> Book:
    """Remove a user and end the sessions. CommandError when nobody would be admin any more."""
    gone = book.existing(name)
    return _checked(_ended(replace(book, users=tuple(one for one in book.users if one != gone)), gone.name), book)


def _with(book: Book, user: User) -> Book:
    users = tuple(user if one.name == user.name else one for one in book.users)
    return _checked(_ended(replace(book, users=users), user.name), book)


def _checked(book: Book, before: Book) -> Book:
    def admins(one: Book) -> int:
        return sum(Role.ADMIN in user.roles for user in one.users)

    if admins(before) and not admins(book):
        raise CommandError(
            "this is the last admin: nobody could manage users any more", cure="make another admin first"
        )
    return book


def _ended(book: Book, name: str) -> Book:
    return replace(book, sessions=tuple(one for one in book.sessions if one.name != name))


def with_session(book: Book, session: Session, *, proved: str, rehashed: str = "") -> Book:
    """Let somebody in; of too many sessions of one user the oldest end. ``rehashed`` replaces the password's hash.

    CommandError when the user is gone, or has another password than the ``proved`` one.
    """
    user = book.existing(session.name)
    if user.password != proved:
        raise CommandError("the password was changed meanwhile", field="password")
    others = [one for one in book.sessions if one.name == user.name]
    many = {one.id for one in others[: max(0, len(others) + 1 - SESSIONS_EACH)]}
    kept = tuple(one for one in book.sessions if one.id not in many and one.alive(session.made_at, idle=LONGEST))
    known = (*(one for one in user.known if one != session.address), session.address)[-KNOWN_ADDRESSES:]
    better = replace(user, known=known, password=rehashed or user.password)
    users = tuple(better if one is user else one for one in book.users)
    return replace(book, users=users, sessions=(*kept, session))


def without_session(book: Book, number: str) -> Book:
    """End one session; nothing happens when it has ended already."""
    return replace(book, sessions=tuple(one for one in book.sessions if one.id != number))


def with_token(book: Book, token: Token) -> Book:
    """Add a token for a script. CommandError for a name that is taken, or for a script that would manage users."""
    checked_name(token.name)
    if any(one.name.lower() == token.name.lower() for one in book.tokens):
        raise CommandError(f"there is a token {token.name} already", cure="choose another name, or revoke that token")
    if Role.ADMIN in token.roles:
        raise CommandError("a script cannot be admin", field="roles", cure="manage users by: caiso-ads users")
    if len(book.tokens) >= MOST_TOKENS:
        raise CommandError(f"there are {MOST_TOKENS} tokens: revoke one first")
    return replace(book, tokens=(*book.tokens, replace(token, roles=checked_roles(token.roles))))


def new_token(name: str, roles: Iterable[Role], days: int, made_by: str, now: datetime) -> tuple[Token, str]:
    """Return a token for a script, and its secret, which is kept nowhere."""
    secret = secrets.token_urlsafe(32)
    token = Token(
        id=secrets.token_hex(8), digest=digest(secret), name=name, roles=tuple(roles), made_at=now,
        expires_at=now + timedelta(days=days), made_by=made_by,
    )  # fmt: skip
    return token, secret


def without_token(book: Book, number: str) -> Book:
    """Revoke a token. CommandError when there is none of that number."""
    kept = tuple(one for one in book.tokens if one.id != number)
    if len(kept) == len(book.tokens):
        raise CommandError("there is no such token", field="id")
    return replace(book, tokens=kept)
