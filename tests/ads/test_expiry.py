"""The end of validity, against what ``cryptography`` reads from the same certificates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from caiso_ads.ads.expiry import end_of, valid_until
from caiso_ads.errors import CertificateError

KEY = ec.generate_private_key(ec.SECP256R1())


def made(until: datetime, name: str = "plant") -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject).issuer_name(subject).public_key(KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - timedelta(days=365)).not_valid_after(until)
        .sign(KEY, hashes.SHA256())
    )  # fmt: skip


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2400, 1, 1)).map(lambda at: at.replace(microsecond=0, tzinfo=UTC)),  # noqa: DTZ001 - hypothesis wants naive bounds
    st.integers(1, 60),
)
def test_it_is_what_cryptography_reads(until: datetime, length: int) -> None:
    certificate = made(until, "n" * length)
    assert certificate.not_valid_after_utc == until
    assert end_of(certificate.public_bytes(serialization.Encoding.DER)) == until


@pytest.mark.parametrize("form", ["pem", "p12"])
def test_it_is_read_from_each_form_of_file(tmp_path: Path, form: str) -> None:
    until = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    path, certificate = tmp_path / f"plant.{form}", made(until)
    if form == "pem":
        key = KEY.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(key + b"words before it\n" + certificate.public_bytes(serialization.Encoding.PEM))
    else:
        sealed = serialization.BestAvailableEncryption(b"secret")
        path.write_bytes(pkcs12.serialize_key_and_certificates(b"x", KEY, certificate, None, sealed))
    assert valid_until(path, b"secret") == until


@pytest.mark.parametrize(
    "text", ["-----BEGIN CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_certificate_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plant.pem"
    path.write_text(text)
    with pytest.raises(CertificateError, match=r"plant\.pem"):
        valid_until(path)
    with pytest.raises(CertificateError, match="missing"):
        valid_until(tmp_path / "missing.pem")


@given(st.binary(max_size=80))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    try:
        end_of(data)
    except (ValueError, IndexError):
        return
