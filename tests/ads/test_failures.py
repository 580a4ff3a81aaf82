"""From foreign exceptions to ours: alerts are found however deep they lie, and never mistaken."""

from __future__ import annotations

import ssl

import aiohttp
import pytest

from caiso_ads.ads.failures import classify, is_disconnect, tls_error
from caiso_ads.errors import TlsError, TlsReason, UnreachableError


def alert(name: str) -> ssl.SSLError:
    error = ssl.SSLError(1, f"[SSL: {name}]")
    error.reason = name
    return error


def wrapped(inner: BaseException) -> aiohttp.ClientOSError:
    """As aiohttp hands over an error that came with a lost connection."""
    outer = aiohttp.ClientOSError(*inner.args)
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", TlsReason.OWN_CERTIFICATE),
        ("SSLV3_ALERT_BAD_CERTIFICATE", TlsReason.OWN_CERTIFICATE),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", TlsReason.OWN_CERTIFICATE),
        ("SSLV3_ALERT_CERTIFICATE_REVOKED", TlsReason.OWN_CERTIFICATE),
        ("TLSV1_ALERT_UNKNOWN_CA", TlsReason.OWN_CERTIFICATE),
        ("TLSV1_ALERT_ACCESS_DENIED", TlsReason.OWN_CERTIFICATE),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", TlsReason.OWN_CERTIFICATE),
        ("TLSV1_ALERT_PROTOCOL_VERSION", TlsReason.PROTOCOL),
        ("UNSUPPORTED_PROTOCOL", TlsReason.PROTOCOL),
        ("WRONG_VERSION_NUMBER", TlsReason.OTHER),
    ],
)
def test_alert_is_told_by_its_reason_wherever_it_lies(name: str, reason: TlsReason) -> None:
    for error in (alert(name), wrapped(alert(name))):
        found = classify(error, "ads.example")
        assert isinstance(found, TlsError)
        assert found.reason is reason
        assert "ads.example" in str(found)


@pytest.mark.parametrize("plain", [ssl.SSLEOFError(8, "EOF occurred"), ssl.SSLZeroReturnError(6, "closed")])
def test_end_of_a_connection_told_by_tls_is_no_verdict(plain: ssl.SSLError) -> None:
    plain.reason = "UNEXPECTED_EOF_WHILE_READING"
    assert type(classify(wrapped(plain), "ads.example")) is UnreachableError


@pytest.mark.parametrize(
    "error",
    [aiohttp.ServerDisconnectedError(), aiohttp.ClientOSError(104, "reset"), ConnectionResetError(104, "reset")],
)
def test_closed_connection_is_guessed_only_where_the_caller_says_so(error: Exception) -> None:
    assert is_disconnect(error)
    assert type(classify(error, "ads.example")) is UnreachableError
    guessed = classify(error, "ads.example", guess_refused=True)
    assert isinstance(guessed, TlsError)
    assert guessed.reason is TlsReason.OWN_CERTIFICATE


@pytest.mark.parametrize("error", [aiohttp.ClientPayloadError("cut"), aiohttp.ConnectionTimeoutError("slow")])
def test_other_failures_are_never_guessed(error: Exception) -> None:
    assert not is_disconnect(error)
    assert type(classify(error, "ads.example", guess_refused=True)) is UnreachableError


@pytest.mark.parametrize("reason", list(TlsReason))
def test_every_reason_has_a_cure(reason: TlsReason) -> None:
    assert tls_error(reason, "x").cure
