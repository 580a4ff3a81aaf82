"""The TLS table with real handshakes: who refuses whom, and by which reason. Nothing is sent to a server not trusted."""

from __future__ import annotations

import asyncio
import socket
import ssl
import warnings
from datetime import timedelta
from pathlib import Path

import pytest

from caiso_ads.ads.client import AdsClient
from caiso_ads.ads.tls import client_context
from caiso_ads.core.codes import BatchStatus
from caiso_ads.errors import TlsError, TlsReason, UnreachableError
from tests.ads.pki import PASSPHRASE, Authority, Identity, secret
from tests.ads.server import Behaviour, Server, hang_up, reset, result, server_context, serving, strict_server

STATUS = result("getBatchStatus", "3")
BOTH = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
HOSTS = ("localhost",)


async def refusal(server: Server, context: ssl.SSLContext) -> TlsError:
    async with AdsClient(server.url, ssl_context=context) as ads:
        with pytest.raises(TlsError) as caught:
            await ads.batch_status("1")
    return caught.value


def without_certificate(ca_file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca_file)
    return context


@BOTH
async def test_good_handshake_presents_our_certificate(
    iso: Identity, plant_ca: Authority, context: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    async with (
        serving(server_context(iso, plant_ca, version=version), STATUS) as server,
        AdsClient(server.url, ssl_context=context) as ads,
    ):
        assert await ads.batch_status("1") is BatchStatus.CLOSED


@pytest.mark.parametrize("form", [".p12", ".pfx"])
async def test_pkcs12_works_as_client_certificate(
    tmp_path: Path, tls: ssl.SSLContext, ca_file: Path, plant: Identity, form: str
) -> None:
    context = client_context(
        ca_file=ca_file,
        certificate=plant.p12(tmp_path / f"plant{form}"),
        passphrase_file=secret(tmp_path / "pass", PASSPHRASE),
    )
    async with serving(tls, STATUS) as server, AdsClient(server.url, ssl_context=context) as ads:
        assert await ads.batch_status("1") is BatchStatus.CLOSED


@BOTH
@pytest.mark.parametrize(
    ("starts", "ends", "reason"),
    [(-9, -1, TlsReason.EXPIRED), (1, 9, TlsReason.NOT_YET_VALID)],
    ids=["expired", "not yet valid"],
)
async def test_server_certificate_out_of_date_is_refused(
    iso_ca: Authority,
    plant_ca: Authority,
    context: ssl.SSLContext,
    version: ssl.TLSVersion,
    starts: int,
    ends: int,
    reason: TlsReason,
) -> None:
    identity = iso_ca.issue("iso", hosts=HOSTS, starts_in=timedelta(days=starts), ends_in=timedelta(days=ends))
    async with serving(server_context(identity, plant_ca, version=version), STATUS) as server:
        error = await refusal(server, context)
        assert error.reason is reason
        assert error.cure
        assert not server.asked


@BOTH
async def test_server_of_an_unknown_authority_is_refused(
    plant_ca: Authority, context: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    identity = Authority("Proxy In The Middle").issue("iso", hosts=HOSTS)
    async with serving(server_context(identity, plant_ca, version=version), STATUS) as server:
        error = await refusal(server, context)
        assert error.reason is TlsReason.UNKNOWN_CA
        assert "ca_file" in error.cure
        assert not server.asked


@BOTH
async def test_server_certificate_of_another_host_is_refused(
    iso_ca: Authority, plant_ca: Authority, context: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    identity = iso_ca.issue("iso", hosts=("ads.example",))
    async with serving(server_context(identity, plant_ca, version=version), STATUS) as server:
        assert (await refusal(server, context)).reason is TlsReason.WRONG_HOST
        server_by_address = server.url.replace("localhost", "127.0.0.1")
        async with AdsClient(server_by_address, ssl_context=context) as ads:
            with pytest.raises(TlsError) as caught:
                await ads.batch_status("1")
        assert caught.value.reason is TlsReason.WRONG_HOST
        assert not server.asked


@BOTH
async def test_missing_client_certificate_is_named_as_ours(
    iso: Identity, plant_ca: Authority, ca_file: Path, version: ssl.TLSVersion
) -> None:
    with strict_server(server_context(iso, plant_ca, version=version)) as server:
        error = await refusal(server, without_certificate(ca_file))
        assert error.reason is TlsReason.OWN_CERTIFICATE
        assert "cert show" in error.cure


@BOTH
@pytest.mark.parametrize("fault", ["foreign", "expired"])
async def test_refused_client_certificate_is_named_as_ours(
    tmp_path: Path, iso: Identity, plant_ca: Authority, ca_file: Path, version: ssl.TLSVersion, fault: str
) -> None:
    issuer = Authority("Foreign Root") if fault == "foreign" else plant_ca
    end = timedelta(days=90 if fault == "foreign" else -1)
    ours = issuer.issue("plantx1", starts_in=timedelta(days=-9), ends_in=end)
    context = client_context(ca_file=ca_file, certificate=ours.pem(tmp_path, "refused"))
    with strict_server(server_context(iso, plant_ca, version=version)) as server:
        assert (await refusal(server, context)).reason is TlsReason.OWN_CERTIFICATE


async def test_refusal_without_any_alert_under_tls_1_3_is_named_as_ours_too(tls: ssl.SSLContext, ca_file: Path) -> None:
    async with serving(tls, STATUS) as server:  # asyncio's servers close without sending the alert
        error = await refusal(server, without_certificate(ca_file))
        assert error.reason is TlsReason.OWN_CERTIFICATE
        assert not server.asked


async def test_refusal_without_any_alert_within_a_tls_1_2_handshake_names_the_certificate_as_one_cause(
    iso: Identity, plant_ca: Authority, ca_file: Path
) -> None:
    async with serving(server_context(iso, plant_ca, version=ssl.TLSVersion.TLSv1_2), STATUS) as server:
        error = await refusal(server, without_certificate(ca_file))
        assert error.reason is TlsReason.OTHER
        assert "cert show" in error.cure
        assert not server.asked


async def test_server_of_tls_1_1_only_is_refused(iso: Identity, plant_ca: Authority, context: ssl.SSLContext) -> None:
    with strict_server(server_context(iso, plant_ca, version=ssl.TLSVersion.TLSv1_1)) as server:
        assert (await refusal(server, context)).reason is TlsReason.PROTOCOL


async def test_that_server_of_tls_1_1_does_speak_with_a_client_of_its_age(iso: Identity, plant_ca: Authority) -> None:
    """The control: without it the test above could pass on a server that is just broken."""
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname = False
    old.verify_mode = ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with strict_server(server_context(iso, None, version=ssl.TLSVersion.TLSv1_1)) as server:

        def speak() -> str | None:
            with socket.create_connection(("127.0.0.1", server.port), 5) as raw, old.wrap_socket(raw) as tls:
                return tls.version()

        assert await asyncio.to_thread(speak) == "TLSv1.1"


async def test_server_that_speaks_plain_http_is_refused_and_sent_nothing(context: ssl.SSLContext) -> None:
    received: list[bytes] = []

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(4096))
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    listener = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with listener:
        error = await refusal(Server([], listener.sockets[0].getsockname()[1]), context)
    assert error.reason is TlsReason.OTHER
    assert b"POST" not in b"".join(received)


@pytest.mark.parametrize("end", [hang_up, reset], ids=["end of file", "reset"])
async def test_connection_closed_on_the_very_first_read_is_taken_for_a_refused_certificate(
    tls: ssl.SSLContext, context: ssl.SSLContext, end: Behaviour
) -> None:
    async with serving(tls, end) as server:
        error = await refusal(server, context)
        assert error.reason is TlsReason.OWN_CERTIFICATE
        assert "network fault can look the same" in str(error)


async def test_after_one_answer_a_closed_connection_is_no_certificate_matter(
    tls: ssl.SSLContext, context: ssl.SSLContext
) -> None:
    async with serving(tls, STATUS, hang_up) as server, AdsClient(server.url, ssl_context=context) as ads:
        await ads.batch_status("1")
        with pytest.raises(UnreachableError):
            await ads.batch_status("1")


async def test_an_intermediate_authority_in_ca_file_is_enough(
    tmp_path: Path, iso_ca: Authority, plant_ca: Authority, plant: Identity
) -> None:
    issuing = Authority("Test ISO Issuing", parent=iso_ca)
    ca_file = secret(tmp_path / "issuing.pem", issuing.pem)
    context = client_context(ca_file=ca_file, certificate=plant.pem(tmp_path, "plant"))
    identity = issuing.issue("iso", hosts=HOSTS)
    async with (
        serving(server_context(identity, plant_ca), STATUS) as server,
        AdsClient(server.url, ssl_context=context) as ads,
    ):
        assert await ads.batch_status("1") is BatchStatus.CLOSED


async def test_an_old_authority_without_key_identifiers_works_and_still_checks_the_host(
    tmp_path: Path, plant_ca: Authority, plant: Identity
) -> None:
    old = Authority("Old Root", key_identifiers=False)
    context = client_context(ca_file=secret(tmp_path / "old.pem", old.pem), certificate=plant.pem(tmp_path, "plant"))
    async with (
        serving(server_context(old.issue("iso", hosts=HOSTS), plant_ca), STATUS) as server,
        AdsClient(server.url, ssl_context=context) as ads,
    ):
        assert await ads.batch_status("1") is BatchStatus.CLOSED
    async with serving(server_context(old.issue("iso", hosts=("ads.example",)), plant_ca), STATUS) as server:
        assert (await refusal(server, context)).reason is TlsReason.WRONG_HOST
