"""HTTP GET over TLS on aiohttp. Rule: one total deadline per request, a bounded body, no redirect, no proxy.

The deadline covers name service, TCP, TLS and the last byte, so a server that drips cannot hold a call. Connections are
kept alive. Nothing is sent twice here: who asks again takes a new turn of the pacer first.
"""

from __future__ import annotations

import asyncio
import ssl
from urllib.parse import urlsplit

import aiohttp

from caiso_ads import __version__
from caiso_ads.ads.exchange import HttpReply
from caiso_ads.ads.failures import classify
from caiso_ads.ads.resolver import LastGoodResolver
from caiso_ads.errors import DeadlineError, RemoteError, TlsError, WireError
from caiso_ads.ports import Clock

CONNECT_LIMIT_S = 10.0  # TCP and TLS handshake together
KEEP_ALIVE_S = 30.0
MAX_BODY_BYTES = 64 * 1024 * 1024
_HEADERS = {"User-Agent": f"caiso-ads/{__version__}", "Accept-Encoding": "identity"}


class Transport:
    """Gets addresses of one service; made on the event loop that uses it."""

    def __init__(self, *, ssl_context: ssl.SSLContext, clock: Clock, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self._clock = clock
        self._max_body_bytes = max_body_bytes
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=ssl_context, limit=4, resolver=LastGoodResolver(), keepalive_timeout=KEEP_ALIVE_S
            ),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_LIMIT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def get(self, url: str, *, deadline_s: float) -> HttpReply:
        """Return the answer, whatever its status.

        Raises DeadlineError, UnreachableError, TlsError, or WireError when the answer is too large.
        """
        host = urlsplit(url).netloc
        try:
            async with asyncio.timeout(deadline_s):
                return await self._send(url)
        except TimeoutError as error:
            raise DeadlineError(f"{host}: no complete answer within {deadline_s:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise _ours(classify(error, host)) from error

    async def _send(self, url: str) -> HttpReply:
        async with self._session.get(url, allow_redirects=False) as response:
            body = bytearray()
            async for piece in response.content.iter_any():
                body += piece
                if len(body) > self._max_body_bytes:
                    raise WireError(f"answer larger than {self._max_body_bytes:,} bytes", where="HTTP body")
            headers = {name.lower(): value for name, value in response.headers.items()}
            return HttpReply(response.status, headers, bytes(body), self._clock.now().wall)


def _ours(error: RemoteError) -> RemoteError:
    """Return the error with a cure that names our keys: the shared words are those of the ADS client."""
    if isinstance(error, TlsError):
        error.cure = f"check {'oasis.ca_file' if 'CA' in error.reason.name else 'oasis.url'} and this machine's clock"
    else:
        error.cure = error.cure.replace("ads.url", "oasis.url")
    return error
