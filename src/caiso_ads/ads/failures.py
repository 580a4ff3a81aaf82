"""From what aiohttp, asyncio and OpenSSL raise to our error tree. Rule: a cause in words and, where known, a cure.

OpenSSL tells a refused certificate by alert names. Under TLS 1.3 the server's verdict on *our* certificate arrives
after the handshake, at the first read: as an alert, or just as a closed connection. So an alert counts wherever it
shows, and ``guess_refused`` turns a closed connection into a TlsError where the caller knows that nothing else fits.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import aiohttp

from caiso_ads.errors import RemoteError, TlsError, TlsReason, UnreachableError

_VERIFY_REASONS = {
    9: TlsReason.NOT_YET_VALID,
    10: TlsReason.EXPIRED,
    2: TlsReason.UNKNOWN_CA,  # issuer not found
    18: TlsReason.UNKNOWN_CA,  # self-signed
    19: TlsReason.UNKNOWN_CA,  # self-signed in the chain
    20: TlsReason.UNKNOWN_CA,  # no local issuer
    21: TlsReason.UNKNOWN_CA,  # the only certificate sent cannot be checked
    62: TlsReason.WRONG_HOST,
    64: TlsReason.WRONG_HOST,  # an IP address in the URL
}
_PROTOCOL_WORDS = ("ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION")
_OWN_CERTIFICATE_WORDS = (
    "ALERT_CERTIFICATE_REQUIRED",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_CERTIFICATE_EXPIRED",
    "ALERT_CERTIFICATE_REVOKED",
    "ALERT_CERTIFICATE_UNKNOWN",
    "ALERT_UNSUPPORTED_CERTIFICATE",
    "ALERT_UNKNOWN_CA",
    "ALERT_ACCESS_DENIED",
    "ALERT_DECRYPT_ERROR",
    "ALERT_HANDSHAKE_FAILURE",  # what a TLS 1.2 server answers when no certificate came
)
_CURES = {
    TlsReason.EXPIRED: "the ISO must renew it; if this machine's clock is wrong, correct it",
    TlsReason.NOT_YET_VALID: "correct this machine's clock (NTP)",
    TlsReason.UNKNOWN_CA: "put the authority that signs the ISO's server into ads.ca_file; if you do not know this"
    " authority, a proxy may be reading along",
    TlsReason.WRONG_HOST: "check the host in ads.url",
    TlsReason.PROTOCOL: "the server, or a device on the way, is too old: TLS 1.2 is the least we accept",
    TlsReason.OWN_CERTIFICATE: "look at it with: caiso-ads cert show; ask your User Access Administrator whether it is"
    " registered for this ADS environment",
    TlsReason.OTHER: "the server may refuse our certificate (caiso-ads cert show) or be no ADS at all; check ads.url",
}
_PLAIN_CLOSE = (ssl.SSLEOFError, ssl.SSLZeroReturnError)  # a connection that ends, told by TLS; no verdict on anything
CERTIFICATE_GUESS = "closed without an answer on the first request; a network fault can look the same"
HANDSHAKE_GUESS = "closed during the handshake without a reason"


def tls_error(reason: TlsReason, detail: str) -> TlsError:
    """Return a TlsError with the cure for its reason."""
    error = TlsError(reason, detail)
    error.cure = _CURES[reason]
    return error


def classify(error: BaseException, host: str, *, guess_refused: bool = False) -> RemoteError:
    """Return our error for what a call raised. ``host`` is named in the text.

    ``guess_refused``: take a closed connection for a refused certificate (first request, nothing known of this server).
    """
    # aiohttp's own errors claim to be ssl errors too, but lack their fields.
    causes = [each for each in _causes(error) if not isinstance(each, (aiohttp.ClientError, *_PLAIN_CLOSE))]
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = _VERIFY_REASONS.get(cause.verify_code, TlsReason.OTHER)
            return tls_error(reason, f"{host}: {cause.verify_message}")
    for cause in causes:
        if isinstance(cause, ssl.SSLError) and cause.reason:
            return tls_error(_alert_reason(cause.reason), f"{host}: {cause.reason.replace('_', ' ').lower()}")
    if _in_handshake(error):
        return tls_error(TlsReason.OTHER, f"{host}: {HANDSHAKE_GUESS}")
    if guess_refused and is_disconnect(error):
        return tls_error(TlsReason.OWN_CERTIFICATE, f"{host}: {CERTIFICATE_GUESS}")
    unreachable = UnreachableError(f"{host}: {_words(error)}")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        unreachable.cure = "check the host in ads.url and this machine's name service"
    return unreachable


def is_disconnect(error: BaseException) -> bool:
    """Whether the other side closed or reset a connection that had been established, TLS handshake included."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return False
    return isinstance(error, (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionError))


def _in_handshake(error: BaseException) -> bool:
    """Whether TCP stood and the connection then ended within the TLS handshake."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else None
    return isinstance(cause, ConnectionError) and not isinstance(cause, ConnectionRefusedError)


def _alert_reason(name: str) -> TlsReason:
    if any(word in name for word in _OWN_CERTIFICATE_WORDS):
        return TlsReason.OWN_CERTIFICATE
    if any(word in name for word in _PROTOCOL_WORDS):
        return TlsReason.PROTOCOL
    return TlsReason.OTHER


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk an exception, what it was raised from, and the errors aiohttp keeps inside."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop(0)
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [getattr(each, "certificate_error", None), getattr(each, "os_error", None)]
        waiting += [each.__cause__, each.__context__]


def _words(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "host name cannot be resolved"
    if isinstance(error, (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError)):
        return "connection closed before the answer was complete"
    text = next((each.strerror for each in _causes(error) if isinstance(each, OSError) and each.strerror), "")
    return text or str(error) or type(error).__name__
