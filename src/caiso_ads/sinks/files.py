"""Files for the plant: the newest documents, an archive of all of them, and CSV tables of what is published.

::

    directory/all.csv                     one row for each resource
    directory/resource-1-<id>.csv         one row, for each resource in configured order
    directory/prices.csv                  one row for each pricing node, where there are any
    directory/dispatch.xml                the newest dispatch document, unpacked
    directory/trajectory.xml              the newest trajectory document, unpacked
    directory/archive/<day>/<name>.xml    every document, with an index.csv for each day

Rule: a reader always finds a whole file, and sees by ``valid_until_utc`` and ``quality`` whether it still holds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from caiso_ads.errors import StoreError
from caiso_ads.ports import Feed, SinkContext, StoredPayload
from caiso_ads.sinks._files_archive import Archive, Position, digest_of
from caiso_ads.sinks._files_table import Tables
from caiso_ads.sinks._files_write import replace_file
from caiso_ads.sinks.words import watermark

_PERIOD_S = 0.5  # a change of directive must be seen within a second
_NAME = "files"
_CHUNK = 50  # documents copied between two writes of the tables
_NEWEST = {"dispatch": "dispatch.xml", "trajectory": "trajectory.xml"}

_log = logging.getLogger(__name__)


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[sinks.files]``."""

    directory: Annotated[Path, Meta(description="where the files stand; made when missing")]
    archive_max_files: Annotated[int, Meta(ge=1, description="documents kept in the archive; the oldest go first")] = (
        10_000
    )
    archive_max_mb: Annotated[float, Meta(ge=1, description="size of the archive in MB; the oldest go first")] = 1_000.0
    required: Annotated[bool, Meta(description="acknowledge to the ISO only while this sink works")] = False

    def build(self, context: SinkContext) -> FilesSink:
        """Return the sink; does no I/O."""
        return FilesSink(self, context)


class FilesSink:
    """Writes the files of one directory, twice a second at most."""

    def __init__(self, config: Config, context: SinkContext) -> None:
        self._directory, self._context = config.directory, context
        self._archive = Archive(
            config.directory / "archive",
            context.environment,
            max_files=config.archive_max_files,
            max_bytes=config.archive_max_mb * 1e6,
        )
        self._position = Position()
        self._newest: dict[str, StoredPayload] = {}
        self._store_failing = False

    async def run(self, feed: Feed, started: Callable[[], None]) -> None:
        """Serve until cancelled, then mark the tables SHUTDOWN. Raises OSError when the directory takes no writes."""
        await asyncio.to_thread(self._directory.mkdir, parents=True, exist_ok=True)
        tables = Tables(self._directory, self._context)
        await asyncio.to_thread(tables.write, feed.latest)
        self._position = await asyncio.to_thread(self._archive.open)
        started()
        try:
            await self._serve(feed, tables)
        except asyncio.CancelledError:
            try:
                tables.close(feed.latest)  # not in a thread: a cancelled task may not wait, and it is a few files
            except OSError as error:
                _log.warning("files: the tables could not be marked SHUTDOWN: %s", error)
            raise

    async def _serve(self, feed: Feed, tables: Tables) -> None:
        clock = self._context.clock
        await self._find_position()
        while True:
            begun = clock.now().mono
            snapshot = feed.latest
            await asyncio.to_thread(tables.write, snapshot)
            self._context.evidence.seen(_NAME, snapshot.generation)
            await self._copy_history()
            await clock.sleep(max(0.0, begun + _PERIOD_S - clock.now().mono))
            await feed.after(snapshot.generation)

    async def _find_position(self) -> None:
        """Start from the beginning when the noted position is not of this store."""
        if self._position.row:
            found = await self._payloads(self._position.row - 1, 1)
            same = bool(found) and Position(found[0].row, digest_of(found[0])) == self._position
            self._position = self._position if same else Position()

    async def _copy_history(self) -> None:
        payloads = await self._payloads(self._position.row, _CHUNK)
        if payloads:
            self._position = await asyncio.to_thread(self._archive.add, payloads)
            self._newest |= {payload.stream: payload for payload in payloads if payload.stream in _NEWEST}
        if len(payloads) < _CHUNK and self._newest:  # never show the past while catching up
            await asyncio.to_thread(self._write_newest)

    def _write_newest(self) -> None:
        mark = watermark(self._context.environment)
        for stream, payload in self._newest.items():
            comment = f"\n<!-- {mark} -->\n".encode() if mark else b""
            replace_file(self._directory / _NEWEST[stream], payload.xml + comment, durable=True)
        self._newest = {}

    async def _payloads(self, row: int, limit: int) -> Sequence[StoredPayload]:
        """Ask the store; while it fails the tables go on, and the archive catches up later."""
        try:
            found = await self._context.store.payloads_after(row, limit)
        except StoreError as error:
            if not self._store_failing:
                _log.warning("files: the archive waits, the store cannot be read: %s", error)
            self._store_failing = True
            return ()
        self._store_failing = False
        return found
