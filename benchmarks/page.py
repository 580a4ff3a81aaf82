"""How much the first page transfers, and how long a browser takes from an empty cache to live values.

The yardstick in the same browser and the same rounds: the bare snapshot of the API as JSON, which is one request without
a page, a script or a style. Needs Debian's chromium and playwright; without them it ends with status 3.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from statistics import median
from typing import Any

CHROMIUM = Path("/usr/bin/chromium")
LARGEST_KB, SLOWEST_S = 150.0, 1.0
WARM_UP_S = 40.0
NOTICE = """
new MutationObserver(() => {
  const shown = document.querySelector(".setpoint");
  if (shown && /\\d/.test(shown.textContent)) window.liveAfter ??= performance.now();
}).observe(document, {subtree: true, childList: true, characterData: true});
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def demo(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """Start a quiet demo and wait until it has read what little history there is."""
    story = folder / "short.toml"
    story.write_text("history_s = 1800\n", encoding="utf-8")
    words = ("demo", "--scenario", str(story), "--plain", "--directory", str(folder / "kit"), "--web-port", str(port))
    ports = ("--modbus-port", str(free_port()))
    code = "from caiso_ads.cli import main; main()"
    process = subprocess.Popen([sys.executable, "-c", code, *words, *ports], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 2 * WARM_UP_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return process
        except OSError:
            time.sleep(0.5)
    process.terminate()
    process.wait(20)
    sys.exit("the demo did not become ready")


def page_load(browser: Any, base: str) -> tuple[float, float]:
    """Return seconds to live values and kB transferred until then, with an empty cache."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    received: list[float] = []
    session.on("Network.dataReceived", lambda told: received.append(told["encodedDataLength"]))
    session.on("Network.responseReceived", lambda told: received.append(told["response"]["encodedDataLength"]))
    page.add_init_script(NOTICE)
    page.goto(base)
    page.wait_for_function("() => window.liveAfter")
    seconds = float(page.evaluate("window.liveAfter")) / 1000
    page.wait_for_timeout(500)
    context.close()
    return seconds, sum(received) / 1000


def bare_load(browser: Any, base: str) -> float:
    """Return seconds until the browser has the snapshot as JSON."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(base + "/api/v1/snapshot")
    seconds = float(page.evaluate("performance.getEntriesByType('navigation')[0].responseEnd")) / 1000
    context.close()
    return seconds


def measure(rounds: int) -> list[dict[str, Any]]:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - may be missing

    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        port = free_port()
        process = demo(Path(name), port)
        base = f"http://127.0.0.1:{port}"
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        try:
            page_load(browser, base)  # the browser's own first start is not ours
            loads, bare = [], []
            for _ in range(rounds):
                loads.append(page_load(browser, base))
                bare.append(bare_load(browser, base))
            with urllib.request.urlopen(base + "/api/v1/snapshot") as answer:
                snapshot_kb = len(answer.read()) / 1000
        finally:
            browser.close()
            process.terminate()
            process.wait(20)
    seconds, size, yardstick = median(one[0] for one in loads), max(one[1] for one in loads), median(bare)
    return [
        {
            "what": "first page, empty cache: kB transferred until values are live, most of all rounds",
            "value": f"{size:.1f} kB", "yardstick": f"bare snapshot, not compressed {snapshot_kb:.1f} kB",
            "ratio": round(size, 1), "target": f"<= {LARGEST_KB:g}", "met": size <= LARGEST_KB,
        },
        {
            "what": "first page, empty cache: s until values are live in headless Chromium",
            "value": f"{seconds:.2f} s", "yardstick": f"bare snapshot as JSON {yardstick:.2f} s",
            "ratio": round(seconds, 2), "target": f"<= {SLOWEST_S:g}", "met": seconds <= SLOWEST_S,
        },
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Size and time of the first page.")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--rounds", type=int, default=7, help="loads of each (7)")
    options = parser.parse_args()
    try:
        import playwright  # noqa: F401, PLC0415
    except ImportError:
        print("page: needs playwright", file=sys.stderr)
        sys.exit(3)
    if not CHROMIUM.exists():
        print("page: needs Debian's chromium", file=sys.stderr)
        sys.exit(3)
    results = measure(options.rounds)
    if options.json:
        print(json.dumps({"name": "page", "results": results}, indent=2))
        return
    for result in results:
        print(f"{result['what']}: {result['value']} ({result['yardstick']})")
        print(f"  {result['target']}: {'met' if result['met'] else 'MISSED'}")


if __name__ == "__main__":
    main()
