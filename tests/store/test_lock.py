from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from caiso_ads.errors import StoreBusyError, StoreError
from caiso_ads.store.lock import DataLock

_HOLD = """
import sys, time
from pathlib import Path
from caiso_ads.store.lock import DataLock
lock = DataLock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_holder_is_refused_and_told_the_process(tmp_path: Path) -> None:
    first = DataLock(tmp_path / "a.db")
    with pytest.raises(StoreBusyError, match=f"process {os.getpid()}") as refused:
        DataLock(tmp_path / "a.db")
    assert "stop the other" in refused.value.cure
    first.release()
    DataLock(tmp_path / "a.db").release()


def test_two_databases_do_not_hinder_each_other(tmp_path: Path) -> None:
    first, second = DataLock(tmp_path / "a.db"), DataLock(tmp_path / "b.db")
    first.release()
    second.release()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nowhere"):
        DataLock(tmp_path / "nowhere" / "a.db")


@pytest.mark.slow
def test_another_process_holds_it_until_it_is_killed(tmp_path: Path) -> None:
    database = tmp_path / "a.db"
    with subprocess.Popen([sys.executable, "-c", _HOLD, str(database)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == b"held"
        with pytest.raises(StoreBusyError, match=f"process {holder.pid}"):
            DataLock(database)
        holder.kill()
        holder.wait()
    DataLock(database).release()
