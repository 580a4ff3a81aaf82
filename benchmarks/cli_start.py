"""How long ``caiso-ads --help`` takes, and how much memory an idle gateway with Modbus holds.

Start: wall time of the command and of a bare ``python -c pass``, in alternating rounds; medians. Memory: the resident
size of ``caiso-ads run`` after its first polls against the stub of ``poll_cycle`` (Linux only; the store, one resource,
Modbus and the status file are on, as in a plant).

Run: python benchmarks/cli_start.py [--json] [--rounds 15]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from poll_cycle import Worker
from stub_ads import RESOURCES, Files, next_start, serve

START_LIMIT_S = 0.3
MEMORY_LIMIT_MB = 60.0
IDLE_S = 20.0
STATUS_FILE = Path("/proc/self/status")


def command() -> list[str]:
    """Return the installed command, as a user starts it."""
    beside = Path(sys.executable).with_name("caiso-ads.exe" if os.name == "nt" else "caiso-ads")
    found = str(beside) if beside.exists() else shutil.which("caiso-ads")
    if found is None:
        print("caiso-ads is not installed", file=sys.stderr)
        sys.exit(3)
    return [found]


def wall_s(words: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def start_time(rounds: int) -> dict[str, Any]:
    """Return the result for the start of the command."""
    pairs = [(wall_s([*command(), "--help"]), wall_s([sys.executable, "-c", "pass"])) for _ in range(rounds + 1)][1:]
    ours, bare = (statistics.median(pair[index] for pair in pairs) for index in (0, 1))
    return {
        "what": "caiso-ads --help, wall time in s",
        "value": f"{ours:.3f} s",
        "yardstick": f"bare interpreter {bare:.3f} s, {ours / bare:.1f}x",
        "ratio": round(ours, 3),
        "target": f"<= {START_LIMIT_S:g}",
        "met": ours <= START_LIMIT_S,
    }


def memory() -> dict[str, Any]:
    """Return the result for the memory of an idle gateway."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = Files.make(folder)
        server = Worker(serve, files, next_start(), 100)
        config = folder / "gateway.toml"
        config.write_text(
            f"""
[ads]
url = "https://localhost:{server.take()}/ADS/APIWebService/v8"
environment = "simulator"
certificate = "{files.client.name}"
ca_file = "{files.authority.name}"
[store]
path = "gateway.db"
[[resource]]
id = "{RESOURCES[0]}"
pmin_mw = 0
pmax_mw = 500
[sinks.modbus]
port = 0
""",
            encoding="utf-8",
        )
        gateway = subprocess.Popen([*command(), "run", "--config", str(config)], stderr=subprocess.DEVNULL)
        time.sleep(IDLE_S)
        resident_mb = _resident_mb(gateway.pid)
        seen = json.loads((folder / "gateway.db.status.json").read_bytes())
        gateway.terminate()
        gateway.wait(20.0)
        server.end()
    assert seen["resources"][0]["points"]["setpoint_mw"]["value"] is not None, "the gateway polled and publishes"
    return {
        "what": f"idle gateway with Modbus, resident memory in MB after {IDLE_S:.0f} s",
        "value": f"{resident_mb:.1f} MB",
        "yardstick": f"bare interpreter {_bare_mb():.1f} MB",
        "ratio": round(resident_mb, 1),
        "target": f"<= {MEMORY_LIMIT_MB:g}",
        "met": resident_mb <= MEMORY_LIMIT_MB,
    }


def _resident_mb(process: int | str) -> float:
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def _bare_mb() -> float:
    read = f"print(open({str(STATUS_FILE)!r}).read())"
    text = subprocess.run([sys.executable, "-c", read], check=True, capture_output=True, encoding="ascii").stdout
    return next(int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmRSS:"))


def main() -> None:
    parser = argparse.ArgumentParser(description="Start time of the command and memory of the idle gateway.")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--rounds", type=int, default=15, help="starts of each (15)")
    options = parser.parse_args()
    results = [start_time(options.rounds)]
    if STATUS_FILE.exists():
        results.append(memory())
    if options.json:
        print(json.dumps({"name": "cli_start", "results": results}, indent=2))
        return
    for result in results:
        print(f"{result['what']}: {result['value']} ({result['yardstick']})")
        print(f"  {result['target']}: {'met' if result['met'] else 'MISSED'}")


if __name__ == "__main__":
    main()
