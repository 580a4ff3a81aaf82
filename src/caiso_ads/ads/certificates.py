"""Certificates as people meet them: read .p12/.pfx and PEM, say what is in them, write PEM. Uses ``cryptography``.

Rule: a private key leaves this module encrypted, or in clear text only where the caller asked for that in so many
words; files are 0600 from the moment they exist and appear complete or not at all. Modern files (AES, PBES2) and old
ones (3DES, RC2) are read alike.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from caiso_ads.errors import CertificateError

_NOT_A_CERTIFICATE = "give a .p12/.pfx or a PEM certificate"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A certificate, the key when there is one (never shown by ``repr``), and the chain as found in the file."""

    certificate: x509.Certificate
    key: PrivateKeyTypes | None = field(repr=False)
    chain: tuple[x509.Certificate, ...] = ()

    def chain_pem(self) -> bytes:
        """Return the certificate followed by its chain, in PEM."""
        return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in (self.certificate, *self.chain))


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """What one wants to know of a certificate. Times are aware UTC; ``key_matches`` is None without a key."""

    subject: str
    issuer: str
    common_name: str
    serial: str
    valid_from: datetime
    valid_until: datetime
    days_left: int
    key_type: str
    key_bits: int
    client_auth: bool | None
    has_key: bool
    key_matches: bool | None
    chain: tuple[str, ...]
    chain_linked: bool
    in_date: bool

    @property
    def usable(self) -> bool:
        """Whether it could be used now: in date, made for clients, and not at odds with its key."""
        return self.in_date and self.key_matches is not False and self.client_auth is not False


def read_bundle(path: Path, passphrase: bytes | None, *, key: Path | None = None) -> Bundle:
    """Read a .p12/.pfx or PEM file; ``key`` names a separate PEM key. Raises CertificateError with the cure."""
    data = _read(path)
    if b"-----BEGIN" not in data:
        return _read_pkcs12(path, data, passphrase)
    first, *rest = _load_pem(path, data)
    key_data = _read(key) if key else data
    found = _read_pem_key(key or path, key_data, passphrase) if b"PRIVATE KEY-----" in key_data else None
    if key and found is None:
        raise CertificateError(f"{key}: no private key in PEM form", cure="name the file that holds the key")
    return Bundle(first, found, tuple(rest))


def common_name(path: Path, passphrase: bytes | None) -> str:
    """Return the common name of a client certificate's file, empty where it has none. Raises CertificateError.

    A PEM file's key is not looked at.
    """
    data = _read(path)
    is_pem = b"-----BEGIN" in data
    found = _load_pem(path, data)[0] if is_pem else _read_pkcs12(path, data, passphrase).certificate
    names = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def is_encrypted(path: Path) -> bool:
    """Whether a passphrase is needed: for .p12/.pfx nearly always, for PEM when its key says so."""
    data = _read(path)
    return b"ENCRYPTED" in data if b"-----BEGIN" in data else data[:1] == b"\x30"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateError(f"{path}: {error.strerror}", cure="name an existing, readable file") from error


