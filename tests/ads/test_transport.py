"""Deadlines, broken connections, what is sent twice and what never is."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable

import pytest

from caiso_ads.ads.client import AdsClient
from caiso_ads.ads.exchange import HttpRequest
from caiso_ads.ads.transport import Transport
from caiso_ads.core.codes import BatchStatus, ReasonCode, ResponseResult
from caiso_ads.errors import DeadlineError, HttpStatusError, RemoteError, TlsError, UnreachableError, WireError
from caiso_ads.ports import SystemClock
from tests.ads.server import (
    Asked,
    Behaviour,
    answer,
    drip,
    envelope,
    hang_up,
    reset,
    result,
    serving,
    short,
    silence,
    then_close,
)

STATUS = result("getBatchStatus", "3")
ACCEPTED = result("acceptInstruction", "0")


async def test_dripping_server_cannot_hold_a_call_beyond_its_total_deadline(
    tls: ssl.SSLContext, context: ssl.SSLContext
) -> None:
    # 1,000 bytes, one each 10 ms, would take 10 s; bytes keep arriving all the time.
    slow = drip(envelope("getBatchStatus", "3") + " " * 1000, 0.01)
    async with serving(tls, slow) as server, AdsClient(server.url, ssl_context=context, deadline_s=0.3) as ads:
        with pytest.raises(DeadlineError, match=r"no complete answer within 0\.3 s"):
            await ads.batch_status("1")
        assert len(server.asked) == 1


async def test_server_that_never_answers_meets_the_same_deadline(tls: ssl.SSLContext, context: ssl.SSLContext) -> None:
    async with serving(tls, silence) as server, AdsClient(server.url, ssl_context=context, deadline_s=0.3) as ads:
        with pytest.raises(DeadlineError):
            await ads.batch_status("1")
        assert len(server.asked) == 1, "a call out of time is not sent again"


async def test_server_that_accepts_and_never_shakes_hands_meets_the_connect_limit(context: ssl.SSLContext) -> None:
    async with serving(None, silence) as server:
        transport = Transport(ssl_context=context, clock=SystemClock(), max_connections=1, connect_limit_s=0.2)
        with pytest.raises(UnreachableError) as caught:
            await transport.post(HttpRequest(server.url, {}, b""), deadline_s=30, repeatable=True)
        await transport.close()
    assert not isinstance(caught.value, (DeadlineError, TlsError))


async def test_closed_port_is_unreachable_and_named(context: ssl.SSLContext) -> None:
    async with serving(None, silence) as server:
        url = server.url
    async with AdsClient(url, ssl_context=context) as ads:
        with pytest.raises(UnreachableError, match=f"localhost:{server.port}"):
            await ads.batch_status("1")


async def test_unknown_host_is_unreachable_with_a_cure(context: ssl.SSLContext) -> None:
    async with AdsClient("https://ads.invalid/ADS/APIWebService/v8", ssl_context=context) as ads:
        with pytest.raises(UnreachableError, match="cannot be resolved") as caught:
            await ads.batch_status("1")
    assert caught.value.cure


async def test_connections_are_kept_alive(tls: ssl.SSLContext, context: ssl.SSLContext) -> None:
    async with serving(tls, STATUS) as server, AdsClient(server.url, ssl_context=context) as ads:
        for _ in range(5):
            await ads.batch_status("1")
        assert (len(server.asked), server.connections) == (5, 1)


@pytest.mark.parametrize("end", [hang_up, reset], ids=["end of file", "reset"])
async def test_read_on_a_kept_connection_that_the_server_closes_is_sent_once_more_on_a_fresh_one(
    tls: ssl.SSLContext, context: ssl.SSLContext, end: Behaviour
) -> None:
    async with (
        serving(tls, STATUS, end, STATUS) as server,
        AdsClient(server.url, ssl_context=context) as ads,
    ):
        await ads.batch_status("1")
        assert await ads.batch_status("1") is BatchStatus.CLOSED
        assert [each.connection for each in server.asked] == [1, 1, 2]


async def test_a_read_is_sent_twice_at_most(tls: ssl.SSLContext, context: ssl.SSLContext) -> None:
    async with serving(tls, STATUS, hang_up) as server, AdsClient(server.url, ssl_context=context) as ads:
        await ads.batch_status("1")
        with pytest.raises(UnreachableError):
            await ads.batch_status("1")
        assert len(server.asked) == 3


async def test_connection_closed_while_idle_costs_nothing(tls: ssl.SSLContext, context: ssl.SSLContext) -> None:
    async with serving(tls, then_close(STATUS)) as server, AdsClient(server.url, ssl_context=context) as ads:
        for _ in range(3):
            assert await ads.batch_status("1") is BatchStatus.CLOSED


@pytest.mark.parametrize("end", [hang_up, reset], ids=["end of file", "reset"])
@pytest.mark.parametrize("order", ["accept", "decline", "partial", "validate"])
async def test_what_has_an_effect_is_never_sent_twice_and_its_outcome_is_said_to_be_unknown(
    tls: ssl.SSLContext, context: ssl.SSLContext, order: str, end: Behaviour
) -> None:
    async with (
        serving(tls, STATUS, end, ACCEPTED) as server,
        AdsClient(server.url, ssl_context=context) as ads,
    ):
        await ads.batch_status("1")
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "accept": lambda: ads.accept("1", "2"),
            "decline": lambda: ads.decline("1", "2", ReasonCode.LINE_DOWN),
            "partial": lambda: ads.partial_accept("1", "2", 5.0, ReasonCode.LINE_DOWN),
            "validate": lambda: ads.validate("1"),
        }
        with pytest.raises(UnreachableError):
            await calls[order]()
        assert len(server.asked) == 2


async def test_an_order_as_first_call_that_is_cut_off_is_unreachable_and_not_called_a_certificate_matter(
    tls: ssl.SSLContext, context: ssl.SSLContext
) -> None:
    async with serving(tls, hang_up) as server, AdsClient(server.url, ssl_context=context) as ads:
        with pytest.raises(UnreachableError):
            await ads.accept("1", "2")
        assert len(server.asked) == 1


async def test_orders_use_a_connection_of_their_own(tls: ssl.SSLContext, context: ssl.SSLContext) -> None:
    async with serving(tls, STATUS, ACCEPTED) as server, AdsClient(server.url, ssl_context=context) as ads:
        await ads.batch_status("1")
        assert await ads.accept("1", "2") is ResponseResult.RC_SUCCESS
        assert [each.connection for each in server.asked] == [1, 2]


async def test_short_body_is_an_error_and_no_value(tls: ssl.SSLContext, context: ssl.SSLContext) -> None:
    async with (
        serving(tls, short(envelope("getBatchStatus", "3"))) as server,
        AdsClient(server.url, ssl_context=context) as ads,
    ):
        with pytest.raises(UnreachableError, match="before the answer was complete"):
            await ads.batch_status("1")


async def test_redirect_is_an_error_and_never_followed(tls: ssl.SSLContext, context: ssl.SSLContext) -> None:
    async with serving(tls, STATUS) as target:
        elsewhere = answer("", status=302, Location=target.url)
        async with serving(tls, elsewhere) as server, AdsClient(server.url, ssl_context=context) as ads:
            with pytest.raises(HttpStatusError, match="302") as caught:
                await ads.batch_status("1")
            assert len(server.asked) == 1
        assert not target.asked
    assert "never followed" in caught.value.cure


async def test_proxy_in_the_environment_is_ignored(
    tls: ssl.SSLContext, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(None, silence) as trap:
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{trap.port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        async with serving(tls, STATUS) as server, AdsClient(server.url, ssl_context=context) as ads:
            assert await ads.batch_status("1") is BatchStatus.CLOSED
        assert trap.connections == 0


async def test_cookies_are_not_kept(tls: ssl.SSLContext, context: ssl.SSLContext) -> None:
    cookie = answer(envelope("getBatchStatus", "3"), Set_Cookie="session=canary")
    async with serving(tls, cookie) as server, AdsClient(server.url, ssl_context=context) as ads:
        await ads.batch_status("1")
        await ads.batch_status("1")
        assert all("cookie" not in each.headers for each in server.asked)


async def test_answer_beyond_the_size_limit_is_refused(tls: ssl.SSLContext, context: ssl.SSLContext) -> None:
    async with serving(tls, answer("x" * 5000)) as server:
        transport = Transport(ssl_context=context, clock=SystemClock(), max_connections=1, max_body_bytes=4000)
        with pytest.raises(WireError, match="larger than 4,000 bytes"):
            await transport.post(HttpRequest(server.url, {}, b""), deadline_s=5, repeatable=True)
        await transport.close()


async def test_answer_that_is_no_http_is_a_remote_error(tls: ssl.SSLContext, context: ssl.SSLContext) -> None:
    async def babble(_: Asked, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"\x00\x01 not http at all\r\n\r\n")
        return False

    async with serving(tls, babble) as server, AdsClient(server.url, ssl_context=context) as ads:
        with pytest.raises(RemoteError):
            await ads.batch_status("1")


async def test_client_can_be_used_again_after_close(tls: ssl.SSLContext, context: ssl.SSLContext) -> None:
    async with serving(tls, STATUS) as server:
        ads = AdsClient(server.url, ssl_context=context)
        await ads.batch_status("1")
        await ads.close()
        await ads.close()
        assert await ads.batch_status("1") is BatchStatus.CLOSED
        await ads.close()
