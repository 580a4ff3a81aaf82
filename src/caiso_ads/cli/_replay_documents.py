"""Where a replay's documents come from: the store, an archive, or any folder of documents.

Rule: a file or payload that cannot be read is named and counted, and stops nothing. A file's time of reception is in
its name where our archive wrote it; else the batch's own batchReceived stands for it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from caiso_ads.core.lived import NOTHING, Lived
from caiso_ads.core.model import DispatchBatch, TrajectoryBatch
from caiso_ads.errors import ConfigError, WireError
from caiso_ads.replay import Document
from caiso_ads.wire.packing import unpack
from caiso_ads.wire.payload import BadItem, decode_batch, decode_trajectories
from caiso_ads.wire.tree import local, parse

if TYPE_CHECKING:
    from caiso_ads.store.past import Stored

PAST = timedelta(hours=24)
"""How far before a replay's start documents still count, as for a gateway that starts."""

_ARCHIVED = re.compile(r"(?P<test>TEST-)?(?P<at>\d{8}T\d{6}\.\d{6})Z-[a-z]+-[0-9a-f]{16}\.xml")
_NOT_DOCUMENTS = frozenset({"index.csv", "position.json"})
_AS_BYTES = (b"<", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b")  # XML with or without a mark, and gzip
_LARGEST = 64 * 1024 * 1024


@dataclass(slots=True)
class Found:
    """The documents of a replay, those that cannot be read (name and reason), and whether any is marked as a test's.

    ``lived`` is what the gateway recorded of itself in that time; a folder has none.
    """

    documents: list[Document] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    test_data: bool = False
    lived: Lived = NOTHING

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """When the first and the last document were received."""
        times = [document.received_at for document in self.documents]
        return (min(times), max(times)) if times else None

    def resource_ids(self) -> list[str]:
        """Return every resource the documents speak of, in alphabetical order."""
        found: set[str] = set()
        for document in self.documents:
            if isinstance(document.content, DispatchBatch):
                found.update(instruction.resource_id for instruction in document.content.instructions)
            elif isinstance(document.content, TrajectoryBatch):
                found.update(dop.resource_id for dop in document.content.dops)
        return sorted(found)


def from_store(path: Path, start: datetime | None, end: datetime | None) -> Found:
    """Read what was received until ``end``, from 24 h before ``start``; the last 24 h where none is given.

    Raises StoreError.
    """
    from caiso_ads.store.lived import LivedReader
    from caiso_ads.store.past import Past

    found = Found()
    with closing(Past(path)) as past:
        span = past.span()
        if span is None:
            return found
        until = end or span[1] + timedelta(microseconds=1)
        since = (start or until - PAST) - PAST
        for stored in past.between(since, until):
            _add_stored(found, stored)
    with closing(LivedReader(path)) as lived:
        found.lived = lived.between(since, end or until + PAST)
    return found


def _add_stored(found: Found, stored: Stored) -> None:
    for item in stored.as_seen:
        found.documents.append(Document(stored.received_at, item, dispatch=stored.operation != "getTrajectoryData"))
        if isinstance(item, WireError):
            found.unreadable.append((f"payload {stored.row} ({stored.uid or stored.operation})", str(item)))
    for at, content in stored.seen_later:
        if at - stored.received_at < PAST:  # a gateway that starts folds no more than that
            found.documents.append(Document(at, content))


def from_directory(folder: Path) -> Found:
    """Read every file below a folder, hidden ones and the archive's own lists aside. Raises ConfigError."""
    if not folder.is_dir():
        raise ConfigError("is not a folder", file=str(folder))
    found = Found()
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.name in _NOT_DOCUMENTS or any(part.startswith(".") for part in inside.parts) or not path.is_file():
            continue
        archived = _ARCHIVED.fullmatch(path.name)
        try:
            items = list(_decoded(_text(path)))
        except WireError as problem:
            found.unreadable.append((inside.as_posix(), str(problem)))
            continue
        found.test_data |= archived is not None and archived["test"] is not None
        _add_file(found, inside.as_posix(), items, _archived_at(archived))
    found.documents = _without_headers(found.documents)
    return found


def _add_file(
    found: Found, name: str, items: list[DispatchBatch | TrajectoryBatch | BadItem], at: datetime | None
) -> None:
    for item in items:
        if isinstance(item, BadItem):
            found.unreadable.append((name, str(item.error)))
        else:
            found.documents.append(Document(at or item.batch_received, item))


def _archived_at(archived: re.Match[str] | None) -> datetime | None:
    if archived is None:
        return None
    try:
        return datetime.strptime(archived["at"], "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)
    except ValueError:
        return None  # the form of our names with a date that is none: somebody else's file


def _text(path: Path) -> str:
    """Return a file as the text of a SOAP result; XML and gzip as base64, so that XML's own encoding label counts."""
    try:
        if path.stat().st_size > _LARGEST:
            raise WireError(f"the file is larger than {_LARGEST} bytes")
        data = path.read_bytes()
    except OSError as problem:
        raise WireError(f"cannot be read: {problem.strerror}") from problem
    if data.lstrip().startswith(b"<"):
        data = data.lstrip()  # nothing may stand before an XML declaration
    if data.startswith(_AS_BYTES):
        return base64.b64encode(data).decode("ascii")
    return data.decode("utf-8", "replace")


def _decoded(text: str) -> Iterator[DispatchBatch | TrajectoryBatch | BadItem]:
    """Yield the documents of one file; a list of headers has none."""
    root = local(parse(unpack(text)).tag)
    if root == "APITrajectoryResponse":
        yield from decode_trajectories(text)
    elif root != "APIDispatchResponse":
        yield decode_batch(text)


def _without_headers(documents: list[Document]) -> list[Document]:
    """Leave out a batch without instructions whose very revision stands elsewhere with them: its header, saved too."""
    batches = [document.content for document in documents if isinstance(document.content, DispatchBatch)]
    full = {(batch.batch_uid, batch.revision_no) for batch in batches if batch.instructions}
    return [document for document in documents if not _is_header(document.content, full)]


def _is_header(content: object, full: set[tuple[str, int]]) -> bool:
    if not isinstance(content, DispatchBatch) or content.instructions:
        return False
    return (content.batch_uid, content.revision_no) in full
