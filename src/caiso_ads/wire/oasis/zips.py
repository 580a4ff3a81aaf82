"""A zip of anybody -> its members as streams of bytes, within fixed bounds.

Rule: nothing is written anywhere and no name from the archive is used as a path; names only tell members apart. The
count of members and the bytes that come out are bounded by counting, never by what the archive says of itself.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from caiso_ads.errors import WireError

MAX_BODY = 128 * 1024 * 1024
"""Most bytes of one answer. The largest known, all nodes of a day ahead, has 12 MB."""
MAX_UNPACKED = 1024 * 1024 * 1024
"""Most bytes all members may give. A trade day of all nodes gives about 350 MB; nothing is ever held as a whole."""
MAX_MEMBERS = 64
"""Most members. A group has one for each component, five today; correction groups some more."""
CHUNK = 64 * 1024
"""Bytes unpacked at a time: small enough for a small machine, large enough that the loop around it costs nothing."""

MAGIC = b"PK\x03\x04"
_DIRECTORY_ENTRY = b"PK\x01\x02"
_ENCRYPTED = 0x1 | 0x40
_READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError,
    IndexError, OverflowError,
)  # fmt: skip
"""What the standard library raises on archives that are damaged, cut off or hostile."""


@dataclass(slots=True)
class _Allowance:
    left: int


@dataclass(frozen=True, slots=True)
class Member:
    """One member. ``name`` is text of the archive: for messages and hints only."""

    name: str
    _archive: zipfile.ZipFile = field(repr=False)
    _info: zipfile.ZipInfo = field(repr=False)
    _allowance: _Allowance = field(repr=False)

    def chunks(self, size: int = CHUNK) -> Iterator[bytes]:
        """Yield the content in pieces of at most ``size`` bytes; raises WireError when damaged or beyond the bound."""
        try:
            with self._archive.open(self._info) as stream:
                while piece := stream.read(size):
                    self._allowance.left -= len(piece)
                    if self._allowance.left < 0:
                        raise WireError("the zip unpacks to more than is allowed", where=self.name)
                    yield piece
        except _DAMAGE as error:
            raise WireError(f"damaged zip: {error}", where=self.name) from None

    def beginning(self, size: int = 4096) -> bytes:
        """Return the first bytes."""
        pieces = self.chunks(size)
        first = next(pieces, b"")
        pieces.close()  # type: ignore[attr-defined]  # a generator; its type is promised as an iterator only
        return first


def members(body: bytes, *, max_unpacked: int = MAX_UNPACKED) -> list[Member]:
    """Return the members of a zip in its order, folders left out.

    Raises WireError when it is no zip, cut off, encrypted, packed in a way OASIS never used, or has too many members.
    """
    if len(body) > MAX_BODY:
        raise WireError(f"the answer is larger than {MAX_BODY} bytes")
    if body.count(_DIRECTORY_ENTRY) > MAX_MEMBERS:  # before the directory is read: each entry costs memory
        raise WireError(f"the zip has more than {MAX_MEMBERS} members")
    try:
        archive = zipfile.ZipFile(io.BytesIO(body))
        infos = [info for info in archive.infolist() if not info.is_dir()]
    except _DAMAGE as error:
        raise WireError(f"damaged or cut-off zip: {error}") from None
    allowance = _Allowance(max_unpacked)
    for info in infos:
        _check(info)
    return [Member(_shown(info.filename), archive, info, allowance) for info in infos]


def _check(info: zipfile.ZipInfo) -> None:
    if info.flag_bits & _ENCRYPTED:
        raise WireError("the member is encrypted", where=_shown(info.filename))
    if info.compress_type not in _READABLE:
        raise WireError(f"compression method {info.compress_type} is not read", where=_shown(info.filename))


def _shown(name: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in name[:80])
