"""Where a request comes from: which address, over TLS or not, under which name, from which site.

Rule: what a client can write itself (``X-Forwarded-*``) is believed from listed proxies alone; a name that is not ours
is refused, so that no foreign name can be pointed at us (DNS rebinding); and no other site's page may ask anything.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web

from caiso_ads.config.web import WebConfig, is_loopback
from caiso_ads.sinks._allow import AllowList
from caiso_ads.web.answers import ProblemError

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_ELSEWHERE = "this request was made by a page of another site, or under another name of this one"
_FORWARDING = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "Via")


@dataclass(frozen=True, slots=True)
class Came:
    """Where a request came from. ``forwarded``: somebody who is not listed says to have forwarded it."""

    address: str
    secure: bool
    forwarded: bool


class Origins:
    """The names and proxies of one site."""

    def __init__(self, config: WebConfig) -> None:
        self._proxies = AllowList(config.proxy, table="web", key="proxy")
        self._insecure = config.insecure_http
        names = ("localhost", socket.gethostname(), config.host, *config.hosts)
        self._names = frozenset(name.lower().rstrip(".") for name in names)

    def came(self, request: web.Request) -> Came:
        """Return where a request came from."""
        peer, secure = request.remote or "", request.secure
        if not self._proxies.lists(peer):
            return Came(peer, secure, any(name in request.headers for name in _FORWARDING))
        said = ",".join(request.headers.getall("X-Forwarded-For", ()))
        hops = [hop.strip() for hop in said.split(",") if hop.strip()]
        outside = next((hop for hop in reversed(hops) if not self._proxies.lists(hop)), None)
        protocol = request.headers.get("X-Forwarded-Proto", "").strip().lower()
        address = peer if outside is None else outside if _is_ip(outside) else "unknown"
        return Came(address, secure or protocol == "https", forwarded=False)

    def check(self, request: web.Request, came: Came) -> None:
        """Refuse a request under a foreign name, in clear text over a network, or from another site's page.

        Raises ProblemError 403 or 400.
        """
        host = request.headers.getall("Host", ())
        if len(host) != 1 or not self._is_ours(host[0]):
            raise ProblemError(403, "this name is not one of the gateway's: add it to [web] hosts")
        if not (came.secure or is_loopback(came.address) or self._insecure):
            raise ProblemError(403, "only over TLS: a proxy must be listed, and must say X-Forwarded-Proto: https")
        self._check_site(request, came, host[0])

    def _check_site(self, request: web.Request, came: Came, host: str) -> None:
        unsafe = request.method not in SAFE
        origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
        if origin is not None and origin.lower() != f"{'https' if came.secure else 'http'}://{host}".lower():
            raise ProblemError(403, _ELSEWHERE)
        asks = unsafe or request.path.startswith(("/api/", "/metrics"))  # a link to the page itself may stand anywhere
        if asks and site not in (None, "same-origin", *(() if unsafe else ("none",))):
            raise ProblemError(403, _ELSEWHERE)

    def _is_ours(self, host: str) -> bool:
        """Whether a Host is ours; an address needs no entry, since only names can be pointed elsewhere."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name.rstrip(".") in self._names or _is_ip(name)


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
