"""The server's own certificate, made once, and the certificates of clients that are trusted.

Rule: a key is 0600 from the moment it exists; a file that cannot be read is named, never passed over.
"""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from caiso_ads.errors import ConfigError

APPLICATION_URI = "urn:caiso-ads:gateway:opcua"
_DAYS = 3650


def server_pair(folder: Path) -> tuple[bytes, Path]:
    """Return the server's certificate (DER) and the path of its key; both are made when neither is there.

    Raises ConfigError naming a file that cannot be read or written.
    """
    certificate, key = folder / "server.crt.pem", folder / "server.key.pem"
    try:
        if not certificate.exists() and not key.exists():
            folder.mkdir(parents=True, exist_ok=True)
            _make(certificate, key)
        loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise _wrong(f"{certificate} with {key}: {error}", "directory", "mend both, or delete both") from error
    if private.public_key() != loaded.public_key():
        raise _wrong(f"{key} is not the key of {certificate}", "directory", "mend both, or delete both")
    return loaded.public_bytes(serialization.Encoding.DER), key


def trusted(folder: Path) -> list[bytes]:
    """Return the certificates (DER) in a folder, PEM or DER. Raises ConfigError naming one that cannot be read."""
    found = []
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in {".pem", ".der", ".crt", ".cer"})
        for path in paths:
            data = path.read_bytes()
            is_pem = b"-----BEGIN" in data
            loaded = x509.load_pem_x509_certificate(data) if is_pem else x509.load_der_x509_certificate(data)
            found.append(loaded.public_bytes(serialization.Encoding.DER))
    except (OSError, ValueError) as error:
        raise _wrong(f"{folder}: {error}", "trusted_certificates", "leave readable certificates only") from error
    return found


def is_in_time(der: bytes, now: datetime) -> bool:
    """Whether a certificate is valid now."""
    loaded = x509.load_der_x509_certificate(der)
    return loaded.not_valid_before_utc <= now <= loaded.not_valid_after_utc


def _make(certificate: Path, key: Path) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "caiso-ads gateway")])
    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_cert_sign=True,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    names = [x509.UniformResourceIdentifier(APPLICATION_URI), x509.DNSName(socket.gethostname()[:63])]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(usage, critical=True)
        .sign(private, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    _write(key, private.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    _write(certificate, made.public_bytes(pem))


def _write(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def _wrong(problem: str, key: str, cure: str) -> ConfigError:
    return ConfigError(problem, table="sinks.opcua", key=key, cure=cure)
