"""The operating system's lock on an open file, which dies with its process, also by ``kill -9``.

Rule: taken at once or not at all; nothing here waits. POSIX ``flock``; on Windows ``msvcrt.locking`` of a byte far
behind the content, so that others can still read it.
"""

from __future__ import annotations

import os
import sys

_LOCKED_BYTE = 1 << 30

if sys.platform == "win32":
    import msvcrt

    def take(fd: int) -> None:
        """Lock the file; closing ``fd`` gives it back. Raises OSError when somebody has it. Moves the file position."""
        os.lseek(fd, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def take(fd: int) -> None:
        """Lock the file; closing ``fd`` gives it back. Raises OSError when somebody has it."""
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
