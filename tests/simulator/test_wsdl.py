from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from caiso_ads.simulator.wsdl import wsdl
from caiso_ads.wire.operations import OPERATIONS, VERSIONS, Service

NS = {"w": "http://schemas.xmlsoap.org/wsdl/", "soap": "http://schemas.xmlsoap.org/wsdl/soap/"}
ADDRESS = 'https://localhost:1/ADS?a=1&b="2"'


@pytest.mark.parametrize("service", ["dispatch", "response"])
@pytest.mark.parametrize("version", ["v7", "v8"])
def test_every_operation_of_the_service_is_described_as_the_table_says(service: Service, version: str) -> None:
    root: Any = etree.fromstring(wsdl(service, VERSIONS[version], ADDRESS))
    expected = {o.name: o for o in OPERATIONS.values() if o.service == service}
    assert set(root.xpath("w:portType/w:operation/@name", namespaces=NS)) == set(expected)
    for name, operation in expected.items():
        parts = root.xpath(f"w:message[@name='{name}']/w:part", namespaces=NS)
        assert [(p.get("name"), p.get("type")) for p in parts] == [
            (a.name, f"xsd:{a.type}") for a in operation.arguments
        ]
        result = root.xpath(f"w:message[@name='{name}Response']/w:part/@type", namespaces=NS)
        assert result == ([f"xsd:{operation.result.wire_type}"] if operation.result.wire_type else [])


def test_the_namespace_is_the_versions_and_the_address_is_quoted() -> None:
    root: Any = etree.fromstring(wsdl("response", VERSIONS["v7"], ADDRESS))
    assert root.get("targetNamespace") == VERSIONS["v7"].response_namespace
    assert root.xpath("//soap:address/@location", namespaces=NS) == [ADDRESS]


@pytest.mark.parametrize(("encoded", "use"), [(False, "literal"), (True, "encoded")])
def test_bodies_are_rpc_literal_or_encoded(encoded: bool, use: str) -> None:  # noqa: FBT001 - one of the two cases
    root: Any = etree.fromstring(wsdl("dispatch", VERSIONS["v8"], ADDRESS, encoded=encoded))
    assert set(root.xpath("//soap:body/@use", namespaces=NS)) == {use}
    assert root.xpath("//soap:binding/@style", namespaces=NS) == ["rpc"]
