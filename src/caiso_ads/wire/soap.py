"""SOAP messages <-> an operation with its arguments, or the text of its result. One call in, one call out.

Rule: tolerant about form (prefix, SOAP 1.1 or 1.2, qualified or not, multiref, escaped or inline XML), strict about
meaning: an answer to another operation is refused, a fault and a page that is no SOAP are errors of their own.
Spec: ADS API v7 §1.4 (faults), §2 and §3; the request's form is that of a public v8 client.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from lxml import etree
from lxml.etree import _Element as Element

from caiso_ads.errors import NotSoapError, SoapFaultError, WireError
from caiso_ads.wire.operations import OPERATIONS, Argument, Operation, Version
from caiso_ads.wire.scalars import BLANKS, read_double, read_int, write_double
from caiso_ads.wire.tree import attribute_text, local, parse, text_within, to_utf8
from caiso_ads.wire.writing import escaped

ResultForm: TypeAlias = Literal["escaped", "cdata", "inline"]
"""How an XML result lies in the answer: as escaped text, in a CDATA section, or as elements."""

SOAP_NAMESPACE = "http://schemas.xmlsoap.org/soap/envelope/"
_ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
_OPEN = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    f'<SOAP-ENV:Envelope xmlns:SOAP-ENV="{SOAP_NAMESPACE}"{{more}}><SOAP-ENV:Header/><SOAP-ENV:Body>'
)
_TYPES = ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
_CLOSE = "</SOAP-ENV:Body></SOAP-ENV:Envelope>"
_ENVELOPE = re.compile(rb"<(?:[\w.\-]+:)?Envelope[\s>/]")
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_HEAD = 4096


@dataclass(frozen=True, slots=True)
class SoapRequest:
    """A request as a server reads it: the operation, the wrapper's namespace and the arguments' texts as sent."""

    operation: str
    namespace: str
    arguments: dict[str, str]


def encode_request(version: Version, operation_name: str, arguments: Mapping[str, str | float]) -> bytes:
    """Write a request. Raises WireError for an unknown operation, a missing or an unwritable argument."""
    operation = _operation(operation_name)
    parts = "".join(
        f'<{argument.name} xsi:type="xsd:{argument.type}">{_written(operation, argument, arguments)}</{argument.name}>'
        for argument in operation.arguments
    )
    wrapper = (
        f'<ads:{operation.name} xmlns:ads="{version.namespace(operation)}" SOAP-ENV:encodingStyle="{_ENCODING}">'
        f"{parts}</ads:{operation.name}>"
    )
    return (_OPEN.format(more=_TYPES) + wrapper + _CLOSE).encode("utf-8")


def decode_request(body: bytes) -> SoapRequest:
    """Read a request as a server; an argument more than needed is ignored.

    Raises WireError when it is no SOAP, names no known operation or lacks an argument.
    """
    soap_body = _soap_body(parse(body))
    wrapper = _wrapper(soap_body)
    operation = _operation(local(wrapper.tag))
    given = {local(part.tag): _text(_resolved(part, soap_body), operation.name) for part in wrapper}
    missing = [argument.name for argument in operation.arguments if argument.name not in given]
    if missing:
        raise WireError(f"argument {missing[0]} is missing", where=operation.name)
    namespace = etree.QName(wrapper).namespace or ""
    return SoapRequest(
        operation.name, namespace, {argument.name: given[argument.name] for argument in operation.arguments}
    )


def encode_response(namespace: str, operation_name: str, result: str | None, *, form: ResultForm = "escaped") -> bytes:
    """Write an answer as the ISO does; None writes no ``result`` part. Raises WireError for unwritable text."""
    part = "" if result is None else f"<result>{_FORMS[form](result)}</result>"
    name = f"ads:{_operation(operation_name).name}Response"
    wrapper = f'<{name} xmlns:ads="{escaped(namespace)}">{part}</{name}>'
    return (_OPEN.format(more="") + wrapper + _CLOSE).encode("utf-8")


def encode_fault(code: str, text: str) -> bytes:
    """Write a SOAP 1.1 fault; ``code`` is Client or Server. Interpretation: Spring's form, no real one is public."""
    fault = (
        f"<SOAP-ENV:Fault><faultcode>SOAP-ENV:{escaped(code)}</faultcode>"
        f'<faultstring xml:lang="en">{escaped(text)}</faultstring></SOAP-ENV:Fault>'
    )
    return (_OPEN.format(more="") + fault + _CLOSE).encode("utf-8")


