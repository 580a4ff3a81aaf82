"""XML <-> the text of a SOAP result: as it is, or Base64, or Base64 of gzip. Decided by looking, never by belief.

Rule: unpacking is strict and bounded. A damaged packet is a named WireError and is never partly used; nothing inflates
beyond MAX_UNPACKED. Spec: ADS API v7 §2 (batches and trajectories are Base64 of gzip).
"""

from __future__ import annotations

import base64
import binascii
import gzip
import re
import zlib

from caiso_ads.errors import WireError
from caiso_ads.wire.scalars import BLANKS

MAX_UNPACKED = 64 * 1024 * 1024
"""Most bytes one document may have, in any form."""

_GZIP = b"\x1f\x8b"
_GZIP_CONTAINER = 31  # zlib's window size for "gzip only"
_LABEL = re.compile(r"""(<\?xml\b[^>]*?\bencoding\s*=\s*["'])[^"'>]*""")


def pack(xml: bytes, *, wrap: bool = False) -> str:
    """Return Base64 of gzip of a document; ``wrap`` breaks the lines after 76 characters. Same bytes, same text."""
    packed = gzip.compress(xml, 6, mtime=0)
    return (base64.encodebytes(packed) if wrap else base64.b64encode(packed)).decode("ascii")


def unpack(text: str) -> bytes:
    """Return the document in a SOAP result as bytes that describe their own encoding truly.

    Text that starts with ``<`` is XML and becomes UTF-8; anything else must be Base64, and inflates when it is gzip.
    Raises WireError saying what is damaged.
    """
    if len(text) > 2 * MAX_UNPACKED:
        raise WireError(f"the result is larger than {MAX_UNPACKED} bytes")
    content = text.lstrip("\ufeff" + BLANKS)
    if content.startswith("<"):
        return _bounded(_as_utf8(content))
    data = _from_base64(content)
    return _inflate(data) if data.startswith(_GZIP) else _bounded(data)


def _as_utf8(xml: str) -> bytes:
    """Encode XML that was text inside XML; its own encoding label was about bytes that are gone."""
    try:
        return _LABEL.sub(r"\1UTF-8", xml, count=1).encode("utf-8")
    except UnicodeEncodeError as error:
        raise WireError(f"the text has a lone surrogate at character {error.start}") from None


def _from_base64(content: str) -> bytes:
    try:
        compact = content.encode("ascii").translate(None, BLANKS.encode())
        data = binascii.a2b_base64(compact, strict_mode=True)
    except UnicodeEncodeError as error:
        raise WireError(f"neither XML nor Base64: character {error.start} is not ASCII") from None
    except binascii.Error as error:
        raise WireError(f"neither XML nor Base64: {error}") from None
    if len(compact) != 4 * -(-len(data) // 3):  # some versions of Python let padding beyond the last group pass
        raise WireError("neither XML nor Base64: excess padding")
    return data


def _inflate(data: bytes) -> bytes:
    """Inflate exactly one gzip member; zlib checks its CRC and length."""
    member = zlib.decompressobj(_GZIP_CONTAINER)
    try:
        xml = _bounded(member.decompress(data, MAX_UNPACKED + 1))
    except zlib.error as error:
        raise WireError(f"damaged gzip: {error}") from None
    if not member.eof:
        raise WireError("gzip is cut off before its end")
    if member.unused_data.startswith(_GZIP):
        raise WireError("gzip has a second member")
    if member.unused_data:
        raise WireError(f"gzip is followed by {len(member.unused_data)} bytes that do not belong to it")
    return xml


def _bounded(data: bytes) -> bytes:
    if len(data) > MAX_UNPACKED:
        raise WireError(f"the document is larger than {MAX_UNPACKED} bytes")
    return data
