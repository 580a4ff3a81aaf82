"""A webhook: the document of the message as JSON in one HTTPS POST.

Rule: the server's certificate is always checked, no redirect is followed (it would carry the secrets elsewhere), and the
address stays out of every text, because with many services it is the secret itself.
"""

from __future__ import annotations

import hmac
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

import aiohttp
import msgspec
from msgspec import Meta

from caiso_ads.ads.resolver import LastGoodResolver
from caiso_ads.ads.tls import checking_context
from caiso_ads.errors import ConfigError, HttpStatusError, RemoteError, TlsError, TlsReason, UnreachableError
from caiso_ads.notify.message import Message
from caiso_ads.sinks._mqtt_config import first_line

_CURE = "write https://host/path"
_NOT_A_HEADER = "the first line must be printable ASCII without spaces"


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of ``kind = "webhook"``; ConfigError names the key of a value that cannot work."""

    only_read: ClassVar[tuple[str, ...]] = ("ca_file", "url_file", "bearer_file", "secret_file")

    url: Annotated[str, Meta(description="address to POST to, https only; this or url_file")] = ""
    url_file: Annotated[
        Path | None, Meta(description="file whose first line is the address, where the address is a secret")
    ] = None
    bearer_file: Annotated[Path | None, Meta(description="file whose first line is sent as Authorization: Bearer")] = (
        None
    )
    secret_file: Annotated[
        Path | None, Meta(description="file whose first line signs the body (HMAC-SHA256 in X-Caiso-Ads-Signature)")
    ] = None
    ca_file: Annotated[
        Path | None, Meta(description="authorities that may sign the server; by default the machine's")
    ] = None

    def __post_init__(self) -> None:
        """Refuse values that cannot work; ConfigError names the key."""
        if bool(self.url) == (self.url_file is not None):
            raise ConfigError("give either url or url_file", key="url")
        if self.url:
            _check(self.url, "url")

    def build(self) -> Webhook:
        """Return the way. Raises ConfigError or CertificateError for a file that cannot be used."""
        url = self.url or _secret(self.url_file, "url_file")
        _check(url, "url_file")
        bearer, secret = _secret(self.bearer_file, "bearer_file"), _secret(self.secret_file, "secret_file")
        if bearer and not (bearer.isascii() and bearer.isprintable() and " " not in bearer):
            raise ConfigError(_NOT_A_HEADER, key="bearer_file")
        return Webhook(url, checking_context(self.ca_file), bearer, secret.encode())


def _secret(path: Path | None, key: str) -> str:
    return first_line(path, key).strip() if path is not None else ""


def _check(url: str, key: str) -> None:
    """Refuse what is no address; the text is not repeated, it may be a secret."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ConfigError("is not an address", key=key, cure=_CURE) from None
    if parts.scheme != "https" or not host or "@" in parts.netloc or not url.isprintable() or " " in url:
        raise ConfigError("must be https://host/path, without a user name", key=key, cure=_CURE)


@dataclass
class Webhook:
    """One address. Its path, the token and the secret are shown nowhere."""

    url: str = field(repr=False)
    tls: ssl.SSLContext = field(repr=False)
    bearer: str = field(repr=False, default="")
    secret: bytes = field(repr=False, default=b"")
    _resolver: LastGoodResolver | None = field(repr=False, default=None)

    async def send(self, message: Message) -> None:
        """POST it; anything but 2xx is an HttpStatusError. RemoteError otherwise."""
        host = urlsplit(self.url).hostname
        body = json.dumps(message.document).encode()
        self._resolver = self._resolver or LastGoodResolver()  # it needs a running loop
        connector = aiohttp.TCPConnector(ssl=self.tls, limit=1, force_close=True, resolver=self._resolver)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session,
                session.post(self.url, data=body, headers=self.headers(message, body), allow_redirects=False) as answer,
            ):
                status = answer.status
        except aiohttp.ClientConnectorCertificateError as error:
            raise TlsError(TlsReason.OTHER, f"the certificate of {host} was not accepted") from error
        except aiohttp.ClientConnectorError as error:
            raise UnreachableError(f"no connection to {host}: {type(error.os_error).__name__}") from None
        except (aiohttp.ClientError, ValueError) as error:  # ValueError: an answer that is no HTTP
            raise RemoteError(f"no whole answer of {host}: {type(error).__name__}") from None
        if not 200 <= status < 300:
            raise HttpStatusError(status)

    def headers(self, message: Message, body: bytes) -> Mapping[str, str]:
        """Return the headers: the signature is over time stamp, dot and body, so that an old POST cannot come again."""
        stamp = str(int(message.at.timestamp()))
        made = {
            "Content-Type": "application/json",
            "User-Agent": "caiso-ads",
            "X-Caiso-Ads-Id": message.message_id,
            "X-Caiso-Ads-Timestamp": stamp,
        }
        if self.bearer:
            made["Authorization"] = f"Bearer {self.bearer}"
        if self.secret:
            made["X-Caiso-Ads-Signature"] = f"sha256={signature(self.secret, stamp, body)}"
        return made


def signature(secret: bytes, stamp: str, body: bytes) -> str:
    """Return the HMAC-SHA256 over time stamp (s since 1970), a dot and the body, in hexadecimal."""
    return hmac.new(secret, stamp.encode() + b"." + body, sha256).hexdigest()
