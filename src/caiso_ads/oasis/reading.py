"""From an HTTP answer to what it means. Rule: the content decides; the status only names what has no readable content."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from caiso_ads.ads.exchange import HttpReply
from caiso_ads.errors import HttpStatusError, WireError

T = TypeVar("T")


def content(reply: HttpReply, read: Callable[[bytes, int], T]) -> T:
    """Return what a reader of ``wire.oasis.answer`` makes of body and status; its typed errors pass.

    Raises HttpStatusError in place of WireError where the status is not 200, since that says more than an error page.
    """
    try:
        return read(reply.body, reply.status)
    except WireError as error:
        if reply.status == 200:
            raise
        raise _status_error(reply) from error


def _status_error(reply: HttpReply) -> HttpStatusError:
    error = HttpStatusError(reply.status)
    if 300 <= reply.status < 400:
        where = reply.headers.get("location", "nowhere")[:200]
        error.cure = f"redirects are never followed; this one points to {where}: check oasis.url"
    elif reply.status == 404:
        error.cure = "the service has no such report for this market, or oasis.url has another path"
    elif reply.status == 414:
        error.cure = "name fewer nodes at a time"
    return error
