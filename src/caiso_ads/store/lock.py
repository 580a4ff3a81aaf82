"""One process per database: a second one is refused at once and told who is there.

Rule: the lock is the operating system's and dies with its process, also by ``kill -9``; the file's text is only a
hint for people.
"""

from __future__ import annotations

import os
from pathlib import Path

from caiso_ads.errors import StoreBusyError, StoreError
from caiso_ads.filelock import take


class DataLock:
    """Holds the lock beside ``database`` until ``release`` or the end of the process.

    Raises StoreBusyError when another process has it, StoreError when the lock file cannot be written.
    """

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + ".lock")
        try:
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as problem:
            raise StoreError(f"{self.path}: cannot be opened: {problem.strerror}") from problem
        try:
            take(self._fd)
        except OSError as problem:
            holder = _holder(self._fd)
            os.close(self._fd)
            busy = StoreBusyError(f"{database}: in use by {holder}; two gateways must not write one database")
            busy.cure = "stop the other process, or give this one another [store] path"
            raise busy from problem
        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)
        os.write(self._fd, b"%d\n" % os.getpid())

    def release(self) -> None:
        """Give the lock back; the file stays, since removing it would race with the next holder."""
        os.close(self._fd)


def _holder(fd: int) -> str:
    os.lseek(fd, 0, os.SEEK_SET)
    text = os.read(fd, 32).decode("ascii", "replace").strip()
    return f"process {text}" if text.isdigit() else "another process"
