"""The archive: every payload as its own file, a daily index that maps names to UIDs, and a cap.

Rule: a file's name is made from the time and a hash, never from the ISO's text; copying a payload twice gives the
same file. Only files whose names we make are ever removed. All methods block; they run in a thread.
"""

from __future__ import annotations

import csv
import json
import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from hashlib import sha256
from pathlib import Path

from caiso_ads.ports import StoredPayload
from caiso_ads.sinks._files_write import replace_file
from caiso_ads.sinks.words import csv_bytes, safe_text, utc_text, watermark

_NAME = re.compile(r"(TEST-)?\d{8}T\d{6}\.\d{6}Z-[a-z]+-[0-9a-f]{16}\.xml")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_HEADINGS = ("name", "stream", "uid", "received_utc", "bytes", "sha256", "watermark")


@dataclass(frozen=True, slots=True)
class Position:
    """The last payload copied: its row in the store, and its hash so that another store is noticed."""

    row: int = 0
    sha256: str = ""


def name_of(payload: StoredPayload, environment: str) -> str:
    """Return the path below the archive, such as 2026-11-23/20261123T221700.123456Z-dispatch-<hash>.xml."""
    moment = payload.received_at.astimezone(UTC)
    digest = sha256(payload.uid.encode(errors="surrogatepass") + b"\0" + payload.xml).hexdigest()[:16]
    stream = re.sub("[^a-z]", "", payload.stream.lower()) or "other"
    test = "TEST-" if watermark(environment) else ""
    return f"{moment:%Y-%m-%d}/{test}{moment:%Y%m%dT%H%M%S.%f}Z-{stream}-{digest}.xml"


class Archive:
    """One archive folder with its cap: at most ``max_files`` files and ``max_bytes`` bytes, the oldest go first."""

    def __init__(self, folder: Path, environment: str, *, max_files: int, max_bytes: float) -> None:
        self._folder, self._environment = folder, environment
        self._max_files, self._max_bytes = max_files, max_bytes
        self._kept: deque[tuple[str, int]] = deque()
        self._bytes = 0

    def open(self) -> Position:
        """Make the folder, take stock, and return where copying stopped; the beginning when that cannot be read."""
        self._folder.mkdir(parents=True, exist_ok=True)
        days = (day for day in self._folder.iterdir() if _DAY.fullmatch(day.name) and day.is_dir())
        files = (file for day in days for file in day.iterdir() if _NAME.fullmatch(file.name))
        sizes = {f"{file.parent.name}/{file.name}": file.stat().st_size for file in files}
        self._kept = deque((name, sizes[name]) for name in sorted(sizes, key=_age_order))
        self._bytes = sum(size for _, size in self._kept)
        try:
            stored = json.loads((self._folder / "position.json").read_bytes())
            return Position(int(stored["row"]), str(stored["sha256"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return Position()  # copying again gives the same files

    def add(self, payloads: Sequence[StoredPayload]) -> Position:
        """Copy payloads, index them, drop what is above the cap, and note the position. Raises OSError."""
        present = {name for name, _ in self._kept}
        rows: dict[str, tuple[str, ...]] = {}
        for payload in payloads:
            name = name_of(payload, self._environment)
            path = self._folder / name
            path.parent.mkdir(exist_ok=True)
            replace_file(path, payload.xml, durable=True)
            rows[name] = self._index_row(name, payload)
            if name not in present:
                self._kept.append((name, len(payload.xml)))
                self._bytes += len(payload.xml)
        self._index(rows, self._drop_oldest())
        position = Position(payloads[-1].row, digest_of(payloads[-1]))
        note = json.dumps({"row": position.row, "sha256": position.sha256}).encode()
        replace_file(self._folder / "position.json", note, durable=True)
        return position

    def _index_row(self, name: str, payload: StoredPayload) -> tuple[str, ...]:
        return (
            name.partition("/")[2],
            safe_text(payload.stream),
            safe_text(payload.uid),
            utc_text(payload.received_at),
            str(len(payload.xml)),
            digest_of(payload),
            watermark(self._environment),
        )

    def _drop_oldest(self) -> list[str]:
        dropped = []
        while len(self._kept) > self._max_files or (self._bytes > self._max_bytes and len(self._kept) > 1):
            name, size = self._kept.popleft()
            self._bytes -= size
            (self._folder / name).unlink(missing_ok=True)
            dropped.append(name)
        return dropped

    def _index(self, rows: Mapping[str, tuple[str, ...]], dropped: Sequence[str]) -> None:
        """Rewrite the index of each day that gained or lost files; an empty day goes."""
        for day in {_day_of(name) for name in (*rows, *dropped)}:
            folder = self._folder / day
            listed = {f"{day}/{row[0]}": row for row in _read(folder / "index.csv")} | dict(rows)
            left = [row for name, row in sorted(listed.items()) if _day_of(name) == day and name not in dropped]
            if left:
                replace_file(folder / "index.csv", csv_bytes([_HEADINGS, *left]), durable=True)
            else:
                (folder / "index.csv").unlink(missing_ok=True)
                _remove_if_empty(folder)


def digest_of(payload: StoredPayload) -> str:
    """Return the SHA-256 of the document in hexadecimal."""
    return sha256(payload.xml).hexdigest()


def _day_of(name: str) -> str:
    return name.partition("/")[0]


def _age_order(name: str) -> str:
    return name.replace("/TEST-", "/")


def _read(index: Path) -> list[tuple[str, ...]]:
    try:
        text = index.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    rows = [tuple(row) for row in csv.reader(text.splitlines())]
    return [row for row in rows[1:] if len(row) == len(_HEADINGS)]


def _remove_if_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()
