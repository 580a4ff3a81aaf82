"""SOAP: every form an answer may take gives the same text; faults, pages and other answers are told apart."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from caiso_ads.errors import NotSoapError, SoapFaultError, WireError
from caiso_ads.wire.operations import OPERATIONS, VERSIONS
from caiso_ads.wire.soap import (
    ResultForm,
    decode_request,
    decode_response,
    encode_fault,
    encode_request,
    encode_response,
)
from tests.wire.strategies import LEGAL

V8 = VERSIONS["v8"]
NAMESPACE = V8.dispatch_namespace
STATUS = "getBatchStatus"


def _envelope(content: str, head: str = "", version: str = "http://schemas.xmlsoap.org/soap/envelope/") -> bytes:
    return f'<e:Envelope xmlns:e="{version}">{head}<e:Body>{content}</e:Body></e:Envelope>'.encode()


@pytest.mark.parametrize("version", ["v7", "v8"])
@pytest.mark.parametrize("name", list(OPERATIONS))
def test_a_request_survives_for_each_operation(name: str, version: str) -> None:
    operation = OPERATIONS[name]
    values: dict[str, str | float] = {"string": " a<&\r\n]]> ", "int": 10, "double": 25.5}
    arguments = {argument.name: values[argument.type] for argument in operation.arguments}
    request = decode_request(encode_request(VERSIONS[version], name, arguments))
    assert request.operation == name
    assert request.namespace == VERSIONS[version].namespace(operation)
    assert request.arguments == {key: str(value) for key, value in arguments.items()}


def test_a_request_has_the_form_of_the_public_client() -> None:
    root = etree.fromstring(encode_request(V8, STATUS, {"batchUID": "DISP-1"}))
    wrapper = root[1][0]
    assert root.tag == "{http://schemas.xmlsoap.org/soap/envelope/}Envelope"
    assert wrapper.tag == f"{{{NAMESPACE}}}{STATUS}"
    assert (
        wrapper.get("{http://schemas.xmlsoap.org/soap/envelope/}encodingStyle")
        == "http://schemas.xmlsoap.org/soap/encoding/"
    )
    assert wrapper[0].tag == "batchUID"
    assert wrapper[0].get("{http://www.w3.org/2001/XMLSchema-instance}type") == "xsd:string"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("getEverything", {}),
        (STATUS, {}),
        (STATUS, {"batchUID": "\0"}),
        ("declineInstruction", {"batchUID": "B", "instructionUID": "I", "reasonCode": "ten"}),
        (
            "partialAcceptInstruction",
            {"batchUID": "B", "instructionUID": "I", "acceptDOT": float("nan"), "reasonCode": 10},
        ),
    ],
)
def test_a_request_that_cannot_be_written_is_refused(name: str, arguments: dict[str, str | float]) -> None:
    with pytest.raises(WireError):
        encode_request(V8, name, arguments)


@pytest.mark.parametrize(
    "content",
    [
        f'<{STATUS} xmlns="{NAMESPACE}"><batchUID>U</batchUID></{STATUS}>',
        f'<n:{STATUS} xmlns:n="{NAMESPACE}"><n:batchUID>U</n:batchUID><more/></n:{STATUS}>',
        f'<n:{STATUS} xmlns:n="{NAMESPACE}"><batchUID href="#i"/></n:{STATUS}><multiRef id="i">U</multiRef>',
        f'<n:{STATUS} xmlns:n="{NAMESPACE}"><batchUID><![CDATA[U]]></batchUID></n:{STATUS}>',
    ],
)
def test_requests_of_other_clients_are_read(content: str) -> None:
    request = decode_request(_envelope(content))
    assert (request.operation, request.namespace, request.arguments) == (STATUS, NAMESPACE, {"batchUID": "U"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html/>",
        b'<e:Envelope xmlns:e="urn:e"/>',
        _envelope(""),
        _envelope("<a/><b/>"),
        _envelope("<getEverything/>"),
        _envelope(f"<{STATUS}/>"),
        _envelope(f'<{STATUS}><batchUID href="#gone"/></{STATUS}>'),
    ],
)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(WireError):
        decode_request(body)


@given(LEGAL, st.sampled_from(["escaped", "cdata"]))
def test_any_text_survives_as_a_result(text: str, form: ResultForm) -> None:
    read = decode_response(STATUS, encode_response(NAMESPACE, STATUS, text, form=form))
    # A CDATA section has no way to keep a carriage return; XML reads it as a line break.
    assert read == (text if form == "escaped" else text.replace("\r\n", "\n").replace("\r", "\n"))


def test_an_answer_has_the_form_of_the_wire() -> None:
    body = encode_response(NAMESPACE, STATUS, "3")
    assert b"<SOAP-ENV:Header/><SOAP-ENV:Body>" in body
    assert b"<result>3</result>" in body
    assert b"result" not in encode_response(NAMESPACE, "validateDispatchBatch", None)


def test_inline_xml_is_written_out_again() -> None:
    document = (
        '<?xml version="1.0"?><DispatchBatch xmlns="http://ads.caiso.com" batchUID="B"><x>é &amp; 1</x></DispatchBatch>'
    )
    body = encode_response(NAMESPACE, "getBatchHeader", document, form="inline")
    read = etree.fromstring(decode_response("getBatchHeader", body))
    plain = etree.fromstring(document)
    assert etree.tostring(read, method="c14n", exclusive=True) == etree.tostring(plain, method="c14n", exclusive=True)
    assert decode_response(STATUS, encode_response(NAMESPACE, STATUS, "3", form="inline")) == "3"


def test_unwritable_answers_are_refused() -> None:
    for form in ("escaped", "cdata", "inline"):
        with pytest.raises(WireError):
            encode_response(NAMESPACE, STATUS, "<\0", form=form)
    with pytest.raises(WireError):
        encode_response(NAMESPACE, "getEverything", "")


_OK = f"{STATUS}Response"


@pytest.mark.parametrize(
    "body",
    [
        _envelope(f'<v8:{_OK} xmlns:v8="{NAMESPACE}"><result>3</result></v8:{_OK}>', "<e:Header/>"),
        _envelope(f"<{_OK}><result>3</result></{_OK}>"),
        _envelope(f"<{_OK}><return>3</return></{_OK}>", version="http://www.w3.org/2003/05/soap-envelope"),
        _envelope(f'<n:{_OK} xmlns:n="urn:other"><n:result>3</n:result></n:{_OK}>'),
        _envelope(f'<{_OK} xmlns:i="urn:i"><result i:type="xsd:int">3</result></{_OK}>'),
        _envelope(f"<{_OK}><result><![CDATA[3]]></result></{_OK}>"),
        _envelope(f'<{_OK}><result href="#id0"/></{_OK}><multiRef id="id0">3</multiRef>'),
        _envelope(f'<{_OK}><result ref="id0"/></{_OK}><value id="id0">3</value>'),
        _envelope("<answer><result>3</result></answer>"),
        _envelope(f"<{_OK}><later/><result>3</result></{_OK}>", "<e:Header><x>1</x></e:Header>"),
        f'<?xml version="1.0" encoding="UTF-16"?><Envelope><Body><{_OK}><result>3</result></{_OK}></Body></Envelope>'.encode(
            "utf-16"
        ),
    ],
)
def test_every_form_of_an_answer_gives_the_same_text(body: bytes) -> None:
    assert decode_response(STATUS, body, "text/xml") == "3"


@pytest.mark.parametrize("content", [f"<{_OK}/>", f"<{_OK}> </{_OK}>", f"<{_OK}><result/></{_OK}>"])
def test_a_missing_result_is_an_empty_text(content: str) -> None:
    assert decode_response(STATUS, _envelope(content)) == ""


@pytest.mark.parametrize(
    "content",
    [
        "<getDispatchBatchResponse><result>3</result></getDispatchBatchResponse>",
        "<someOtherResponse><result>3</result></someOtherResponse>",
        "<answer/>",
        f"<{_OK}>3</{_OK}>",
        f"<{_OK}><other>3</other></{_OK}>",
        f"<{_OK}><result>3</result><result>4</result></{_OK}>",
        f"<{_OK}><result>3<a/></result></{_OK}>",
        f"<{_OK}><result><a/><b/></result></{_OK}>",
        f'<{_OK}><result href="#gone"/></{_OK}>',
        f"<{_OK}/><{_OK}/>",
        "",
    ],
)
def test_an_answer_to_something_else_or_with_no_clear_result_is_refused(content: str) -> None:
    with pytest.raises(WireError):
        decode_response(STATUS, _envelope(content))


def test_a_fault_is_told_with_its_code_and_text() -> None:
    with pytest.raises(SoapFaultError) as caught:
        decode_response(STATUS, encode_fault("Server", "no such batch <&>"))
    assert (caught.value.code, caught.value.text) == ("SOAP-ENV:Server", "no such batch <&>")


@pytest.mark.parametrize(
    ("fault", "code", "text"),
    [
        (
            "<f:Code xmlns:f='urn:f'><f:Value>f:Sender</f:Value></f:Code><Reason><Text>bad\n uid</Text></Reason>",
            "f:Sender",
            "bad uid",
        ),
        ("<faultcode>c</faultcode><detail><x>why</x></detail>", "c", "why"),
        ("", "no code", "no text"),
    ],
)
def test_faults_of_other_forms_are_told_too(fault: str, code: str, text: str) -> None:
    with pytest.raises(SoapFaultError) as caught:
        decode_response(STATUS, _envelope(f"<e:Fault>{fault}</e:Fault>"))
    assert (caught.value.code, caught.value.text) == (code, text)


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><html><body>Please sign in</body></html>",
        b"<html><body>Please sign in</body></html>",
        b"<html><br><p>down for maintenance",
        b"Service unavailable",
        b"",
        b"\xff\xfe\xfd",
        b"<a/>",
    ],
)
def test_a_page_that_is_no_soap_is_told_as_such(body: bytes) -> None:
    with pytest.raises(NotSoapError) as caught:
        decode_response(STATUS, body, "text/html")
    assert caught.value.content_type == "text/html"


@pytest.mark.parametrize(
    "body",
    [
        encode_response(NAMESPACE, STATUS, "3")[:-20],
        _envelope(f"<{_OK}><result>&undefined;</result></{_OK}>"),
        b'<!DOCTYPE e [<!ENTITY x "y">]>' + _envelope(f"<{_OK}><result>&x;</result></{_OK}>"),
        b"<Envelope/>",
    ],
)
def test_broken_soap_is_a_wire_error(body: bytes) -> None:
    with pytest.raises(WireError):
        decode_response(STATUS, body, "text/xml")


@st.composite
def _damaged(draw: st.DrawFn) -> bytes:
    body = draw(
        st.sampled_from(
            [
                encode_response(NAMESPACE, STATUS, "3"),
                encode_fault("Server", "x"),
                encode_request(V8, STATUS, {"batchUID": "U"}),
            ]
        )
    )
    start = draw(st.integers(0, len(body)))
    end = draw(st.integers(start, min(len(body), start + 30)))
    return body[:start] + draw(st.binary(max_size=6)) + body[end:]


@given(st.binary() | _damaged(), st.text(max_size=20))
def test_any_bytes_give_a_text_or_a_named_error(body: bytes, content_type: str) -> None:
    for name in OPERATIONS:
        with suppress(WireError, SoapFaultError, NotSoapError):
            assert isinstance(decode_response(name, body, content_type), str)
    with suppress(WireError):
        decode_request(body)
