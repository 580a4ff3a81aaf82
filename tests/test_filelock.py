from __future__ import annotations

import os
from pathlib import Path

import pytest

from caiso_ads.filelock import take


def test_a_file_is_locked_once_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    first, second = (os.open(path, os.O_RDWR | os.O_CREAT) for _ in range(2))
    take(first)
    with pytest.raises(OSError, match=r".*"):
        take(second)
    os.close(first)
    take(second)
    os.close(second)


def test_the_content_can_be_read_while_it_is_locked(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"42")
    holder = os.open(path, os.O_RDWR)
    take(holder)
    assert path.read_bytes() == b"42"
    os.close(holder)
