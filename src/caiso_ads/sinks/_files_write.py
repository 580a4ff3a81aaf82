"""Replace a file as a whole: a reader sees the old content or the new, never a part.

Rule: the new content is written beside the file and moved over it. ``durable`` also forces it to the disk; without it
a power cut may lose the newest content, which is right for what is rewritten each second.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_TRIES = 40
_PAUSE_S = 0.025


def replace_file(
    path: Path,
    content: bytes,
    *,
    durable: bool,
    move: Callable[[Path, Path], None] = os.replace,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Write ``content`` to ``path``. Blocks; call it in a thread. Raises OSError and leaves the old file in place.

    On Windows a reader may hold the old file for a moment; the move is tried again for one second.
    """
    beside = path.with_name(f".{path.name}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        _move_patiently(beside, path, move, pause)
    except OSError:
        with suppress(OSError):  # the first error is the one to tell
            beside.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Force the names in a folder to the disk; Windows has no such call and keeps names in order itself."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _move_patiently(
    source: Path, target: Path, move: Callable[[Path, Path], None], pause: Callable[[float], None]
) -> None:
    for _ in range(_TRIES - 1):
        try:
            move(source, target)
        except PermissionError:
            pause(_PAUSE_S)
        else:
            return
    move(source, target)
