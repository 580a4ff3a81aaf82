"""With a certificate of its own: TLS 1.2 or newer, a cookie of this host alone, and no way around."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import trustme

from caiso_ads.config.web import WebConfig
from caiso_ads.errors import CertificateError
from caiso_ads.web.access.passwords import hashed
from caiso_ads.web.access.people import Role
from caiso_ads.web.server import WebSink
from caiso_ads.web.site import Site
from tests.web.access.visiting import PHRASE, Visitor, made, user


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def certificate(tmp_path: Path, authority: trustme.CA) -> Path:
    path = tmp_path / "page.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(path)
    path.chmod(0o600)
    return path


@asynccontextmanager
async def serving_tls(config: WebConfig, site: Site) -> AsyncIterator[int]:
    """Serve and return the port."""
    sink, started = WebSink(config, site), asyncio.Event()
    task = asyncio.create_task(sink.run(site.feed, started.set))
    try:
        async with asyncio.timeout(10):
            await started.wait()
        yield sink.bound[0][1]
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_signing_in_over_tls_gives_a_cookie_of_this_host_alone(certificate: Path, authority: trustme.CA) -> None:
    one = made(certificate=certificate, host="0.0.0.0")
    await user(one, "ada", Role.VIEWER, password=hashed(PHRASE))
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    assert one.config.web is not None
    connector = aiohttp.TCPConnector(ssl=trusting)
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        serving_tls(one.config.web, one) as port,
        aiohttp.ClientSession(connector=connector, cookie_jar=jar) as client,
    ):
        visitor = Visitor(f"https://127.0.0.1:{port}", client)
        assert (await visitor.post("/api/v1/login", {"name": "ada", "password": PHRASE}))[0] == 200
        (cookie,) = client.cookie_jar
        assert cookie.key == "__Host-caiso_ads"
        assert (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, True, "Strict", "/")
        assert cookie["domain"] in ("", "127.0.0.1")
        assert (await visitor.get("/api/v1/me"))[1]["name"] == "ada"
        with pytest.raises(aiohttp.ClientError):  # nobody is led from clear text to TLS: there is nothing in clear text
            await client.get(f"http://127.0.0.1:{port}/")


async def test_tls_older_than_1_2_is_refused(certificate: Path) -> None:
    one = made(certificate=certificate)
    assert one.config.web is not None
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.options &= ~(ssl.OP_NO_TLSv1 | ssl.OP_NO_TLSv1_1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    async with serving_tls(one.config.web, one) as port:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection("127.0.0.1", port, ssl=old)


async def test_a_certificate_that_cannot_be_read_serves_nobody(tmp_path: Path) -> None:
    one = made(certificate=tmp_path / "missing.pem")
    assert one.config.web is not None
    with pytest.raises(CertificateError, match=r"missing\.pem"):
        await WebSink(one.config.web, one).run(one.feed, lambda: pytest.fail("served"))
