"""Until when the certificate holds, read anew when its file changed; one that cannot be read is not known."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import aiohttp

from caiso_ads.config.tables import AdsConfig
from caiso_ads.core.directive import Environment
from caiso_ads.simulator.ca import Authority, Validity
from caiso_ads.web.certificate import CertificateFile
from tests.web.rig import serving, site, told


def ads(path: Path) -> AdsConfig:
    return AdsConfig(url="https://ads.invalid/v8", certificate=path, environment=Environment.SIMULATOR)


def write(path: Path, common_name: str, days: int = 300) -> datetime:
    """Write a certificate and return its end."""
    made = Authority().client(common_name, validity=Validity.days(days))
    path.write_bytes(made.certificate_pem + made.key_pem)
    return made.certificate.not_valid_after_utc


async def test_it_is_read_anew_when_its_file_changed(tmp_path: Path) -> None:
    path = tmp_path / "client.pem"
    file, end = CertificateFile(ads(path)), write(path, "First")
    known = await file.facts()
    assert known == (end, "client.pem")
    write(path, "Second", days=3)
    os.utime(path, ns=(1, 1))
    newer = await file.facts()
    assert newer is not None
    assert newer[0] < end
    path.unlink()
    assert await file.facts() is None


async def test_one_that_cannot_be_read_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "client.pem"
    path.write_text("no certificate")
    assert await CertificateFile(ads(path)).facts() is None


async def test_health_and_metrics_tell_its_days(tmp_path: Path) -> None:
    path = tmp_path / "client.pem"
    end = write(path, "Plant")
    made = site()
    object.__setattr__(made, "certificate", CertificateFile(ads(path)))
    async with serving(made) as (base, _):
        told_of = (await told(base, "/api/v1/health"))["certificate"]
        async with aiohttp.ClientSession() as client, client.get(base + "/metrics") as answer:
            assert f"caiso_ads_certificate_days_left {told_of['days_left']}\n" in await answer.text()
    assert told_of["days_left"] == (end - made.clock.now().wall).days
    assert told_of["subject"] == "client.pem"
