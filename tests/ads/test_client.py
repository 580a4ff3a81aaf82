"""All operations through a real connection: Receipts of the Source port, nouns of the library."""

from __future__ import annotations

import logging
import ssl
import traceback
from datetime import UTC, datetime
from pathlib import Path

import pytest

from caiso_ads.ads.client import AdsClient
from caiso_ads.ads.tls import client_context
from caiso_ads.core.codes import BatchStatus, ReasonCode, ResponseResult
from caiso_ads.core.model import DispatchBatch, LoadFollowingRequest, MssLfRequest
from caiso_ads.errors import DeadlineError, LocalError, UnreachableError, WireError
from caiso_ads.ports import Source
from caiso_ads.wire.payload import BadItem, decode_mss_request
from caiso_ads.wire.soap import decode_request
from tests.ads.documents import (
    BATCH,
    HEADER,
    LIST,
    TRAJECTORY,
    batch,
    batch_list,
    gives,
    header,
    packed,
    trajectory_list,
)
from tests.ads.pki import PASSPHRASE, Identity, secret
from tests.ads.server import Server, hang_up, serving, silence

BAD = '<DispatchBatch batchUID="D2"><batchStatus>odd</batchStatus></DispatchBatch>'


def test_the_client_is_a_source(context: ssl.SSLContext) -> None:
    source: Source = AdsClient("https://ads.example/ADS/APIWebService/v8", ssl_context=context)
    assert source is not None


async def test_list_comes_in_the_order_of_the_iso(tls: ssl.SSLContext, context: ssl.SSLContext) -> None:
    answer = gives(LIST, batch_list(header("D9"), header("D1"), header("D5")))
    async with serving(tls, answer) as server, AdsClient(server.url, ssl_context=context) as ads:
        assert [each.batch_uid for each in await ads.dispatch_batches_since("D0")] == ["D9", "D1", "D5"]
        receipt = await ads.list_since("-1")
    assert receipt.server_date == datetime(2026, 7, 21, 23, 16, 5, tzinfo=UTC)
    assert (receipt.operation, receipt.argument) == (LIST, "-1")
    assert "D0" in server.asked[0].body
    assert "-1" in server.asked[1].body


async def test_empty_list_is_an_empty_list(tls: ssl.SSLContext, context: ssl.SSLContext) -> None:
    async with serving(tls, gives(LIST, batch_list())) as server, AdsClient(server.url, ssl_context=context) as ads:
        assert await ads.dispatch_batches_since() == []


async def test_bad_item_stays_apart_in_the_receipt_and_is_raised_by_the_plain_method(
    tls: ssl.SSLContext, context: ssl.SSLContext
) -> None:
    answer = gives(LIST, batch_list(header("D1"), BAD, header("D3")))
    async with serving(tls, answer) as server, AdsClient(server.url, ssl_context=context) as ads:
        content = (await ads.list_since("-1")).content
        assert not isinstance(content, WireError)
        assert [type(each) for each in content] == [DispatchBatch, BadItem, DispatchBatch]
        with pytest.raises(WireError):
            await ads.dispatch_batches_since("-1")


async def test_batch_with_instructions(tls: ssl.SSLContext, context: ssl.SSLContext) -> None:
    async with (
        serving(tls, gives(BATCH, packed(batch("D1")))) as server,
        AdsClient(server.url, ssl_context=context) as ads,
    ):
        (instruction,) = (await ads.dispatch_batch("D1")).instructions
        assert (instruction.resource_id, instruction.dot_mw) == ("PLANT_7_UNIT 1", 25.0)


async def test_header_status_flag_and_trajectories(tls: ssl.SSLContext, context: ssl.SSLContext) -> None:
    script = (
        gives(HEADER, header("D1")),
        gives("getBatchStatus", "42"),
        gives("isNewTrajData", "true"),
        gives("isNewTrajData", "0"),
        gives(TRAJECTORY, packed(trajectory_list("TRAJ-1", "TRAJ-2"))),
    )
    async with serving(tls, *script) as server, AdsClient(server.url, ssl_context=context) as ads:
        assert (await ads.batch_header("D1")).revision_no == 2
        unknown = await ads.batch_status("D1")
        assert (int(unknown), unknown.is_known) == (42, False)
        assert await ads.is_new_trajectory("TRAJ-0") is True
        assert await ads.is_new_trajectory("TRAJ-0") is False
        first, second = await ads.trajectories_since("TRAJ-0")
        assert (first.batch_uid, second.batch_uid, first.dops[0].dop_mw) == ("TRAJ-1", "TRAJ-2", 31.5)


async def test_undecodable_batch_is_kept_in_the_receipt_and_raised_by_the_plain_method(
    tls: ssl.SSLContext, context: ssl.SSLContext
) -> None:
    async with serving(tls, gives(BATCH, "H4sIAAA")) as server, AdsClient(server.url, ssl_context=context) as ads:
        receipt = await ads.fetch_batch("D1")
        assert isinstance(receipt.content, WireError)
        assert receipt.payload == b"H4sIAAA"
        with pytest.raises(WireError):
            await ads.dispatch_batch("D1")


async def test_validate_confirms_a_dispatch_batch(tls: ssl.SSLContext, context: ssl.SSLContext) -> None:
    async with (
        serving(tls, gives("validateDispatchBatch", None)) as server,
        AdsClient(server.url, ssl_context=context) as ads,
    ):
        await ads.validate("D1")
        assert "validateDispatchBatch" in server.asked[0].body


