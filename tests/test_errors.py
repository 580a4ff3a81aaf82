"""The error tree: drawn as it is, and each message names what was wrong."""

from __future__ import annotations

import inspect
import re

import pytest

from caiso_ads import errors
from caiso_ads.errors import (
    CaisoAdsError,
    CertificateError,
    CommandError,
    ConfigError,
    HttpStatusError,
    NotSoapError,
    SoapFaultError,
    TlsError,
    TlsReason,
    WireError,
)


def test_the_tree_is_drawn_as_it_is() -> None:
    drawn, path = {}, ["Exception"]
    for indent, name in re.findall(r"^ {4}([│├└─ ]*)(\w+Error)\b", inspect.getdoc(errors) or "", re.MULTILINE):
        depth = len(indent) // 4
        path[depth + 1 :] = [name]
        drawn[name] = path[depth]
    classes = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, Exception)]
    assert drawn == {kind.__name__: kind.__bases__[0].__name__ for kind in classes}


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConfigError("is no number", file="a.toml", table="ads", key="url"), "a.toml [ads] url: is no number"),
        (ConfigError("is missing", table="store"), "[store]: is missing"),
        (ConfigError("is wrong"), "is wrong"),
        (CertificateError("plant.pem: expired"), "plant.pem: expired"),
        (CommandError("has passed", field="until"), "until: has passed"),
        (CommandError("no gateway is running"), "no gateway is running"),
        (TlsError(TlsReason.EXPIRED), "server certificate expired"),
        (TlsError(TlsReason.OTHER, "alert 40"), "TLS handshake failed (alert 40)"),
        (HttpStatusError(503, retry_after_s=5.0), "HTTP status 503"),
        (SoapFaultError("Server", "no"), "SOAP fault Server: no"),
        (NotSoapError("text/html", "<html>"), "not a SOAP answer (content type text/html): '<html>'"),
        (NotSoapError("", ""), "not a SOAP answer (content type not given): ''"),
        (WireError("is empty", where="DispatchBatch/dot"), "DispatchBatch/dot: is empty"),
        (WireError("is empty"), "is empty"),
    ],
)
def test_a_message_names_what_was_wrong_and_where(error: CaisoAdsError, text: str) -> None:
    assert str(error) == text


def test_foreign_text_in_an_error_is_bounded() -> None:
    assert len(str(SoapFaultError("c" * 10_000, "t" * 1_000_000))) < 2_300
    assert len(str(NotSoapError("text/html", "x" * 1_000_000))) < 300


def test_the_cure_is_kept_where_there_is_one() -> None:
    assert ConfigError("is no number", cure="Give a number.").cure == "Give a number."
    assert WireError("is empty").cure == ""