def _load_pem(path: Path, data: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise CertificateError(f"{path}: no certificate in PEM form", cure=_NOT_A_CERTIFICATE) from error


def _read_pkcs12(path: Path, data: bytes, passphrase: bytes | None) -> Bundle:
    if data[:1] != b"\x30":  # a DER sequence, whatever is in it
        raise CertificateError(f"{path}: neither PKCS#12 nor PEM", cure=_NOT_A_CERTIFICATE)
    try:
        content = pkcs12.load_pkcs12(data, passphrase)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateError(
            f"{path}: cannot be opened: the passphrase is wrong{'' if passphrase else ' (none was given)'}, or the file"
            " uses old RC2/RC4 encryption and this machine's OpenSSL has its legacy part switched off",
            cure="check the passphrase; if it is right, unset CRYPTOGRAPHY_OPENSSL_NO_LEGACY, or export the file again"
            " with AES-256 encryption",
        ) from error
    if content.cert is None or content.key is None:
        raise CertificateError(
            f"{path}: holds no certificate with its private key", cure="export it again together with its key"
        )
    others = [each.certificate for each in content.additional_certs]
    return Bundle(content.cert.certificate, content.key, _in_order(content.cert.certificate, others))


def _in_order(leaf: x509.Certificate, others: list[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """Order the chain signer after signed, as TLS wants it; what does not belong to it stays at the end."""
    chain: list[x509.Certificate] = []
    last = leaf
    while signer := next((each for each in others if each not in chain and _signed_by(last, each)), None):
        chain.append(signer)
        last = signer
    return (*chain, *(each for each in others if each not in chain))


def _read_pem_key(path: Path, data: bytes, passphrase: bytes | None) -> PrivateKeyTypes:
    # A passphrase given for a clear key is no error here: one passphrase file may serve several files.
    try:
        return serialization.load_pem_private_key(data, passphrase if b"ENCRYPTED" in data else None)
    except TypeError as error:
        raise CertificateError(f"{path}: the key is encrypted", cure="give its passphrase file") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateError(f"{path}: the passphrase does not open the key", cure="check the passphrase") from error


def key_pem(key: PrivateKeyTypes, passphrase: bytes | None) -> bytes:
    """Return the key as PKCS#8 PEM, encrypted when a passphrase is given. None means clear text, on request only."""
    form: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    )
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, form)


def facts(bundle: Bundle, now: datetime) -> CertificateFacts:
    """Describe a bundle as of ``now`` (aware UTC)."""
    certificate = bundle.certificate
    key_type, key_bits = _key_size(certificate)
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return CertificateFacts(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        common_name=str(names[0].value) if names else "",
        serial=f"{certificate.serial_number:X}",
        valid_from=certificate.not_valid_before_utc,
        valid_until=certificate.not_valid_after_utc,
        days_left=(certificate.not_valid_after_utc - now).days,  # floor: -1 from the first second after the end
        key_type=key_type,
        key_bits=key_bits,
        client_auth=_client_auth(certificate),
        has_key=bundle.key is not None,
        key_matches=None if bundle.key is None else bundle.key.public_key() == certificate.public_key(),
        chain=tuple(each.subject.rfc4514_string() for each in bundle.chain),
        chain_linked=_linked((certificate, *bundle.chain)),
        in_date=certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc,
    )


def _key_size(certificate: x509.Certificate) -> tuple[str, int]:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA", key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}", key.key_size
    return type(key).__name__.removesuffix("PublicKey").lstrip("_"), 0


def _client_auth(certificate: x509.Certificate) -> bool | None:
    """Whether it may be used as a client certificate; None when it says nothing, which allows every use."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return None
    return ExtendedKeyUsageOID.CLIENT_AUTH in usage or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usage


def _linked(certificates: Sequence[x509.Certificate]) -> bool:
    """Whether each certificate but the last is signed by another one of the file."""
    return all(any(_signed_by(child, parent) for parent in certificates[1:]) for child in certificates[:-1])


def _signed_by(child: x509.Certificate, parent: x509.Certificate) -> bool:
    try:
        child.verify_directly_issued_by(parent)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def write_private(path: Path, content: bytes, *, force: bool) -> None:
    """Write a file that only its owner may read (POSIX mode 0600), complete or not at all.

    Raises CertificateError when the file exists and ``force`` is not set, or when it cannot be written.
    """
    claimed = False
    try:
        if not force:
            os.close(_create(path))  # takes the name: two imports at once cannot both believe it was free
            claimed = True
        _replace(path, content)
    except OSError as error:
        if claimed:
            path.unlink(missing_ok=True)
        if isinstance(error, FileExistsError):
            raise CertificateError(f"{path}: exists already", cure="choose another --out, or use --force") from error
        raise CertificateError(f"{path}: {error.strerror}", cure="choose a folder you may write to") from error


def _create(path: Path) -> int:
    """Create a new file, private from its first moment, and return its descriptor."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)


def _replace(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(_create(beside), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
