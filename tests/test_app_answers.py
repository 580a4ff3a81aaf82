"""The program answers the ISO over real TLS, keeps evidence of its own life, and in read-only mode sends nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from caiso_ads.app import App, open_app
from caiso_ads.config import load_config
from caiso_ads.errors import CertificateError, ConfigError
from caiso_ads.loop.commands import Spool, ask
from caiso_ads.ports import SystemClock
from caiso_ads.simulator.fleet import default_fleet
from caiso_ads.simulator.kit import write_kit
from caiso_ads.simulator.server import AdsSimulator
from caiso_ads.store.chain import AuditRow, first_broken

pytestmark = pytest.mark.slow


@pytest.fixture
async def kit(tmp_path: Path) -> AsyncIterator[Path]:
    """A running simulator and the configuration for it."""
    async with AdsSimulator(directory=tmp_path) as simulator:
        paths = write_kit(
            tmp_path, simulator.url, simulator.response_url, default_fleet(), modbus_port=5020, poll_interval_s=10.0
        )  # fmt: skip
        paths.config.write_text(paths.config.read_text().replace("port = 5020", "port = 0"))
        yield paths.config


async def lived(config: Path, until: Callable[[App], bool]) -> list[AuditRow]:
    """Run the program until something is so, stop it, and return its evidence."""
    async with open_app(load_config(config)) as app:
        running = asyncio.create_task(app.run())
        async with asyncio.timeout(60):
            feed = app.gateway.feed
            while not until(app):
                await feed.after(feed.latest.generation)
        running.cancel()
        await asyncio.wait({running})
        return list(await app.store.audit_rows(0, 100_000))


def has_polled(app: App) -> bool:
    """Whether a poll was complete."""
    return app.gateway.state.completed is not None


async def test_start_end_and_a_changed_configuration_are_in_the_chain(kit: Path) -> None:
    await lived(kit, has_polled)
    kit.write_text(kit.read_text() + "\n# changed\n")
    rows = await lived(kit, has_polled)
    own = [row.kind for row in rows if row.kind in {"started", "stopped", "config changed"}]
    assert own == ["started", "stopped", "config changed", "started", "stopped"]
    assert "acknowledged" in {row.kind for row in rows}
    assert first_broken(rows) is None


async def test_in_read_only_mode_nothing_is_sent_and_that_is_said_once(
    kit: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kit.write_text(kit.read_text() + "\n[responses]\nread_only = true\n")
    with caplog.at_level(logging.WARNING):
        rows = await lived(kit, has_polled)
    assert "acknowledged" not in {row.kind for row in rows}
    assert caplog.text.count("read-only: ") == 1


@pytest.mark.parametrize(("text", "said"), [("", "is not known"), ("read_only = true", "read-only")])
async def test_a_command_reaches_the_gateway_and_is_refused_in_words(kit: Path, text: str, said: str) -> None:
    kit.write_text(f"{kit.read_text()}\n[responses]\n{text}\n")
    config = load_config(kit)
    async with open_app(config) as app:
        running = asyncio.create_task(app.run())
        command = {"kind": "accept", "instruction": "none", "revision": 0}
        result = await ask(Spool(config.store.path), command, SystemClock())
        running.cancel()
        await asyncio.wait({running})
    assert not result.done
    assert said in result.text


async def test_a_certificate_of_its_own_for_answers_is_loaded_before_anything_is_asked(kit: Path) -> None:
    kit.write_text(kit.read_text() + '\n[responses]\ncertificate = "responder.pem"\n')
    with pytest.raises(CertificateError, match="responder"):
        async with open_app(load_config(kit)):
            pass


async def test_the_simulators_certificate_answers_to_no_production_host(kit: Path) -> None:
    text = kit.read_text().replace('environment = "simulator"\n', "").replace("127.0.0.1:", "adsws.prod.caiso.com:")
    pems = [(pem, pem.read_bytes()) for pem in kit.parent.glob("*.pem")]
    for pem, content in pems:
        pem.write_bytes(content.replace(b"caiso-ads simulator", b"something else"))
    (kit.parent / "responder.pem").write_bytes(b"# caiso-ads simulator\n")
    kit.write_text(text + '\n[responses]\ncertificate = "responder.pem"\n')
    assert pems
    with pytest.raises(ConfigError, match="made by the simulator") as caught:
        async with open_app(load_config(kit)):
            pass
    assert (caught.value.table, caught.value.key) == ("responses", "certificate")
