"""One authority for the ISO, one for the plant's certificates, and a ready client context."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from caiso_ads.ads.tls import client_context
from tests.ads.pki import Authority, Identity, secret
from tests.ads.server import server_context


@pytest.fixture(scope="session")
def iso_ca() -> Authority:
    return Authority("Test ISO Root")


@pytest.fixture(scope="session")
def plant_ca() -> Authority:
    return Authority("Test Plant Root")


@pytest.fixture(scope="session")
def plant(plant_ca: Authority) -> Identity:
    return plant_ca.issue("plantx1")


@pytest.fixture(scope="session")
def iso(iso_ca: Authority) -> Identity:
    return iso_ca.issue("iso", hosts=("localhost", "127.0.0.1"))


@pytest.fixture
def tls(iso: Identity, plant_ca: Authority) -> ssl.SSLContext:
    """The server's side: requires a certificate of the plant's authority."""
    return server_context(iso, plant_ca)


@pytest.fixture
def ca_file(tmp_path: Path, iso_ca: Authority) -> Path:
    return secret(tmp_path / "iso-ca.pem", iso_ca.pem)


@pytest.fixture
def context(tmp_path: Path, ca_file: Path, plant: Identity) -> ssl.SSLContext:
    """Our side, as in production."""
    return client_context(ca_file=ca_file, certificate=plant.pem(tmp_path, "plant"))
