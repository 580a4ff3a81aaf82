"""What Modbus/TCP Security stands on: our files, each fault named with its cure, and the role in a certificate."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from caiso_ads.errors import CertificateError
from caiso_ads.sinks.modbus import Config
from caiso_ads.sinks.modbus.security import role_of, server_context
from tests.sinks.modbus import papers


def context(folder: Path, **changes: Any) -> ssl.SSLContext:
    tls = Config(**papers.keys(folder, **changes)).settings().tls
    assert tls is not None
    return server_context(tls)


def test_the_client_must_show_a_certificate_over_tls_12_or_newer_and_no_session_is_resumed(tmp_path: Path) -> None:
    made = context(tmp_path)
    assert made.verify_mode is ssl.CERT_REQUIRED
    assert made.minimum_version is ssl.TLSVersion.TLSv1_2
    assert made.options & ssl.OP_NO_TICKET
    assert made.num_tickets == 0
    assert [item["subject"] for item in made.get_ca_certs()] == [((("commonName", "plant authority"),),)]


def test_an_encrypted_key_is_opened_with_its_passphrase_file(tmp_path: Path) -> None:
    certificate, key = papers.write(tmp_path, "locked", papers.issue("gateway", client=False), b"open sesame")
    words = tmp_path / "words"
    words.write_bytes(b"open sesame\n")
    words.chmod(0o600)
    context(tmp_path, tls_certificate=certificate, tls_key=key, tls_passphrase_file=words)
    for text, hint in ((b"wrong\n", "passphrase right"), (b"", "first line")):
        words.write_bytes(text)
        with pytest.raises(CertificateError) as caught:
            context(tmp_path, tls_certificate=certificate, tls_key=key, tls_passphrase_file=words)
        assert hint in caught.value.cure
    with pytest.raises(CertificateError, match="is encrypted"):
        context(tmp_path, tls_certificate=certificate, tls_key=key)


@pytest.mark.parametrize("key", ["tls_certificate", "tls_key", "tls_client_ca", "tls_passphrase_file"])
def test_a_missing_or_foreign_file_is_named(tmp_path: Path, key: str) -> None:
    with pytest.raises(CertificateError, match=r"nowhere\.pem"):
        context(tmp_path, **{key: tmp_path / "nowhere.pem"})
    if key != "tls_passphrase_file":
        foreign = tmp_path / "foreign.pem"
        foreign.write_text("not PEM")
        foreign.chmod(0o600)
        with pytest.raises(CertificateError, match=r"foreign\.pem") as caught:
            context(tmp_path, **{key: foreign})
        assert caught.value.cure


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    _, other = papers.write(tmp_path, "other", papers.issue("other"))
    with pytest.raises(CertificateError, match="other-key"):
        context(tmp_path, tls_key=other)


@pytest.mark.skipif(os.name != "posix", reason="rights are in access lists elsewhere")
def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    _, key = papers.write(tmp_path, "loose", papers.issue("loose"))
    key.chmod(0o640)
    with pytest.raises(CertificateError, match="mode 0640"):
        context(tmp_path, tls_key=key)


@pytest.mark.parametrize(
    ("extension", "role"),
    [
        (papers.utf8_string("reader"), "reader"),
        (papers.utf8_string("Прибор"), "Прибор"),
        (papers.utf8_string("x" * 127), "x" * 127),
        (None, None),
        (b"", None),
        (b"\x0c\x00", None),
        (b"\x0c\x07reader", None),
        (b"\x0c\x05reader", None),
        (b"\x13\x06reader", None),
        (b"\x0c\x81\x80" + b"x" * 128, None),
        (b"\x0c\x80" + b"x" * 128, None),
        (b"\x0c\x02\xff\xfe", None),
        (b"reader", None),
    ],
)
def test_the_role_is_a_der_utf8_string_and_nothing_else(extension: bytes | None, role: str | None) -> None:
    certificate, _ = papers.issue("master", role=extension)
    assert role_of(certificate.public_bytes(Encoding.DER)) == role


@pytest.mark.parametrize("der", [b"", b"\x30\x00", b"\x00" * 64])
def test_what_is_no_certificate_has_no_role(der: bytes) -> None:
    assert role_of(der) is None


def test_without_tls_cryptography_is_not_loaded() -> None:
    check = "import sys, caiso_ads.sinks.modbus as m; m.Config().settings(); print('cryptography' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", check], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"