@pytest.mark.parametrize("uid", ["TRAJ-1", " traj-1"])
async def test_trajectory_batch_is_never_validated(tls: ssl.SSLContext, context: ssl.SSLContext, uid: str) -> None:
    async with serving(tls, hang_up) as server, AdsClient(server.url, ssl_context=context) as ads:
        with pytest.raises(LocalError, match="trajectory"):
            await ads.validate(uid)
        assert not server.connections


async def test_answers_of_the_response_service_are_result_codes(tls: ssl.SSLContext, context: ssl.SSLContext) -> None:
    script = (
        gives("acceptInstruction", "0"),
        gives("declineInstruction", "2"),
        gives("partialAcceptInstruction", "1"),
    )
    async with serving(tls, *script) as server, AdsClient(server.url, ssl_context=context) as ads:
        assert await ads.accept("D1", "D1-I7") is ResponseResult.RC_SUCCESS
        assert await ads.decline("D1", "D1-I7", ReasonCode.UNIT_DERATE) is ResponseResult.RC_INVALID_RESPONSE_PERIOD
        partial = await ads.partial_accept("D1", "D1-I7", 12.5, ReasonCode.UNIT_DERATE)
        assert partial is ResponseResult.RC_INVALID_RESPONSE
    assert {each.path for each in server.asked} == {"/ADS/APIResponseWebService/v8"}
    body = server.asked[2].body
    assert all(text in body for text in ("D1-I7", "12.5", "13", "acceptDOT", "reasonCode"))


@pytest.mark.parametrize("amount", [float("nan"), float("inf")])
async def test_amount_that_is_no_number_is_not_sent(
    tls: ssl.SSLContext, context: ssl.SSLContext, amount: float
) -> None:
    async with serving(tls, hang_up) as server, AdsClient(server.url, ssl_context=context) as ads:
        with pytest.raises(LocalError, match="accept_dot_mw"):
            await ads.partial_accept("D1", "D1-I7", amount, ReasonCode.UNIT_DERATE)
        assert not server.connections


async def test_load_following_request_and_its_verdict(tls: ssl.SSLContext, context: ssl.SSLContext) -> None:
    verdict = (
        '<MSSLFResponse xmlns="http://ads.caiso.com"><caisoMSSBatchId>C1</caisoMSSBatchId>'
        "<scMSSBatchId>S1</scMSSBatchId><mssLFInstructionResponses><MSSLFInstructionResponse>"
        "<caisoMSSBatchId>C1</caisoMSSBatchId><caisoMSSLFInstructionId>C1-1</caisoMSSLFInstructionId>"
        "<scMSSBatchId>S1</scMSSBatchId><scMSSLFInstructionId>S1-1</scMSSLFInstructionId>"
        "<validated>true</validated></MSSLFInstructionResponse></mssLFInstructionResponses></MSSLFResponse>"
    )
    at = datetime(2026, 7, 21, 23, tzinfo=UTC)
    row = LoadFollowingRequest(
        sc_mss_batch_id="S1",
        sc_instruction_id="S1-1",
        resource_id="PLANT",
        start_time=at,
        end_time=at.replace(minute=5),
        load_following_mw=-3.5,
    )
    async with (
        serving(tls, gives("submitMSSLFRequest", verdict)) as server,
        AdsClient(server.url, ssl_context=context) as ads,
    ):
        request = MssLfRequest(sc_mss_batch_id="S1", requests=(row,))
        found = await ads.submit_mss_lf_request(request)
    assert [each.validated for each in found.results] == [True]
    sent = decode_request(server.asked[0].body.encode()).arguments["request"]
    assert decode_mss_request(sent) == request  # the server reads what was meant


async def asked_deadlines(server: Server, context: ssl.SSLContext, *uids: str) -> list[str]:
    """Ask a silent server for lists; return which deadline each call met."""
    met = []
    async with AdsClient(server.url, ssl_context=context, deadline_s=0.1, list_deadline_s=0.25) as ads:
        for uid in uids:
            with pytest.raises(DeadlineError) as caught:
                await ads.list_since(uid)
            met.append("short" if "0.1 s" in str(caught.value) else "long")
    return met


async def test_whole_cache_has_the_long_deadline_and_so_has_every_second_try_of_a_late_list(
    tls: ssl.SSLContext, context: ssl.SSLContext
) -> None:
    async with serving(tls, silence) as server:
        assert await asked_deadlines(server, context, "-1", "-1") == ["long", "long"]
        assert await asked_deadlines(server, context, "D1", "D1", "D1", "D1") == ["short", "long", "short", "long"]


async def test_nothing_secret_is_told(
    tmp_path: Path, tls: ssl.SSLContext, ca_file: Path, plant: Identity, caplog: pytest.LogCaptureFixture
) -> None:
    context = client_context(
        ca_file=ca_file,
        certificate=plant.p12(tmp_path / "plant.p12"),
        passphrase_file=secret(tmp_path / "pass", PASSPHRASE),
    )
    key_line = plant.key_pem().decode().splitlines()[1]
    with caplog.at_level(logging.DEBUG):
        async with serving(tls, gives("getBatchStatus", "3"), hang_up) as server:
            ads = AdsClient(server.url, ssl_context=context)
            assert await ads.batch_status("D1") is BatchStatus.CLOSED
            with pytest.raises(UnreachableError) as caught:
                await ads.batch_status("D1")
            await ads.close()
    error = caught.value
    told = [repr(ads), str(vars(ads)), str(error), repr(error), caplog.text]
    # What a traceback with local variables would show of our own frames.
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if "src" in frame.f_code.co_filename]
    told += [repr(frame.f_locals) for frame in frames]
    assert len(frames) > 2
    for secret_text in (PASSPHRASE.decode(), key_line, "PRIVATE KEY-----"):
        assert not [text for text in told if secret_text in text]
