"""One yardstick, one answer, in the yardsticks' own environment: prints what it cost as JSON.

``oasis_peer.py CLIENT CASE PORT``: CLIENT is gridstatus or pycaiso, CASE is hour (all nodes) or day (one node). Their
calls to the ISO go to the stub on 127.0.0.1; their pauses are counted, not slept. Nothing else of them is changed.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
import time
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

NODE = "NODE_0_7_B2"


def memory_kb(key: str) -> int:
    """Return VmRSS or VmHWM of this process."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{key}:"))


def reset_peak() -> None:
    """Let the peak begin at what is resident now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def gridstatus(case: str) -> tuple[int, float]:
    """Ask for version 3, five components."""
    caiso = importlib.import_module("gridstatus").CAISO()
    pandas = importlib.import_module("pandas")
    start = pandas.Timestamp("2026-07-20T00:00", tz="US/Pacific")
    end = start + pandas.Timedelta(hours=1 if case == "hour" else 24)
    locations = "ALL" if case == "hour" else [NODE]
    frame = caiso.get_lmp(date=start, end=end, market="REAL_TIME_5_MIN", locations=locations)
    return len(frame), float(frame["LMP"].sum())


def pycaiso(case: str) -> tuple[int, float]:
    """Ask for version 1, four components: a fifth less to read."""
    oasis = importlib.import_module("pycaiso.oasis")
    if case == "day":
        frame = oasis.Node(NODE).get_lmps(datetime(2026, 7, 20), market="RTM")  # noqa: DTZ001 - it wants naive Pacific times
    else:
        client = oasis.Oasis()
        query = {
            "queryname": "PRC_INTVL_LMP",
            "market_run_id": "RTM",
            "version": 1,
            "grp_type": "ALL",
            "resultformat": 6,
        }
        frame = client.get_df(client.request(query))
    prices = frame[frame["LMP_TYPE"] == "LMP"]["MW"]
    return len(prices), float(prices.sum())


def main() -> None:
    client, case, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    warnings.simplefilter("ignore")
    requests: Any = importlib.import_module("requests")
    importlib.import_module("pycaiso.oasis" if client == "pycaiso" else "gridstatus")
    logging.disable(logging.CRITICAL)  # gridstatus writes a line for each file; reading is measured, not writing
    slept: list[float] = []
    time.sleep = slept.append  # type: ignore[assignment]  # it is called with one number
    real = requests.get

    def get(url: str, **options: Any) -> Any:
        parts = urlsplit(url)
        return real(f"http://127.0.0.1:{port}{parts.path}?{parts.query}", **options)

    requests.get = get
    reset_peak()
    base = memory_kb("VmRSS")
    wall, cpu = time.perf_counter(), time.process_time()
    rows, total = (gridstatus if client == "gridstatus" else pycaiso)(case)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    over = (memory_kb("VmHWM") - base) / 1024
    print(json.dumps({"rows": rows, "total": total, "cpu": cpu, "wall": wall, "over": over, "slept": sum(slept)}))


if __name__ == "__main__":
    main()
