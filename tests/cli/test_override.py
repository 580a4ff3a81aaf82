"""``caiso-ads override`` asks the running gateway, and says plainly what became of it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from caiso_ads.cli import main
from caiso_ads.config import load_config
from caiso_ads.core.override import Cleared, Override
from caiso_ads.loop.commands import Spool
from caiso_ads.ports import SystemClock
from caiso_ads.store.sqlite import SqlStore
from tests.commanding import handle

TEXT = (
    '[ads]\nurl = "https://h.example/APIWebService/v8"\ncertificate = "c.pem"\n[store]\npath = "a.db"\n'
    '[[resource]]\nid = "A"\npmin_mw = -5\npmax_mw = 100\n'
)
WHY = ("--reason", "relay test", "--yes")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def override(config: Path, *words: str, answer: str | None = None) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["override", *words, "--config", str(config)], input=answer)


@contextmanager
def gateway(config: Path) -> Iterator[list[Override | Cleared]]:
    """Serve commands in a thread, as a running gateway does, with a store of its own."""
    applied: list[Override | Cleared] = []
    ready, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        settings, clock = load_config(config), SystemClock()
        store, spool = await SqlStore.open(settings.store.path, clock), Spool(settings.store.path)
        spool.prepare()
        ready.set()
        while not stop.is_set():
            await handle(spool, store, clock, {item.id: item for item in settings.resources}, applied.append)
            await asyncio.sleep(0.01)
        await store.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield applied
    finally:
        stop.set()
        thread.join()


def test_a_value_is_set_listed_audited_and_cleared(config: Path) -> None:
    with gateway(config) as applied:
        done = override(config, "set", "A", "--mw", "-2.5", "--for", "30m", *WHY)
        assert (done.exit_code, done.stderr) == (0, "")
        assert done.stdout.startswith("A: forced to -2.5 MW until ")
        listed = override(config, "list")
        assert "A: -2.5 MW until" in listed.stdout
        assert "relay test" in listed.stdout
        cleared = override(config, "clear", "A", *WHY)
        assert cleared.stdout == "A: the override is cleared\n"
        assert override(config, "list").stdout == "Nothing is forced.\n"
        audit = override(config, "audit")
        assert "2 rows, unchanged; hash of the newest: " in audit.stdout
        assert [type(each) for each in applied] == [Override, Cleared]


def test_json_is_for_programs(config: Path) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    with gateway(config):
        done = override(config, "set", "A", "--directive", "no-data", "--until", until.isoformat(), *WHY, "--json")
        assert json.loads(done.stdout)["done"] is True
        [told] = json.loads(override(config, "list", "--json").stdout)
        assert (told["resource_id"], told["setpoint_mw"], told["directive"]) == ("A", None, "NO_DATA")
        audit = json.loads(override(config, "audit", "--json").stdout)
        assert audit["first_broken"] is None
        assert audit["rows"][0]["text"] == "relay test"
    refused = override(config, "clear", "A", *WHY, "--json")
    assert refused.exit_code == 2


def test_the_gateways_refusal_is_told_with_its_reason(config: Path) -> None:
    with gateway(config):
        done = override(config, "clear", "A", *WHY)
    assert done.exit_code == 2
    assert "refused: resource: nothing is forced for A" in done.stderr


def test_without_a_gateway_it_says_so_and_ends_with_2(config: Path) -> None:
    done = override(config, "set", "A", "--mw", "1", "--for", "1m", *WHY)
    assert done.exit_code == 2
    assert "no gateway is running" in done.stderr
    assert "caiso-ads run" in done.stderr


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--mw", "101", "--for", "1m"), "mw: 101 MW is outside the limits of A, -5 to 100 MW"),
        (("--mw", "nan", "--for", "1m"), "mw: nan MW"),
        (("--mw", "1", "--for", "25h"), "until: "),
        (("--mw", "1", "--for", "soon"), "for: 'soon' is no time span"),
        (("--mw", "1", "--until", "2026-07-01T12:00"), "has no zone"),
        (("--mw", "1", "--until", "2026-07-01T12:00Z"), "has passed"),
        (("--mw", "1", "--directive", "hold", "--for", "1m"), "mw: give either"),
        (("--for", "1m"), "mw: give either"),
        (("--mw", "1"), "give --for or --until"),
        (("--mw", "1", "--for", "1m", "--until", "2026-07-01T12:00Z"), "give --for or --until"),
        (("--directive", "follow", "--for", "1m"), "'follow' is not one of"),
    ],
)
def test_what_cannot_be_is_refused_before_anybody_is_asked(config: Path, words: tuple[str, ...], named: str) -> None:
    Spool(config.parent / "a.db").prepare()
    done = override(config, "set", "A", *words, *WHY)
    assert done.exit_code == 2
    assert named in done.stderr
    assert list((config.parent / "a.db.commands").iterdir()) == []


def test_an_unknown_resource_is_refused_and_the_known_are_named(config: Path) -> None:
    done = override(config, "set", "B", "--mw", "1", "--for", "1m", *WHY)
    assert "resource: 'B' is not configured; known: A" in done.stderr


def test_without_a_yes_nothing_is_asked_of_the_gateway(config: Path) -> None:
    Spool(config.parent / "a.db").prepare()
    done = override(config, "set", "A", "--mw", "1", "--for", "1m", "--reason", "x", answer="n\n")
    assert done.exit_code == 1
    assert "Force A to 1 MW until" in done.stderr
    assert override(config, "clear", "A", "--reason", "x", answer="\n").exit_code == 1
    assert list((config.parent / "a.db.commands").iterdir()) == []


def test_a_changed_audit_row_is_found_and_ends_with_2(config: Path) -> None:
    with gateway(config):
        override(config, "set", "A", "--mw", "1", "--for", "1m", *WHY)
    raw = sqlite3.connect(config.parent / "a.db", isolation_level=None)
    raw.execute("DROP TRIGGER audit_no_update")
    raw.execute("UPDATE audit SET who = 'mallory'")
    raw.close()
    done = override(config, "audit")
    assert done.exit_code == 2
    assert "row 1 is not what was written" in done.stderr
    assert "unchanged" not in done.stdout


def test_listing_needs_a_store(config: Path) -> None:
    done = override(config, "list")
    assert done.exit_code == 2
    assert "there is no database" in done.stderr
