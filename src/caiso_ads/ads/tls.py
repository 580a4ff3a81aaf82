"""The one way to make the TLS context towards the ISO. Rule: nothing here, and no option anywhere, switches checks off.

What is fixed: TLS 1.2 or newer, host name checked, chain checked against ``ca_file`` alone, TLS secrets never logged
(``SSLKEYLOGFILE`` is not read), no proxy or machine-wide authority mixed in when ``ca_file`` is given.

Two choices, the same on every Python version (3.13 changed the defaults of the standard library):

- ``VERIFY_X509_STRICT`` (the form checks of RFC 5280) is on. Old private authorities without a subject key identifier
  fail these checks although their signatures are good. So strict is left out when, and only when, an authority in
  ``ca_file`` itself has no such identifier. Chain, dates, purpose and host name are checked all the same.
- ``VERIFY_X509_PARTIAL_CHAIN`` is on: an intermediate authority in ``ca_file`` is enough, as CAISO hands them out.

A key in clear text is never written anywhere. ``ssl`` takes only paths, so a .p12/.pfx is turned into PEM whose key is
encrypted with a random passphrase used once; it stands in memory (``memfd``) on Linux, else in a temporary file that
is removed at once. ``cryptography`` costs memory, so it is imported for .p12/.pfx only.
"""

from __future__ import annotations

import os
import secrets
import ssl
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from caiso_ads.errors import CertificateError

PKCS12_SUFFIXES = frozenset({".p12", ".pfx"})
_SUBJECT_KEY_IDENTIFIER = b"\x06\x03\x55\x1d\x0e"  # OID 2.5.29.14 in DER
_MEMORY_FILES = Path("/proc/self/fd")
_MATCHING_PAIR = "certificate and key must be a pair: take both from one import, or leave key out for a combined file"


def client_context(
    *, ca_file: Path | None, certificate: Path, key: Path | None = None, passphrase_file: Path | None = None
) -> ssl.SSLContext:
    """Return a context that proves who we are and checks who they are.

    ``certificate`` is PEM (with its chain; with the key too when ``key`` is None) or .p12/.pfx. ``ca_file`` holds the
    PEM authorities that may sign the server; None means the machine's own list. On POSIX a private key that group or
    others can read is refused; Windows keeps rights in access lists, which are not looked at.

    Raises CertificateError, which names the file and the cure.
    """
    passphrase = read_passphrase(passphrase_file) if passphrase_file else None
    context = checking_context(ca_file)
    _load_own(context, certificate, key, passphrase)
    return context


def _load_own(context: ssl.SSLContext, certificate: Path, key: Path | None, passphrase: bytes | None) -> None:
    refuse_shared_key(key or certificate)
    if certificate.suffix.lower() in PKCS12_SUFFIXES:
        if key:
            raise CertificateError(f"{certificate}: holds its own key", cure="leave key out beside a .p12/.pfx file")
        _load_pkcs12(context, certificate, passphrase)
    else:
        _load_pem(context, certificate, key, passphrase)


def server_context(*, certificate: Path, key: Path | None, passphrase_file: Path | None) -> ssl.SSLContext:
    """Return a context for serving people by TLS 1.2 or newer; the files are as in ``client_context``.

    Raises CertificateError, which names the file and the cure.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_own(context, certificate, key, read_passphrase(passphrase_file) if passphrase_file else None)
    return context


def read_passphrase(path: Path) -> bytes:
    """Return the first line of the file. Raises CertificateError when it cannot be read, is shared, or is empty."""
    refuse_shared_key(path)
    line, *_ = _read(path).splitlines() or [b""]
    if not line:
        raise CertificateError(f"{path}: the first line is empty", cure="write the passphrase into the first line")
    return line


def refuse_shared_key(path: Path) -> None:
    """Raise CertificateError when others than the owner may use this secret file (POSIX; Windows is skipped)."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise CertificateError(f"{path}: {error.strerror}", cure="name an existing, readable file") from error
    if os.name == "posix" and mode & 0o077:
        raise CertificateError(f"{path}: secret, but mode {mode:04o} lets others use it", cure=f"chmod 600 {path}")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateError(f"{path}: {error.strerror}", cure="name an existing, readable file") from error


def checking_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that checks who they are and shows no certificate of ours.

    ``ca_file`` holds the PEM authorities that may sign the server; None means the machine's own list. Raises
    CertificateError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks chain and host name from the start
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    if ca_file is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return context
    try:
        context.load_verify_locations(cafile=ca_file)
    except ssl.SSLError as error:
        raise CertificateError(
            f"{ca_file}: no authority certificates in PEM form", cure="ca_file must hold '-----BEGIN CERTIFICATE-----'"
        ) from error
    except OSError as error:
        raise CertificateError(f"{ca_file}: {error.strerror}", cure="name an existing, readable ca_file") from error
    if any(_SUBJECT_KEY_IDENTIFIER not in der for der in context.get_ca_certs(binary_form=True)):
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _load_pem(context: ssl.SSLContext, certificate: Path, key: Path | None, passphrase: bytes | None) -> None:
    asked: list[bool] = []

    def give() -> bytes:
        # Without a callback OpenSSL would ask on the terminal and a service would hang.
        asked.append(True)
        if passphrase is None:
            raise CertificateError(f"{key or certificate}: the key is encrypted", cure="set passphrase_file")
        return passphrase

    try:
        context.load_cert_chain(certificate, key, password=give)
    except ssl.SSLError as error:
        raise _pem_error(certificate, key, error, asked=bool(asked)) from error
    except OSError as error:
        raise CertificateError(
            f"{certificate} or {key}: {error.strerror}" if key else f"{certificate}: {error.strerror}",
            cure="name existing, readable files",
        ) from error


def _pem_error(certificate: Path, key: Path | None, error: ssl.SSLError, *, asked: bool) -> CertificateError:
    pair = f"{certificate} with key {key}" if key else f"{certificate}"
    if error.reason == "KEY_VALUES_MISMATCH":
        return CertificateError(f"{pair}: the key belongs to another certificate", cure=_MATCHING_PAIR)
    if asked:
        return CertificateError(f"{pair}: the passphrase does not open the key", cure="check passphrase_file")
    return CertificateError(
        f"{pair}: no certificate and private key in PEM form ({error.reason or 'unreadable'})",
        cure="import the file from CAISO with: caiso-ads cert import PLANT.pfx",
    )


def _load_pkcs12(context: ssl.SSLContext, certificate: Path, passphrase: bytes | None) -> None:
    from caiso_ads.ads.certificates import key_pem, read_bundle  # noqa: PLC0415  # loads cryptography only when needed

    bundle = read_bundle(certificate, passphrase)
    if bundle.key is None:
        raise CertificateError(f"{certificate}: holds no private key", cure="export it again together with its key")
    once = secrets.token_urlsafe(32).encode()
    with _private_path(bundle.chain_pem() + key_pem(bundle.key, once)) as path:
        try:
            context.load_cert_chain(path, password=once)
        except ssl.SSLError as error:
            raise _pem_error(certificate, None, error, asked=False) from error


@contextmanager
def _private_path(content: bytes, memory_files: Path = _MEMORY_FILES) -> Iterator[str]:
    """Yield a path to read the content from: in memory on Linux with /proc, else a temporary 0600 file."""
    if sys.platform == "linux" and memory_files.exists():
        with os.fdopen(os.memfd_create("certificate"), "wb") as file:
            file.write(content)
            file.flush()
            yield str(memory_files / str(file.fileno()))
        return
    descriptor, path = tempfile.mkstemp(prefix="caiso-ads-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        yield path
    finally:
        Path(path).unlink()
