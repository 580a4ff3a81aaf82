"""What an OPC UA client of the demo needs: a user with a random password, and a certificate of its own.

Rule: the password is made here and stands in one file that only its owner may read; it is never printed or an
argument. Files that exist are kept, so that a client set up once works after the next start too.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from caiso_ads.simulator.ca import write_private

USER = "demo"
APPLICATION_URI = "urn:example.org:FreeOpcUa:opcua-asyncio"
"""What asyncua's command-line tools call themselves; a server may compare it with the certificate."""


@dataclass(frozen=True, slots=True)
class Login:
    """Where user and certificate of a client stand. ``password_file`` holds the password of ``user``, and a newline."""

    user: str
    password_file: Path
    certificate: Path
    key: Path

    def password(self) -> str:
        """Return the password."""
        return self.password_file.read_text(encoding="ascii").strip()


def write_login(directory: Path) -> Login:
    """Make what is missing in the directory and return it; blocks for the key of a certificate (RSA, 2048 bits)."""
    login = Login(
        USER, directory / "opcua-password", directory / "opcua-client.der", directory / "opcua-client-key.pem"
    )
    if not login.password_file.exists() or not login.password():
        write_private(login.password_file, f"{secrets.token_urlsafe(18)}\n".encode("ascii"))
    if not (login.certificate.exists() and login.key.exists()):
        _write_pair(login)
    return login


def _write_pair(login: Login) -> None:
    """Write an RSA pair: OPC UA's policies know no other, and the authority's keys are elliptic."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "caiso-ads demo client")])
    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=True, data_encipherment=True,
        key_cert_sign=True, key_agreement=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = x509.CertificateBuilder(
        issuer_name=name, subject_name=name, public_key=key.public_key(), serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(days=1), not_valid_after=now + timedelta(days=3650),
    )  # fmt: skip
    for extension, critical in (
        (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(APPLICATION_URI)]), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (usage, True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),
    ):
        builder = builder.add_extension(extension, critical=critical)
    made = builder.sign(key, hashes.SHA256())
    write_private(
        login.key,
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )  # fmt: skip
    login.certificate.write_bytes(made.public_bytes(serialization.Encoding.DER))
