"""Modbus/TCP Security: who we are, which authority signs the masters, and the role a certificate gives one.

Rule: a client certificate is always required and checked; nothing here, and no key, switches that off. TLS 1.2 or
newer, the authorities of ``tls_client_ca`` alone, no session is resumed: each connection shows its certificate again.
Spec: MODBUS/TCP Security Protocol Specification V2.1: port 802, role in the extension 1.3.6.1.4.1.50316.802.1.
"""

from __future__ import annotations

import os
import ssl
import stat
from dataclasses import dataclass
from pathlib import Path

from caiso_ads.errors import CertificateError

ROLE_OID = "1.3.6.1.4.1.50316.802.1"
_UTF8_STRING, _SHORT_FORM = 0x0C, 0x80


@dataclass(frozen=True, slots=True)
class Tls:
    """The files of ``[sinks.modbus] tls_*``, the roles that may read, and the time for a handshake (s)."""

    certificate: Path
    key: Path
    client_ca: Path
    passphrase_file: Path | None
    roles: frozenset[str]
    handshake_timeout_s: float


def server_context(tls: Tls) -> ssl.SSLContext:
    """Return the context for the server's side. Reads files: not for the loop. Raises CertificateError, which names one.

    The form checks of RFC 5280 (``VERIFY_X509_STRICT``) are left out, since authorities that plants make with openssl
    often fail them; signatures, dates and purpose are always checked. An intermediate authority is enough.
    """
    import cryptography.x509  # noqa: F401, PLC0415 - only with TLS, and here, where waiting for it stops nobody

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.num_tickets = 0
    try:
        context.load_verify_locations(cafile=tls.client_ca)
    except ssl.SSLError as error:
        cure = "tls_client_ca must hold '-----BEGIN CERTIFICATE-----'"
        raise CertificateError(f"{tls.client_ca}: no authority certificates in PEM form", cure=cure) from error
    except OSError as error:
        raise _unreadable(tls.client_ca, error) from error
    _load_pair(context, tls)
    return context


def _load_pair(context: ssl.SSLContext, tls: Tls) -> None:
    passphrase = b"" if tls.passphrase_file is None else _passphrase(tls.passphrase_file)
    _refuse_shared(tls.key)

    def give() -> bytes:
        # Without a callback OpenSSL would ask on the terminal and a service would hang.
        if not passphrase:
            raise CertificateError(f"{tls.key}: the key is encrypted", cure="set tls_passphrase_file")
        return passphrase

    try:
        context.load_cert_chain(tls.certificate, tls.key, password=give)
    except ssl.SSLError as error:
        problem = f"{tls.certificate} with {tls.key}: {error.reason or 'not readable as PEM'}"
        raise CertificateError(problem, cure="both must be PEM and a pair, the passphrase right") from error
    except OSError as error:
        raise _unreadable(tls.certificate, error) from error


def _passphrase(path: Path) -> bytes:
    _refuse_shared(path)
    try:
        line, *_ = path.read_bytes().splitlines() or [b""]
    except OSError as error:
        raise _unreadable(path, error) from error
    if not line:
        raise CertificateError(f"{path}: the first line is empty", cure="write the passphrase into the first line")
    return line


def _refuse_shared(path: Path) -> None:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise _unreadable(path, error) from error
    if os.name == "posix" and mode & 0o077:
        raise CertificateError(f"{path}: secret, but mode {mode:04o} lets others use it", cure=f"chmod 600 {path}")


def _unreadable(path: Path, error: OSError) -> CertificateError:
    return CertificateError(f"{path}: {error.strerror}", cure="name an existing, readable file")


def role_of(certificate: bytes) -> str | None:
    """Return the role in a client certificate (DER); None when it has none, two, or one that cannot be read."""
    from cryptography import x509  # noqa: PLC0415 - megabytes that only TLS needs; loaded by ``server_context``

    try:
        extensions = x509.load_der_x509_certificate(certificate).extensions
        found = extensions.get_extension_for_oid(x509.ObjectIdentifier(ROLE_OID)).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return None
    return _utf8_string(found.value) if isinstance(found, x509.UnrecognizedExtension) else None


def _utf8_string(der: bytes) -> str | None:
    """Return what a DER UTF8String of less than 128 bytes says; a longer one is no role."""
    if len(der) <= 2 or der[0] != _UTF8_STRING or der[1] >= _SHORT_FORM or len(der) != 2 + der[1]:
        return None
    try:
        return der[2:].decode("utf-8")
    except UnicodeDecodeError:
        return None
