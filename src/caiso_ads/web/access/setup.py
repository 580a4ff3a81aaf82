"""The one-time token for the first user. Rule: it stands in a file that only our own user can read, and nowhere else.

There is no default password: whoever can read the gateway's own files makes the first user. The token holds for an hour,
is gone once used, and a newer one ends it.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta

from msgspec.structs import replace

from caiso_ads.web.access.book import Book, Setup, digest
from caiso_ads.web.access.keeper import Keeper

SETUP_WITHIN = timedelta(hours=1)


def fits(book: Book, token: str, now: datetime) -> bool:
    """Whether this is the token of now, and there is no user yet."""
    known = book.setup
    if known is None or book.users or now >= known.expires_at:
        return False
    return hmac.compare_digest(known.digest, digest(token.strip()))


def offer_setup(keeper: Keeper, now: datetime) -> bool:
    """Write a new one-time token where there is no user yet; any older one ends. StoreError when it cannot be written."""
    token = secrets.token_urlsafe(24)

    def offered(book: Book) -> Book:
        if book.users:
            return book
        return replace(book, setup=Setup(digest=digest(token), expires_at=now + SETUP_WITHIN))

    if keeper.change(offered).users:
        keeper.remove_setup()
        return False
    keeper.write_setup(token)
    return True
