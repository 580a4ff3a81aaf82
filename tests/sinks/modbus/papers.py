"""Certificates for Modbus/TCP Security: an authority, the gateway's own, and masters with and without a role."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from caiso_ads.sinks.modbus.security import ROLE_OID

Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]
DAY = timedelta(days=1)
PLANT = "plant authority"


def utf8_string(text: str) -> bytes:
    """Return DER of a short UTF8String."""
    data = text.encode()
    return bytes((0x0C, len(data))) + data


@cache
def authority(name: str) -> Pair:
    """Return an authority, the same for the same name."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, name, key, -1, 30).add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
    return builder.sign(key, hashes.SHA256()), key


def issue(name: str, *, role: bytes | None = None, client: bool = True, by: str = PLANT, days: int = 30) -> Pair:
    """Return a certificate; ``role`` is the raw value of the role's extension. Negative days: it has expired."""
    signer, signing = authority(by)
    key = ec.generate_private_key(ec.SECP256R1())
    use = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    builder = (
        _builder(name, signer.subject.rfc4514_string()[3:], key, min(-1, days - 1), days)
        .add_extension(x509.ExtendedKeyUsage([use]), False)
        .add_extension(names, False)
    )
    if role is not None:
        builder = builder.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(ROLE_OID), role), False)
    return builder.sign(signing, hashes.SHA256()), key


def _builder(
    name: str, issuer: str, key: ec.EllipticCurvePrivateKey, begins: int, ends: int
) -> x509.CertificateBuilder:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins * DAY)
        .not_valid_after(now + ends * DAY)
    )


def pem(certificate: x509.Certificate) -> bytes:
    """Return a certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def write(folder: Path, name: str, pair: Pair, passphrase: bytes = b"") -> tuple[Path, Path]:
    """Write certificate and key, the key for its owner only."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}-key.pem"
    certificate.write_bytes(pem(pair[0]))
    lock = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    key.write_bytes(pair[1].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock))
    key.chmod(0o600)
    return certificate, key


def keys(folder: Path, **changes: Any) -> dict[str, Any]:
    """Write what the gateway needs and return its keys."""
    certificate, key = write(folder, "gateway", issue("gateway", client=False))
    (folder / "ca.pem").write_bytes(pem(authority(PLANT)[0]))
    return {
        "tls_certificate": certificate, "tls_key": key, "tls_client_ca": folder / "ca.pem", "tls_roles": ("reader",),
        **changes,
    }  # fmt: skip


def master_context(folder: Path, pair: Pair | None) -> ssl.SSLContext:
    """Return what a master uses to connect; without a pair it shows no certificate."""
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if pair is not None:
        context.load_cert_chain(*write(folder, "master", pair))
    return context
