"""Throw-away authorities and certificates for tests, with the faults the TLS table needs."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PASSPHRASE = b"canary-passphrase-4711"
ENCODING, FORMAT = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8


def name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


@dataclass(frozen=True)
class Identity:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    chain: tuple[x509.Certificate, ...] = ()

    def certificate_pem(self) -> bytes:
        return b"".join(each.public_bytes(ENCODING) for each in (self.certificate, *self.chain))

    def key_pem(self, passphrase: bytes | None = None) -> bytes:
        form = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
        return self.key.private_bytes(ENCODING, FORMAT, form)

    def pem(self, folder: Path, stem: str) -> Path:
        """Write certificate and clear key into one 0600 file."""
        return secret(folder / f"{stem}.pem", self.certificate_pem() + self.key_pem())

    def p12(
        self,
        path: Path,
        passphrase: bytes | None = PASSPHRASE,
        encryption: serialization.KeySerializationEncryption | None = None,
    ) -> Path:
        form = encryption or (
            serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
        )
        return secret(
            path, pkcs12.serialize_key_and_certificates(b"plant", self.key, self.certificate, self.chain, form)
        )


def secret(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def triple_des(passphrase: bytes = PASSPHRASE) -> serialization.KeySerializationEncryption:
    """The encryption of old .pfx files that cryptography can still write."""
    builder = serialization.PrivateFormat.PKCS12.encryption_builder()
    return (
        builder.key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())  # what such files use
        .kdf_rounds(2048)
        .build(passphrase)
    )


class Authority:
    """A certificate authority; ``key_identifiers=False`` makes one as old private authorities are."""

    def __init__(self, common_name: str, *, parent: Authority | None = None, key_identifiers: bool = True) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.key_identifiers = key_identifiers
        self.parent = parent
        builder = (
            _builder(common_name, self.key, parent)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_ca_usage(), critical=True)
        )
        if key_identifiers:
            builder = builder.add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False
            )
        if parent and parent.key_identifiers:
            builder = builder.add_extension(parent.authority_key_identifier(), critical=False)
        self.certificate = builder.sign((parent or self).key, hashes.SHA256())

    def authority_key_identifier(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(ENCODING)

    def issue(
        self,
        common_name: str,
        *,
        hosts: tuple[str, ...] = (),
        starts_in: timedelta = timedelta(days=-1),
        ends_in: timedelta = timedelta(days=90, hours=1),
        usage: x509.ObjectIdentifier | None = None,
        rsa_bits: int = 0,
    ) -> Identity:
        """Issue a certificate; with ``hosts`` for a server, else for a client."""
        key = rsa.generate_private_key(65537, rsa_bits) if rsa_bits else ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        purpose = usage or (ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH)
        builder = _builder(common_name, key, self, now + starts_in, now + ends_in).add_extension(
            x509.ExtendedKeyUsage([purpose]), critical=False
        )
        if hosts:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general(each) for each in hosts]), critical=False
            )
        if self.key_identifiers:
            builder = builder.add_extension(self.authority_key_identifier(), critical=False)
        chain = (self.certificate,) if self.parent else ()
        return Identity(builder.sign(self.key, hashes.SHA256()), key, chain)


def _builder(
    common_name: str,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    issuer: Authority | None,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name(common_name))
        .issuer_name(issuer.certificate.subject if issuer else name(common_name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before or now - timedelta(days=400))
        .not_valid_after(not_after or now + timedelta(days=400))
    )


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _ca_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
