"""The payload as it is kept: small on disk, and the original again byte for byte.

Rule: base64 text is stored decoded only when encoding it again gives the very same bytes; everything else as it came.
The SHA-256 is always that of the original, so a changed bit anywhere shows.
"""

from __future__ import annotations

import base64
import binascii
from enum import IntEnum
from hashlib import sha256

WHOLE = -1
"""The place of a whole payload among those of its items."""


class Form(IntEnum):
    """How ``body`` holds the original."""

    AS_RECEIVED = 0
    BASE64 = 1


def compact(original: bytes) -> tuple[Form, bytes]:
    """Return the form and the bytes to store."""
    try:
        body = base64.b64decode(original, validate=True)
    except (binascii.Error, ValueError):
        return Form.AS_RECEIVED, original
    if body and base64.b64encode(body) == original:
        return Form.BASE64, body
    return Form.AS_RECEIVED, original


def original(form: int, body: bytes) -> bytes:
    """Return the payload as it was received."""
    return base64.b64encode(body) if form == Form.BASE64 else body


def intact(payload: bytes, digest: bytes) -> bool:
    """Say whether these are the bytes that were received."""
    return sha256(payload).digest() == digest
