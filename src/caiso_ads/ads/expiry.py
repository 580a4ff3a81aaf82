"""Until when a certificate file is valid, read without ``cryptography`` where it is PEM: that costs 11 MB for one date.

Rule: it reads one field and checks nothing; who the certificate belongs to and whether it is good is ``certificates``'s.
Spec: RFC 5280 §4.1 (Certificate, TBSCertificate, Validity), §4.1.2.5 (UTCTime before 2050, GeneralizedTime after).
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

from caiso_ads.errors import CertificateError

_CONTEXT_0, _SEQUENCE, _UTC_TIME = 0xA0, 0x30, 0x17
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def valid_until(path: Path, passphrase: bytes | None = None) -> datetime:
    """Return the end of validity (aware UTC) of the first certificate in a PEM, .p12 or .pfx file.

    Raises CertificateError for a file that cannot be read or holds none.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CertificateError(f"{path}: {error.strerror}", cure="name an existing, readable file") from error
    text = data.decode("ascii", "replace")
    if _BEGIN not in text:
        from caiso_ads.ads.certificates import read_bundle  # noqa: PLC0415 - see the module's first line

        return read_bundle(path, passphrase).certificate.not_valid_after_utc
    begin = text.index(_BEGIN)
    try:
        pem = text[begin : text.index(_END, begin) + len(_END)]
        return end_of(ssl.PEM_cert_to_DER_cert(pem))
    except (ValueError, IndexError) as error:
        raise CertificateError(f"{path}: holds no certificate that can be read") from error


def end_of(der: bytes) -> datetime:
    """Return ``notAfter`` of a certificate. Raises ValueError or IndexError for what is none."""
    (_, certificate, _) = _element(der, 0)
    (_, fields, _) = _element(certificate, 0)
    kind, _, at = _element(fields, 0)
    if kind != _CONTEXT_0:  # no version is given: the first element is the serial number
        at = 0
    for _ in range(3):  # serial number, signature algorithm, issuer
        _, _, at = _element(fields, at)
    kind, validity, _ = _element(fields, at)
    if kind != _SEQUENCE:
        raise ValueError("no validity")
    _, _, at = _element(validity, 0)
    kind, until, _ = _element(validity, at)
    said = until.decode("ascii")
    if kind == _UTC_TIME:
        said = ("20" if said[:2] < "50" else "19") + said
    return datetime.strptime(said, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _element(data: bytes, at: int) -> tuple[int, bytes, int]:
    """Return tag and content of the DER element at a place, and the place behind it."""
    tag, length, at = data[at], data[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length, at = int.from_bytes(data[at : at + size], "big"), at + size
    if at + length > len(data):
        raise ValueError("cut short")
    return tag, data[at : at + length], at + length