def decode_response(operation_name: str, body: bytes, content_type: str = "") -> str:
    """Return the text of ``result`` as received, empty when there is none; inline XML is written out again.

    Raises SoapFaultError for a fault, NotSoapError for a page of another kind, and WireError for SOAP that cannot be
    read or that answers another operation.
    """
    operation = _operation(operation_name)
    try:
        root = parse(body)
    except WireError:
        _check_is_soap(body, content_type)
        raise
    if local(root.tag) != "Envelope":
        raise NotSoapError(content_type, _beginning(body))
    soap_body = _soap_body(root)
    for child in soap_body:
        if local(child.tag) == "Fault":
            raise _fault(child)
    return _result(operation, soap_body)


def _result(operation: Operation, soap_body: Element) -> str:
    wrapper = _wrapper(soap_body)
    name = local(wrapper.tag)
    own_name = f"{operation.name}Response"
    if name != own_name and name.endswith("Response"):
        raise WireError(f"the answer is a {name[:60]!r}", where=own_name)
    parts = [child for child in wrapper if local(child.tag) in ("result", "return")]
    if len(parts) > 1:
        raise WireError("more than one result", where=own_name)
    if parts:
        return _text(_resolved(parts[0], soap_body), f"{own_name}/result")
    if len(wrapper) or (wrapper.text or "").strip(BLANKS) or name != own_name:
        raise WireError("holds no result", where=own_name)
    return ""


def _text(result: Element, where: str) -> str:
    """Return the text of an element, or the one element in it as text."""
    if not len(result):
        return result.text or ""
    around = (result.text or "") + "".join(child.tail or "" for child in result)
    if len(result) > 1 or around.strip(BLANKS):
        raise WireError("holds text mixed with elements", where=where)
    return etree.tostring(result[0], encoding="unicode", with_tail=False)


def _soap_body(root: Element) -> Element:
    if local(root.tag) != "Envelope":
        raise WireError(f"not a SOAP envelope but a {local(root.tag)[:60]!r}")
    body = next((child for child in root if local(child.tag) == "Body"), None)
    if body is None:
        raise WireError("has no Body", where="Envelope")
    return body


def _wrapper(soap_body: Element) -> Element:
    """Return the one child of the body, not counting values that multiref puts beside it."""
    candidates = [
        child for child in soap_body if local(child.tag) != "multiRef" and attribute_text(child, "id") is None
    ]
    if len(candidates) != 1:
        raise WireError(f"{len(candidates)} elements where one call was expected", where="Body")
    return candidates[0]


def _resolved(part: Element, soap_body: Element) -> Element:
    """Follow one reference of SOAP encoding (``href="#x"`` or ``ref="x"``) to the value it stands for."""
    reference = attribute_text(part, "href") or attribute_text(part, "ref")
    if not reference:
        return part
    target = reference.removeprefix("#")
    for value in soap_body.iter():
        if attribute_text(value, "id") == target:
            return value
    raise WireError(f"refers to {reference[:60]!r}, which is not there", where=local(part.tag))


def _fault(fault: Element) -> SoapFaultError:
    """Read a fault of SOAP 1.1 (faultcode, faultstring) or 1.2 (Code/Value, Reason/Text)."""
    texts = {local(child.tag): " ".join(text_within(child).split()) for child in fault}
    code = texts.get("faultcode") or texts.get("Code") or "no code"
    text = texts.get("faultstring") or texts.get("Reason") or texts.get("detail") or texts.get("Detail") or "no text"
    return SoapFaultError(code, text)


def _check_is_soap(body: bytes, content_type: str) -> None:
    """Raise NotSoapError unless bytes that are no XML at least begin as an envelope."""
    try:
        head = to_utf8(body)[:_HEAD]
    except WireError:
        head = body[:_HEAD]
    if not _ENVELOPE.search(head):
        raise NotSoapError(content_type, _beginning(body))


def _beginning(body: bytes) -> str:
    return body[:200].decode("utf-8", "replace")


def _operation(name: str) -> Operation:
    operation = OPERATIONS.get(name)
    if operation is None:
        raise WireError(f"no operation {name[:60]!r}")
    return operation


def _written(operation: Operation, argument: Argument, arguments: Mapping[str, str | float]) -> str:
    """Write one argument; a number must be one."""
    try:
        value = arguments[argument.name]
    except KeyError:
        raise WireError(f"argument {argument.name} is missing", where=operation.name) from None
    if argument.type == "double":
        return write_double(read_double(str(value)))
    return str(read_int(str(value))) if argument.type == "int" else escaped(str(value))


def _cdata(text: str) -> str:
    escaped(text)  # refuses what XML cannot carry
    return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"


def _inline(text: str) -> str:
    plain = escaped(text)  # refuses what XML cannot carry
    return _XML_DECLARATION.sub("", text, count=1) if text.lstrip().startswith("<") else plain


_FORMS = {"escaped": escaped, "cdata": _cdata, "inline": _inline}
