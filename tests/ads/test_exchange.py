"""The core without I/O: what is sent, and what each HTTP answer means."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiso_ads.ads.exchange import Endpoint, HttpReply, read_reply
from caiso_ads.core.model import DispatchBatch
from caiso_ads.errors import (
    ConfigError,
    HttpStatusError,
    NotSoapError,
    RemoteError,
    SoapFaultError,
    WireError,
)
from tests.ads.documents import BATCH, LIST, batch, batch_list, header, packed
from tests.ads.server import envelope, fault

URL = "https://ads.example/ADS/APIWebService/v8"
AT = datetime(2026, 7, 21, 23, 16, 5, tzinfo=UTC)
LOGIN = "<!DOCTYPE html><html><body>Sign in to the portal</body></html>"
XML = "text/xml; charset=utf-8"


def reply(body: str | bytes, status: int = 200, **headers: str) -> HttpReply:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    data = body.encode() if isinstance(body, str) else body
    return HttpReply(status, {"content-type": XML, **names}, data, AT)


def failure(answer: HttpReply) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        read_reply("getBatchStatus", "1", answer)
    return caught.value


# --- what is sent ---


def test_request_is_soap_1_1_as_clients_of_v8_send_it() -> None:
    request = Endpoint.of(URL).request("getDispatchBatch", {"batchUID": "D<1>"})
    assert request.url == URL
    assert request.headers == {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
    assert b"http://ads.caiso.com/api/webservices/dispatch/v8" in request.body
    assert b"D&lt;1&gt;" in request.body


@pytest.mark.parametrize(
    ("url", "version"),
    [
        (URL, "v8"),
        ("https://ads.example/ADS/APIWebService/v7", "v7"),
        ("https://ads.example/ADS/APIWebService/V7/", "v7"),
        ("https://ads.example/ADS/APIWebService/APIWebService_v8.wsdl", "v8"),
        ("https://v7.example/anything", "v8"),
    ],
)
def test_version_comes_from_the_path(url: str, version: str) -> None:
    assert Endpoint.of(url).version == version


def test_version_given_wins() -> None:
    assert Endpoint.of(URL, version="v7").version == "v7"


def test_responses_go_to_the_response_service() -> None:
    arguments = {"batchUID": "1", "instructionUID": "2"}
    beside = Endpoint.of(URL).request("acceptInstruction", arguments)
    assert beside.url == "https://ads.example/ADS/APIResponseWebService/v8"
    assert b"http://ads.caiso.com/api/webservices/response/v8" in beside.body
    given_one = Endpoint.of(URL, "https://other.example/respond").request("acceptInstruction", arguments)
    assert given_one.url == "https://other.example/respond"


def test_response_service_that_cannot_be_told_is_an_error_on_use() -> None:
    endpoint = Endpoint.of("https://ads.example/mine")
    endpoint.request("getBatchStatus", {"batchUID": "1"})
    with pytest.raises(ConfigError, match="response_url"):
        endpoint.request("acceptInstruction", {"batchUID": "1", "instructionUID": "2"})


@pytest.mark.parametrize(
    ("url", "response_url", "version", "key"),
    [
        ("http://ads.example/ADS/APIWebService/v8", None, None, "url"),
        ("ads.example", None, None, "url"),
        ("https://", None, None, "url"),
        ("https://user:canary@ads.example/x", None, None, "url"),
        (URL, "http://ads.example", None, "response_url"),
        (URL, None, "v9", "version"),
        ("https://ads.example/ADS/APIWebService/v6", None, None, "version"),
    ],
)
def test_unusable_address_names_its_key(url: str, response_url: str | None, version: str | None, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Endpoint.of(url, response_url, version)
    assert caught.value.key == key
    assert "canary" not in str(caught.value)


# --- what comes back ---


def test_receipt_keeps_payload_argument_and_both_times() -> None:
    text = packed(batch("D1"))
    receipt = read_reply(BATCH, "D1", reply(envelope(BATCH, text), date="Tue, 21 Jul 2026 23:16:04 GMT"))
    assert receipt.payload == text.encode()
    assert (receipt.operation, receipt.argument, receipt.received_at) == (BATCH, "D1", AT)
    assert receipt.server_date == datetime(2026, 7, 21, 23, 16, 4, tzinfo=UTC)
    assert isinstance(receipt.content, DispatchBatch)


@pytest.mark.parametrize("date", ["", "yesterday", "Tue, 99 Jul 2026 99:16:04 GMT"])
def test_date_header_that_is_none_is_none(date: str) -> None:
    assert read_reply(LIST, "-1", reply(envelope(LIST, batch_list()), date=date)).server_date is None


@pytest.mark.parametrize("text", ["H4sIAAAA", "no Base64 at all!", packed("<DispatchBatch"), packed("<other/>")])
def test_undecodable_content_is_kept_with_its_payload(text: str) -> None:
    receipt = read_reply(BATCH, "D1", reply(envelope(BATCH, text)))
    assert isinstance(receipt.content, WireError)
    assert receipt.payload == text.encode()


def test_answer_about_another_batch_is_refused() -> None:
    receipt = read_reply("getBatchHeader", "D1", reply(envelope("getBatchHeader", header("D2"))))
    assert isinstance(receipt.content, WireError)


@pytest.mark.parametrize("status", [200, 500])
def test_fault_is_told_whatever_the_status(status: int) -> None:
    error = failure(reply(fault("unknown batch <b>"), status))
    assert isinstance(error, SoapFaultError)
    assert error.text == "unknown batch <b>"


def test_fault_text_is_cut() -> None:
    assert len(str(failure(reply(fault("x" * 1_000_000), 500)))) < 2300


@pytest.mark.parametrize("status", [200, 500, 502])
def test_html_page_is_no_soap_and_never_an_empty_list(status: int) -> None:
    error = failure(reply(LOGIN, status, content_type="text/html"))
    assert isinstance(error, NotSoapError)
    assert "Sign in" in str(error)


@pytest.mark.parametrize("status", [204, 301, 302, 307, 400, 401, 403, 404, 429, 503])
def test_other_statuses_are_told_as_they_are(status: int) -> None:
    error = failure(reply(LOGIN, status, content_type="text/html"))
    assert isinstance(error, HttpStatusError)
    assert error.status == status


@pytest.mark.parametrize("status", [500, 502])
@pytest.mark.parametrize("body", ["", "  ", envelope("getBatchStatus", "3")[:-5]], ids=["empty", "blank", "cut off"])
def test_server_error_without_a_page_is_its_status(status: int, body: str) -> None:
    assert isinstance(failure(reply(body, status)), HttpStatusError)


def test_good_envelope_with_an_error_status_is_not_taken_for_an_answer() -> None:
    assert isinstance(failure(reply(envelope("getBatchStatus", "3"), 500)), HttpStatusError)


@pytest.mark.parametrize("status", [302, 401, 404])
def test_status_with_a_likely_reason_has_a_cure(status: int) -> None:
    assert failure(reply("", status, location="https://elsewhere.example")).cure


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("Tue, 21 Jul 2026 23:17:04 GMT", 60.0),
        ("Tue, 21 Jul 2026 23:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("٣", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_in_seconds_or_as_a_date_of_the_servers_clock(
    status: int, value: str, seconds: float | None
) -> None:
    error = failure(reply("busy", status, retry_after=value, date="Tue, 21 Jul 2026 23:16:04 GMT"))
    assert isinstance(error, HttpStatusError)
    assert error.retry_after_s == seconds


@settings(max_examples=150, deadline=None)
@given(
    body=st.binary(max_size=200) | st.text(max_size=100).map(str.encode),
    status=st.sampled_from([200, 204, 302, 404, 500, 502, 503]),
    date=st.text(max_size=40),
)
def test_any_answer_gives_a_receipt_or_one_of_our_errors(body: bytes, status: int, date: str) -> None:
    answer = HttpReply(status, {"content-type": XML, "date": date, "retry-after": date}, body, AT)
    with contextlib.suppress(RemoteError):
        assert read_reply("getDispatchBatch", "1", answer).argument == "1"
