"""The composition root on real adapters: what it refuses, what it wires, and in which order it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from caiso_ads.app import open_app
from caiso_ads.config import load_config
from caiso_ads.core.quality import Directive, Quality
from caiso_ads.errors import CertificateError, ConfigError, StoreBusyError
from caiso_ads.loop.evidence import EvidenceLog
from caiso_ads.simulator.fleet import default_fleet
from caiso_ads.simulator.kit import write_kit
from caiso_ads.simulator.server import AdsSimulator

pytestmark = pytest.mark.slow


@pytest.fixture
async def kit(tmp_path: Path) -> AsyncIterator[Path]:
    """A running simulator and the configuration for it."""
    async with AdsSimulator(directory=tmp_path) as simulator:
        paths = write_kit(
            tmp_path, simulator.url, simulator.response_url, default_fleet(), modbus_port=5020, poll_interval_s=10.0
        )  # fmt: skip
        text = paths.config.read_text().replace("port = 5020", "port = 0")
        paths.config.write_text(text)
        yield paths.config


async def test_the_whole_history_is_stored_shown_and_acknowledged_over_real_tls(kit: Path) -> None:
    async with open_app(load_config(kit)) as app:
        running = asyncio.create_task(app.run())
        feed = app.gateway.feed
        async with asyncio.timeout(60):
            while feed.latest.gateway_value("link_age_s").value is None:
                await feed.after(feed.latest.generation)
            while feed.latest.gateway_value("unacknowledged_batches").value:
                await feed.after(feed.latest.generation)
        first = "RIVRCK_1_GAS1"  # gas follows always, whatever a flag says
        assert feed.latest.value(first, "quality").value == Quality.GOOD
        assert feed.latest.value(first, "directive").value == Directive.TEST
        assert feed.latest.gateway_value("unreadable_batches").value == 0
        assert app.supervisor.required_serving()
        running.cancel()
        await asyncio.wait({running})
        assert running.cancelled()
        assert feed.latest.value(first, "quality").value == Quality.SHUTDOWN


async def test_a_second_gateway_on_the_same_data_refuses_to_start_and_says_why(kit: Path) -> None:
    config = load_config(kit)
    async with open_app(config):
        with pytest.raises(StoreBusyError, match=r"gateway\.db"):
            async with open_app(config):
                pass


@pytest.mark.parametrize("key", ["certificate", "ca_file"])
async def test_the_simulators_certificates_never_meet_production(kit: Path, key: str) -> None:
    text = kit.read_text().replace('environment = "simulator"\n', "").replace("127.0.0.1:", "adsws.prod.caiso.com:")
    kit.write_text(text)
    if key == "ca_file":
        for pem in kit.parent.glob("plant-operator*.pem"):
            pem.write_bytes(pem.read_bytes().replace(b"caiso-ads simulator", b"something else"))
    with pytest.raises(ConfigError, match="made by the simulator") as caught:
        async with open_app(load_config(kit)):
            pass
    assert caught.value.key == key


async def test_a_missing_certificate_is_named_before_anything_is_asked(kit: Path) -> None:
    for pem in kit.parent.glob("plant-operator*.pem"):
        pem.unlink()
    with pytest.raises(CertificateError, match="plant-operator"):
        async with open_app(load_config(kit)):
            pass


async def test_an_unexpected_error_of_the_gateway_ends_the_program(kit: Path) -> None:
    async with open_app(load_config(kit)) as app:
        await app.store.close()
        with pytest.raises(BaseException, match=r"closed|Store"):
            await app.run()


class BrokenEvidence(EvidenceLog):
    """A writer of the evidence that meets something nobody expected."""

    async def run(self) -> None:
        raise LookupError("a bug of the evidence")


async def test_the_evidence_does_not_stop_unnoticed(kit: Path) -> None:
    async with open_app(load_config(kit)) as app:
        broken = replace(app, evidence=BrokenEvidence(app.store, app.clock))
        with pytest.raises(LookupError, match="a bug of the evidence"):
            async with asyncio.timeout(30):
                await broken.run()
