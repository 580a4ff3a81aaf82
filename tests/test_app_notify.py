"""The program tells people: an alarm raised and not told when it is killed is told after the start, once."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from caiso_ads.app import open_app
from caiso_ads.config import load_config
from caiso_ads.errors import ConfigError
from caiso_ads.loop.commands import Spool, ask
from caiso_ads.ports import SystemClock
from caiso_ads.simulator.fleet import default_fleet
from caiso_ads.simulator.kit import write_kit
from caiso_ads.simulator.server import AdsSimulator
from tests.e2e import fast_gateway, processes

pytestmark = pytest.mark.slow

SPEED = 20.0
TELL = "import json,sys; open(sys.argv[1],'a').write(json.dumps(json.load(sys.stdin))+chr(10))"
HANG = "import sys,time; open(sys.argv[1],'a').write('hangs'+chr(10)); time.sleep(20)"


def table(name: str, code: str, file: Path) -> str:
    """Return a notifier that runs a line of Python."""
    words = ", ".join(json.dumps(word) for word in ("-c", code, str(file)))
    return f'\n[[notify]]\nkind = "command"\nname = "{name}"\nprogram = "{sys.executable}"\narguments = [{words}]\n'


async def configuration(folder: Path) -> Path:
    """Return a configuration whose ISO does not answer any more."""
    async with AdsSimulator(directory=folder) as simulator:
        paths = write_kit(
            folder, simulator.url, simulator.response_url, default_fleet(), modbus_port=5020, poll_interval_s=10.0
        )  # fmt: skip
    paths.config.write_text(paths.config.read_text().replace("port = 5020", "port = 0"))
    return paths.config


def told(file: Path) -> list[str]:
    """Return what a notifier was told, as ``what alarm``."""
    documents = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return [f"{item['what']} {item['alarm']}" for one in documents for item in reversed(one["items"])]


async def until(condition: Callable[[], bool], log: Path) -> None:
    """Wait for it; the log is the error when it does not come."""
    try:
        async with asyncio.timeout(30):
            while not condition():  # noqa: ASYNC110 - files of another process
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(log.read_text()) from None


async def test_an_alarm_not_told_when_the_gateway_is_killed_is_told_by_the_next_start_and_only_once(
    tmp_path: Path,
) -> None:
    config, log = await configuration(tmp_path), tmp_path / "log"
    plain, hanging, mended = config.read_text(), tmp_path / "hanging", tmp_path / "mended"
    good = table("good", TELL, tmp_path / "good")
    start = (datetime.now(UTC).isoformat(), str(time.monotonic()))
    words = (fast_gateway.__file__, str(config), str(SPEED), *start)

    config.write_text(plain + good + table("duty", HANG, hanging))
    process = processes.start(*words, log=log)
    await until(lambda: hanging.exists() and "raised link" in told(tmp_path / "good"), log)
    await asyncio.sleep(0.5)  # the rows of evidence are written
    process.kill()
    process.wait()

    config.write_text(plain + good + table("duty", TELL, mended))
    process = processes.start(*words, log=log)
    await until(lambda: "raised link" in told(mended), log)
    process.terminate()
    process.wait()
    assert told(tmp_path / "good").count("raised link") == 1
    assert told(mended).count("raised link") == 1
    assert "Traceback" not in log.read_text()


async def test_the_test_goes_through_each_notifier_and_is_in_the_evidence(tmp_path: Path) -> None:
    config = await configuration(tmp_path)
    config.write_text(
        config.read_text() + table("good", TELL, tmp_path / "good") + table("bad", "raise SystemExit(3)", tmp_path)
    )
    async with open_app(load_config(config), SystemClock()) as app:
        running = asyncio.create_task(app.run())
        answer = await _asked(config)
        python = Path(sys.executable).name
        assert f"good: sent; bad: failed: {python} ended with 3" in answer
        health = {name: one["health"] for name, one in app.supervisor.report().items()}
        assert (health["notify good"], health["notify bad"]) == ("serving", "serving")
        running.cancel()
        await asyncio.wait({running})
        rows = [row for row in await app.store.audit_rows(0, 10_000) if row.kind == "notify"]
    assert sorted(json.loads(row.detail)["outcome"] for row in rows) == ["failed", "sent"]
    document = json.loads((tmp_path / "good").read_text())
    assert document["subject"].startswith("TEST caiso-ads TEST low: test of the notifier good")


async def _asked(config: Path) -> str:
    result = await ask(Spool(load_config(config).store.path), {"kind": "alarm-test"}, SystemClock())
    assert result.done
    return result.text


async def test_a_notifier_that_cannot_work_ends_the_start(tmp_path: Path) -> None:
    config = await configuration(tmp_path)
    config.write_text(config.read_text() + '\n[[notify]]\nkind = "command"\nname = "duty"\nprogram = "nowhere"\n')
    with pytest.raises(ConfigError, match=r"\[notify duty\] program"):
        async with open_app(load_config(config)):
            pass
