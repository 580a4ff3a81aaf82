"""A certificate authority for tests: server and client certificates as PEM and PKCS#12, good and bad ones.

Rule: keys are readable by their owner only; nothing here is ever fit for production, and every subject says so.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from ssl import CERT_REQUIRED, PROTOCOL_TLS_SERVER, SSLContext, TLSVersion
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from caiso_ads.errors import CertificateError

P12_PASSPHRASE = "simulator"  # noqa: S105 - printed in the documentation: it protects nothing but a test key
MARK = b"# caiso-ads simulator: a test certificate, worthless anywhere else\n"
"""Stands before each certificate file; the gateway refuses such a file towards production."""
_HOSTS = ("localhost", "127.0.0.1", "::1")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The private key as unencrypted PKCS#8 PEM."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when a certificate is good; aware UTC."""

    begins: datetime
    ends: datetime

    @classmethod
    def days(cls, count: int) -> Validity:
        """From yesterday for so many days."""
        now = datetime.now(UTC)  # certificates are checked by TLS against the machine's clock, not the market's
        return cls(now - _DAY, now + count * _DAY)

    @classmethod
    def expired(cls) -> Validity:
        """Good until yesterday."""
        now = datetime.now(UTC)
        return cls(now - 30 * _DAY, now - _DAY)


class Authority:
    """A test CA. ``Authority()`` makes one in memory, ``Authority.at(directory)`` keeps it for the next start."""

    def __init__(self, pair: Pair | None = None) -> None:
        self._pair = pair or _self_signed()

    @classmethod
    def at(cls, directory: Path) -> Authority:
        """Return the authority kept in a directory, making it first if need be; raises CertificateError."""
        certificate, key = directory / "ca.pem", directory / "ca-key.pem"
        if certificate.exists() and key.exists():
            authority = cls(read_pair(certificate, key))
            if authority._pair.certificate.not_valid_after_utc > datetime.now(UTC) + _DAY:
                return authority
        authority = cls()
        directory.mkdir(parents=True, exist_ok=True)
        certificate.write_bytes(MARK + authority.certificate_pem)
        write_private(key, authority._pair.key_pem)
        return authority

    @property
    def certificate_pem(self) -> bytes:
        """The CA certificate as PEM."""
        return self._pair.certificate_pem

    def server(self, *, hosts: tuple[str, ...] = _HOSTS, validity: Validity | None = None) -> Pair:
        """Issue a server certificate for host names and addresses."""
        names = [x509.IPAddress(ip_address(h)) if _is_address(h) else x509.DNSName(h) for h in hosts]
        extension = x509.SubjectAlternativeName(names)
        return self._issue(hosts[0], ExtendedKeyUsageOID.SERVER_AUTH, validity, extension)

    def client(self, common_name: str, *, validity: Validity | None = None) -> Pair:
        """Issue a client certificate with the subject pattern of CAISO's."""
        return self._issue(common_name, ExtendedKeyUsageOID.CLIENT_AUTH, validity, None)

    def issued(self, certificate: x509.Certificate) -> bool:
        """Whether a certificate carries this authority's signature."""
        try:
            certificate.verify_directly_issued_by(self._pair.certificate)
        except (ValueError, InvalidSignature):
            return False
        return True

    def pkcs12(self, pair: Pair, passphrase: str = P12_PASSPHRASE) -> bytes:
        """Return a pair with this CA as an encrypted .p12."""
        return pkcs12.serialize_key_and_certificates(
            b"caiso-ads simulator",
            pair.key,
            pair.certificate,
            [self._pair.certificate],
            serialization.BestAvailableEncryption(passphrase.encode()),
        )

    def server_context(self, server: Pair | None = None, *, client_certificate: bool = True) -> SSLContext:
        """Return a TLS 1.2+ context that demands a client certificate of this authority, or asks for none."""
        context = SSLContext(PROTOCOL_TLS_SERVER)
        context.minimum_version = TLSVersion.TLSv1_2
        if client_certificate:
            context.verify_mode = CERT_REQUIRED
            context.load_verify_locations(cadata=self.certificate_pem.decode("ascii"))
        pair = server or self.server()
        with TemporaryDirectory() as folder:  # ssl reads certificates from files only; this one is ours alone
            certificate, key = Path(folder) / "server.pem", Path(folder) / "server-key.pem"
            certificate.write_bytes(pair.certificate_pem)
            write_private(key, pair.key_pem)
            context.load_cert_chain(certificate, key)
        return context

    def _issue(
        self,
        common_name: str,
        usage: x509.ObjectIdentifier,
        validity: Validity | None,
        names: x509.SubjectAlternativeName | None,
    ) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self._pair
        builder = (
            _builder(_subject(common_name), issuer.certificate.subject, key, validity or Validity.days(365))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        return Pair(builder.sign(issuer.key, hashes.SHA256()), key)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read. On Windows the folder's access list decides."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def read_pair(certificate: Path, key: Path) -> Pair:
    """Read a pair this module wrote; raises CertificateError naming the file."""
    try:
        loaded = serialization.load_pem_private_key(key.read_bytes(), None)
        pair = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError, TypeError) as error:
        raise CertificateError(f"{certificate} with {key} cannot be read: {error}", cure="delete both") from error
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise CertificateError(f"{key} is not a key of this simulator", cure="delete it")
    return Pair(pair, loaded)


def _self_signed() -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _subject("caiso-ads SIMULATOR test authority")
    builder = (
        _builder(name, name, key, Validity.days(3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_CA_USAGE, critical=True)
    )
    return Pair(builder.sign(key, hashes.SHA256()), key)


_CA_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, validity: Validity
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity.begins)
        .not_valid_after(validity.ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _subject(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "CAISO"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "caiso-ads simulator"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()
