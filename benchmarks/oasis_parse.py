"""Reading price answers against gridstatus and pycaiso: CPU time and memory, each client in a fresh process.

A stub on 127.0.0.1 serves answers made by this project's writer: the prices of 17,000 nodes for an hour in version 3
(about 168 MB of CSV) and of one node for a day. Every client fetches, reads and keeps all values it returns; row counts
and sums must agree. Order alternates by round; medians count. The yardsticks sleep 5 s a call; that is counted, not
slept, and is in no figure but its own. What they leave out: gridstatus checks nothing; ours checks fields, and for one
node also the grid and the sum of components. The yardsticks' environment is made on the first run in
``.venv-oasis-peers``. Needs Linux and a package index. Run: ``python benchmarks/oasis_parse.py [--json]``.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import random
import subprocess
import sys
import threading
import time
import venv
from array import array
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import parse_qs, urlsplit

from peers.oasis_peer import NODE, memory_kb, reset_peak

from caiso_ads.core.price import Market, Price
from caiso_ads.wire.oasis import answer
from caiso_ads.wire.oasis.reports import HISTORY
from caiso_ads.wire.oasis.writing import Answer, price_zip

HERE = Path(__file__).resolve().parent
START = datetime(2026, 7, 20, 7, tzinfo=UTC)
MADE_AT = datetime(2026, 7, 21, 10, tzinfo=UTC)
RTD = HISTORY[Market.RTD]
NOT_RUN = 3
CLIENTS = ("gridstatus", "pycaiso", "ours", "ours-lmp")


# --- the stub -----------------------------------------------------------------------------------------------------


def prices(nodes: int, intervals: int) -> Iterator[Price]:
    """Yield prices whose components add up."""
    dice = random.Random(1)
    energy = [round(dice.uniform(-20, 90), 5) for _ in range(intervals)]
    for number in range(nodes):
        for at, mce in enumerate(energy):
            mcc, mcl = round(dice.uniform(-9, 9), 5) if number % 3 else 0.0, round(dice.uniform(-3, 3), 5)
            start = START + timedelta(minutes=5 * at)
            lmp = round(mce + mcc + mcl, 5)
            yield Price(f"NODE_{number}_7_B2", Market.RTD, start, start + timedelta(minutes=5), lmp, mce, mcc, mcl, 0.0)


def serve(answers: dict[tuple[str, int], Answer]) -> ThreadingHTTPServer:
    """Serve by what is asked: one node is the day, anything else the hour."""

    class Stub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            name, body = answers["day" if "node" in query else "hour", int(query["version"][0])]
            self.send_response(200)
            self.send_header("Content-Type", "application/x-zip-compressed")
            self.send_header("Content-Disposition", f"inline; filename={name};")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


# --- ours, in a process of its own --------------------------------------------------------------------------------


def fetch(port: int, query: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", f"/oasisapi/SingleZip?{query}")
    return connection.getresponse().read()


class _Index(dict[object, int]):
    """Key -> its number in order of first sight."""

    def __missing__(self, key: object) -> int:
        self[key] = number = len(self)
        return number


def read_hour(body: bytes, wanted: answer.Wanted) -> tuple[int, float]:
    """Keep node, start, component and price of every row in flat arrays; count and sum the prices themselves."""
    nodes, starts, kinds = _Index(), _Index(), _Index()
    kept, values = (array("I"), array("I"), array("B")), array("d")
    for block in answer.blocks(body, wanted):
        kept[0].extend(map(nodes.__getitem__, block.nodes))
        kept[1].extend(map(starts.__getitem__, block.starts))
        kept[2].extend(map(kinds.__getitem__, block.kinds))
        values.extend(block.usd_per_mwh)
    lmp = kinds["LMP"]
    found = [price for kind, price in zip(kept[2], values, strict=True) if kind == lmp]
    return len(found), sum(found)


def ours(client: str, case: str, port: int) -> None:
    """Fetch and read once; print what it cost."""
    reset_peak()
    base = memory_kb("VmRSS")
    wall, cpu = time.perf_counter(), time.process_time()
    if case == "day":
        body = fetch(port, f"version=3&node={NODE}")
        found = answer.read_prices(body, Market.RTD, [NODE]).prices
        rows, total = len(found), sum(price.lmp_usd_per_mwh for price in found)
    else:
        wanted = answer.Wanted(kinds=frozenset({"LMP"})) if client == "ours-lmp" else answer.EVERYTHING
        rows, total = read_hour(fetch(port, "version=3&grp_type=ALL"), wanted)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    over = (memory_kb("VmHWM") - base) / 1024
    print(json.dumps({"rows": rows, "total": total, "cpu": cpu, "wall": wall, "over": over, "slept": 0}))


# --- the measurement ----------------------------------------------------------------------------------------------


def environment() -> Path:
    """Return the yardsticks' interpreter; makes its environment when the pins are new, ends with 3 where it cannot."""
    pins = HERE / "peers" / "oasis_requirements.txt"
    mark = hashlib.sha256(pins.read_bytes()).hexdigest()
    folder = HERE.parent / ".venv-oasis-peers"
    done, python = folder / "done", folder / "bin" / "python"
    if done.exists() and done.read_text(encoding="ascii") == mark:
        return python
    venv.create(folder, with_pip=True, clear=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "-r", str(pins)]
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode:
        print("the yardsticks could not be installed", file=sys.stderr)
        raise SystemExit(NOT_RUN)
    done.write_text(mark, encoding="ascii")
    return python


