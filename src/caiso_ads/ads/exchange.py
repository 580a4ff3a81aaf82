"""One call as two values: what to send, and what an answer means. No I/O; every client and test shares this.

Rule: an HTTP answer becomes a Receipt or one typed error, never a guess. Redirects are errors, never followed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from caiso_ads.errors import ConfigError, HttpStatusError, NotSoapError, RemoteError, WireError
from caiso_ads.ports import Receipt
from caiso_ads.wire.operations import OPERATIONS, VERSIONS
from caiso_ads.wire.payload import read_result
from caiso_ads.wire.soap import decode_response, encode_request

MAX_BODY_BYTES = 100 * 1024 * 1024
DEFAULT_VERSION = "v8"
_VERSION_IN_PATH = re.compile(r"[/_](v\d+)(?![0-9A-Za-z])", re.IGNORECASE | re.ASCII)
_CONTENT_TYPE = "text/xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What to POST."""

    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What came back; header names in lower case; ``received_at`` is aware UTC."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the two services are and which version of the API they speak."""

    url: str
    response_url: str
    version: str

    @classmethod
    def of(cls, url: str, response_url: str | None = None, version: str | None = None) -> Endpoint:
        """Check and complete addresses; raises ConfigError.

        The version is taken from the path of ``url`` where it names one, else v8. Interpretation: without
        ``response_url`` the response service stands beside the dispatch service as in v7 (``APIResponseWebService``).
        """
        _check_url("url", url)
        found = _VERSION_IN_PATH.search(urlsplit(url).path)
        chosen = version or (found[1].lower() if found else DEFAULT_VERSION)
        if chosen not in VERSIONS:
            raise ConfigError(f"{chosen!r} is not known", key="version", cure=f"use one of {', '.join(VERSIONS)}")
        if not response_url and "APIWebService" in url:
            response_url = url.replace("APIWebService", "APIResponseWebService")
        if response_url:
            _check_url("response_url", response_url)
        return cls(url, response_url or "", chosen)

    def request(self, operation: str, arguments: Mapping[str, Any]) -> HttpRequest:
        """Return the request for one operation of the table, with its arguments by name.

        Raises ConfigError when the operation needs ``response_url`` and there is none.
        """
        url = self.response_url if OPERATIONS[operation].service == "response" else self.url
        if not url:
            raise ConfigError("is not set, and cannot be told from url", key="response_url", cure="set response_url")
        body = encode_request(VERSIONS[self.version], operation, arguments)
        return HttpRequest(url, {"Content-Type": _CONTENT_TYPE, "SOAPAction": '""'}, body)


def _check_url(key: str, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise ConfigError(f"{url!r} is no https address", key=key, cure="write https://host/ADS/APIWebService/v8")
    if parts.username or parts.password:
        raise ConfigError("holds a user name or password", key=key, cure="ADS knows you by your certificate alone")


def read_reply(operation: str, argument: str, reply: HttpReply) -> Receipt[Any]:
    """Return the Receipt of an answer; content that cannot be decoded is kept in it as its WireError.

    Raises SoapFaultError, NotSoapError, HttpStatusError, or WireError when not even the envelope can be read.
    """
    text = _soap_text(operation, reply)
    try:
        content = read_result(operation, text, argument)
    except WireError as error:
        content = error
    return Receipt(operation, argument, text.encode(), reply.received_at, content, server_date(reply))


def server_date(reply: HttpReply) -> datetime | None:
    """Return the Date header as aware UTC, or None when there is none or it is none."""
    return _http_date(reply.headers.get("date", ""))


def _soap_text(operation: str, reply: HttpReply) -> str:
    content_type = reply.headers.get("content-type", "")
    if reply.status == 200:
        return decode_response(operation, reply.body, content_type)
    try:
        decode_response(operation, reply.body, content_type)
    except NotSoapError:
        if reply.status in (500, 502) and reply.body.strip():
            raise
    except WireError:
        pass  # the status says more than an unreadable error page
    raise _status_error(reply)


def _status_error(reply: HttpReply) -> RemoteError:
    error = HttpStatusError(reply.status, retry_after_s=_retry_after_s(reply))
    if 300 <= reply.status < 400:
        error.cure = (
            f"redirects are never followed; this one points to {reply.headers.get('location', 'nowhere')[:200]}"
        )
    elif reply.status in (401, 403):
        error.cure = "the service does not accept this certificate: ask your User Access Administrator"
    elif reply.status == 404:
        error.cure = "check the path in ads.url"
    return error


def _retry_after_s(reply: HttpReply) -> float | None:
    """Seconds to wait, from a number or an HTTP date; measured on the server's own clock where it gives one."""
    value = reply.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    until = _http_date(value)
    if until is None:
        return None
    return max(0.0, (until - (server_date(reply) or reply.received_at)).total_seconds())


def _http_date(text: str) -> datetime | None:
    try:
        value = parsedate_to_datetime(text)
    except ValueError:
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
