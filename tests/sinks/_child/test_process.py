"""The process's side: what it tells when nobody listens, and its caps. The rest is shown in test_parent.py."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any, cast

import pytest

from caiso_ads.sinks._child.process import MOST_WAITING, Outbox
from caiso_ads.sinks._child.wire import Seen


class Deaf:
    """An output that takes nothing until it is opened."""

    def __init__(self) -> None:
        self.open, self.lines = threading.Event(), 0

    def write(self, data: bytes) -> int:
        self.open.wait(10)
        self.lines += 1
        return len(data)

    def flush(self) -> None:
        """Do nothing."""


def test_a_gateway_that_does_not_listen_stops_nobody_and_fills_nothing() -> None:
    deaf = Deaf()
    outbox = Outbox(cast("Any", deaf))
    for generation in range(MOST_WAITING + 500):
        outbox.tell(Seen(generation))
    deaf.open.set()
    outbox.close()
    assert deaf.lines <= MOST_WAITING + 1


def test_what_acts_on_the_plant_does_not_run_here() -> None:
    with pytest.raises(NotImplementedError):
        Outbox(cast("Any", Deaf())).acted("x", "R", "set", {})


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")
def test_the_caps_are_set_and_cannot_be_raised_again() -> None:
    code = (
        "import resource as r; from caiso_ads.sinks._child.process import cap; from caiso_ads.sinks._child.wire import Caps\n"
        "cap(Caps(700, 48)); print(r.getrlimit(r.RLIMIT_NOFILE), r.getrlimit(r.RLIMIT_CORE), r.getrlimit(r.RLIMIT_AS)[1])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    files, _, rest = done.stdout.partition(") ")
    assert files == "(48, 48"
    assert rest.startswith("(0, 0)")
    if sys.platform == "linux":
        assert int(rest.split()[-1]) == 700 << 20