def once(peer: Path, client: str, case: str, port: int) -> dict[str, float]:
    """Run one client in a fresh process."""
    if client.startswith("ours"):
        command = [sys.executable, str(HERE / "oasis_parse.py"), "--client", client, case, str(port)]
    else:
        command = [str(peer), str(HERE / "peers" / "oasis_peer.py"), client, case, str(port)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=120)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def measure(peer: Path, rounds: int, nodes: int) -> dict[tuple[str, str], dict[str, float]]:
    """Return the medians of each client and case."""
    make = partial(price_zip, RTD, made_at=MADE_AT)
    answers = {("hour", version): make(version, prices(nodes, 12)) for version in (1, 3)}
    answers |= {("day", version): make(version, prices(1, 288)) for version in (1, 3)}
    server = serve(answers)
    runs: dict[tuple[str, str], list[dict[str, float]]] = {}
    for number in range(rounds):
        for client in CLIENTS[:: -1 if number % 2 else 1]:
            for case in ("hour", "day"):
                if (client, case) != ("ours-lmp", "day"):
                    runs.setdefault((client, case), []).append(once(peer, client, case, server.server_address[1]))
    server.shutdown()
    found = {key: {each: median(run[each] for run in of) for each in of[0]} for key, of in runs.items()}
    for (client, case), one in found.items():
        same = found["gridstatus", case]
        if one["rows"] != same["rows"] or abs(one["total"] - same["total"]) > 1e-3:
            raise SystemExit(f"{client} read {one} where gridstatus read {same}: {case}")
    return found


def results(found: dict[tuple[str, str], dict[str, float]], nodes: int) -> list[dict[str, Any]]:
    """Return the rows of benchmarks/README.md."""

    def compare(what: str, client: str, peer: str, case: str, key: str, target: float | None) -> dict[str, Any]:
        a, b = found[client, case][key], found[peer, case][key]
        unit, scale = ("MB", 1.0) if key == "over" else ("ms", 1000.0)
        pause = f", and {found[peer, case]['slept']:.0f} s of sleep" if found[peer, case]["slept"] else ""
        return {
            "what": what,
            "value": f"{a * scale:,.4g} {unit}",
            "yardstick": f"{peer} {b * scale:,.4g} {unit}{pause if key == 'cpu' else ''}",
            "ratio": a / b,
            "target": f"<= {target}" if target else "",
            "met": not target or a / b <= target,
        }

    hour = f"price answer, {nodes:,} nodes x 1 h, version 3"
    return [
        compare(f"{hour}: CPU", "ours", "gridstatus", "hour", "cpu", 0.5),
        compare(f"{hour}: peak memory over base", "ours", "gridstatus", "hour", "over", 0.1),
        compare(f"{hour}, LMP only: CPU", "ours-lmp", "gridstatus", "hour", "cpu", 0.15),
        compare("price answer, one node x 1 day, checked: CPU", "ours", "gridstatus", "day", "cpu", 0.2),
        compare(f"{hour} (pycaiso: version 1, a fifth less): CPU", "ours", "pycaiso", "hour", "cpu", None),
        compare("price answer, one node x 1 day, checked: CPU", "ours", "pycaiso", "day", "cpu", None),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--nodes", type=int, default=17_000)
    parser.add_argument("--client", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        client, case, port = options.client
        ours(client, case, int(port))
        return
    if sys.platform != "linux":
        print("needs Linux", file=sys.stderr)
        raise SystemExit(NOT_RUN)
    rows = results(measure(environment(), options.rounds, options.nodes), options.nodes)
    if options.json:
        print(json.dumps({"name": "oasis_parse", "results": rows}, indent=2))
        return
    for row in rows:
        verdict = "" if not row["target"] else f"  target {row['target']}: {'met' if row['met'] else 'MISSED'}"
        print(f"{row['what']}: {row['value']}, {row['yardstick']}, ratio {row['ratio']:.3f}{verdict}")


if __name__ == "__main__":
    main()
