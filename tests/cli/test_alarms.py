"""``caiso-ads alarms``: what stands is read from the store, acts are asked of the running gateway."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from caiso_ads.cli import main
from caiso_ads.config import load_config
from caiso_ads.core.alarm_catalogue import CATALOGUE
from caiso_ads.loop import obeying
from caiso_ads.loop.alarm_desk import AlarmDesk
from caiso_ads.loop.alarm_sources import Sources
from caiso_ads.loop.commands import Spool
from caiso_ads.loop.desk import Desk
from caiso_ads.loop.evidence import EvidenceLog
from caiso_ads.loop.watch import AlarmWatch
from caiso_ads.ports import SystemClock
from caiso_ads.store.sqlite import SqlStore
from tests.alarming import LOST, REFUSED, shot
from tests.cli.test_override import TEXT


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def alarms(config: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["alarms", *words, "--config", str(config)])


def listed(config: Path) -> dict[str, str]:
    """Return the state of each alarm as the list tells it."""
    found = alarms(config, "list", "--json")
    assert found.exit_code == 0, found.output
    return {row["id"]: row["state"] for row in json.loads(found.stdout)}


@contextmanager
def gateway(config: Path) -> Iterator[None]:
    """Serve commands in a thread, with a store and one alarm."""
    ready, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        path, clock = load_config(config).store.path, SystemClock()
        store, spool = await SqlStore.open(path, clock), Spool(path)
        spool.prepare()
        evidence, sources = EvidenceLog(store, clock), Sources()
        watch = AlarmWatch(evidence.note)
        watch.sources = sources
        watch.look(shot(reasons=REFUSED), clock.now())
        await evidence.durable()
        desk = Desk(AlarmDesk(watch, sources, clock, evidence.note, evidence.durable).handlers(), clock)
        ready.set()
        async with asyncio.TaskGroup() as tasks:
            while not stop.is_set():
                await obeying.handle(spool, clock, desk, tasks)
                await asyncio.sleep(0.01)
        await store.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_an_alarm_is_listed_acknowledged_shelved_and_taken_back(config: Path) -> None:
    with gateway(config):
        assert listed(config) == {"value_refused:R1": "active_unack"}
        assert alarms(config, "ack", "value_refused:R1", "--note", "seen").exit_code == 0
        assert listed(config) == {"value_refused:R1": "active_ack"}
        done = alarms(config, "shelve", "value_refused:R1", "--for", "90m", "--reason", "on site", "--json")
        assert json.loads(done.stdout)["done"] is True
        assert listed(config) == {"value_refused:R1": "shelved"}
        assert alarms(config, "unshelve", "value_refused:R1").exit_code == 0
        assert "1 alarms acknowledged" in alarms(config, "ack", "--all").stdout
        assert "raised within a second" in alarms(config, "test").stdout
    shown = alarms(config, "list").stdout  # no gateway runs
    assert "high active ack by" in shown
    assert "do: compare pmin" in shown


def test_what_the_gateway_refuses_ends_with_2_and_says_why(config: Path) -> None:
    with gateway(config):
        refused = alarms(config, "ack", "link")
        assert refused.exit_code == 2
        assert "no alarm that stands" in refused.stderr
        assert alarms(config, "shelve", "link", "--for", "25h", "--reason", "x").exit_code == 2


def test_an_alarm_or_all_must_be_named(config: Path) -> None:
    for words in ((), ("link", "--all")):
        assert "give an alarm, or --all" in alarms(config, "ack", *words).stderr


def test_without_an_alarm_the_list_says_so(config: Path) -> None:
    asyncio.run(_empty(load_config(config).store.path))
    assert alarms(config, "list").stdout == "No alarm stands.\n"


async def _empty(path: Path) -> None:
    await (await SqlStore.open(path, SystemClock())).close()


def test_the_catalogue_is_told_for_people_and_programs() -> None:
    told = json.loads(CliRunner().invoke(main, ["alarms", "catalogue", "--json"]).stdout)
    assert [row["key"] for row in told] == [kind.key for kind in CATALOGUE]
    words = CliRunner().invoke(main, ["alarms", "catalogue"]).stdout
    assert all(f"{kind.key} (" in words and kind.action in words for kind in CATALOGUE)
    page = CliRunner().invoke(main, ["alarms", "catalogue", "--document"]).stdout
    assert all(f"### {kind.key}" in page for kind in CATALOGUE)


def test_what_follows_from_another_is_listed_with_its_cause(config: Path) -> None:
    asyncio.run(_lost(load_config(config).store.path))
    assert "suppressed from link" in alarms(config, "list").stdout


async def _lost(path: Path) -> None:
    clock = SystemClock()
    store = await SqlStore.open(path, clock)
    evidence = EvidenceLog(store, clock)
    watch, now = AlarmWatch(evidence.note), clock.now()
    for second in range(60):
        watch.look(shot(reasons=LOST), now.plus(second))
    assert await evidence.durable()
    await store.close()
