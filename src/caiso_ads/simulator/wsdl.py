"""The WSDL of both services, written from the table of operations. Rule: nothing about an operation is repeated here.

rpc/literal by default; rpc/encoded by switch, as the captured v8 requests suggest. The void answer of
validateDispatchBatch is a message without parts.
"""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from caiso_ads.wire.operations import OPERATIONS, Operation, Service, Version

_ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
_PREFIXES = {
    "xmlns": "http://schemas.xmlsoap.org/wsdl/",
    "xmlns:soap": "http://schemas.xmlsoap.org/wsdl/soap/",
    "xmlns:xsd": "http://www.w3.org/2001/XMLSchema",
}
_NAMES: dict[Service, str] = {"dispatch": "APIWebService", "response": "APIResponseWebService"}


def wsdl(service: Service, version: Version, address: str, *, encoded: bool = False) -> bytes:
    """Return the WSDL 1.1 of one service in one version, for clients that will call ``address``."""
    operations = [operation for operation in OPERATIONS.values() if operation.service == service]
    namespace = version.namespace(operations[0])
    name = _NAMES[service]
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<definitions name={quoteattr(name)} targetNamespace={quoteattr(namespace)} xmlns:tns={quoteattr(namespace)}",
        *(f"{prefix}={quoteattr(uri)}" for prefix, uri in _PREFIXES.items()),
        ">",
        *(_messages(operation) for operation in operations),
        f'<portType name="{name}">',
        *(_port_operation(operation) for operation in operations),
        "</portType>",
        f'<binding name="{name}Binding" type="tns:{name}">',
        '<soap:binding transport="http://schemas.xmlsoap.org/soap/http" style="rpc"/>',
        *(_bound_operation(operation, namespace, encoded=encoded) for operation in operations),
        "</binding>",
        f'<service name="{name}"><port name="{name}Port" binding="tns:{name}Binding">',
        f"<soap:address location={quoteattr(address)}/></port></service>",
        "</definitions>",
    ]
    return "\n".join(parts).encode("utf-8")


def _messages(operation: Operation) -> str:
    inputs = "".join(f'<part name="{a.name}" type="xsd:{a.type}"/>' for a in operation.arguments)
    kind = operation.result.wire_type
    output = f'<part name="result" type="xsd:{kind}"/>' if kind else ""
    return (
        f'<message name="{operation.name}">{inputs}</message>'
        f'<message name="{operation.name}Response">{output}</message>'
    )


def _port_operation(operation: Operation) -> str:
    order = " ".join(a.name for a in operation.arguments)
    return (
        f'<operation name="{operation.name}" parameterOrder="{order}">'
        f'<input message="tns:{operation.name}"/><output message="tns:{operation.name}Response"/></operation>'
    )


def _bound_operation(operation: Operation, namespace: str, *, encoded: bool) -> str:
    use = f'use="encoded" encodingStyle="{_ENCODING}"' if encoded else 'use="literal"'
    body = f"<soap:body {use} namespace={quoteattr(namespace)}/>"
    return (
        f'<operation name="{operation.name}"><soap:operation soapAction=""/>'
        f"<input>{body}</input><output>{body}</output></operation>"
    )
