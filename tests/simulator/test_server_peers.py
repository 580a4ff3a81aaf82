"""Foreign SOAP clients, zeep and suds, load the WSDL over mutual TLS and use every operation."""

from __future__ import annotations

import asyncio
import base64
import gzip
import ssl
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import suds.client
import suds.transport.http
import zeep
import zeep.exceptions
from lxml import etree

from caiso_ads.core.codes import BatchType
from caiso_ads.simulator.fleet import OPERATOR
from caiso_ads.simulator.kit import KitPaths, write_kit
from caiso_ads.simulator.ledger import RESPONSE
from caiso_ads.simulator.server import AdsSimulator
from caiso_ads.simulator.switches import Switches
from caiso_ads.wire.operations import OPERATIONS
from tests.simulator.bench import HandClock
from tests.simulator.test_mss import _request

pytestmark = pytest.mark.slow

OPEN = datetime(2026, 7, 22, 19, 58, tzinfo=UTC)  # three minutes after an hourly batch, inside its window
Service = Any
Connect = Callable[[KitPaths, str], Service]


class _SudsTransport(suds.transport.http.HttpTransport):  # type: ignore[misc]  # suds has no types
    """Suds over mutual TLS, without proxies of the environment."""

    def __init__(self, kit: KitPaths) -> None:
        super().__init__()
        self._context = ssl.create_default_context(cafile=str(kit.ca))
        self._context.load_cert_chain(kit.certificate, kit.key)

    def u2handlers(self) -> list[urllib.request.BaseHandler]:
        return [urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self._context)]


def _zeep(kit: KitPaths, url: str) -> Service:
    session = requests.Session()
    session.trust_env = False
    session.cert, session.verify = (str(kit.certificate), str(kit.key)), str(kit.ca)
    peer: Any = zeep  # untyped
    return peer.Client(f"{url}?WSDL", transport=peer.Transport(session=session)).service


def _suds(kit: KitPaths, url: str) -> Service:
    return suds.client.Client(f"{url}?WSDL", transport=_SudsTransport(kit), cache=None).service


def _document(text: Any) -> Any:
    raw = str(text)
    return etree.fromstring(raw.encode() if raw.lstrip().startswith("<") else gzip.decompress(base64.b64decode(raw)))


def _use_everything(ads: AdsSimulator, kit: KitPaths, connect: Connect, version: str) -> dict[str, Any]:
    """Call all eleven operations and return what came back, made plain."""
    dispatch = connect(kit, ads.url.replace("v8", version))
    response = connect(kit, ads.response_url.replace("v8", version))
    hourly = ads.market.newest(BatchType.HOURLY_PRE_DISPATCH)
    assert hourly is not None
    listed = list(_document(dispatch.getDispatchBatchesSinceUID("-1")).xpath("//@batchUID"))
    batch = _document(dispatch.getDispatchBatch(hourly.uid))
    instruction = batch.xpath("//@instructionUID")[0]
    return {
        "getDispatchBatchesSinceUID": listed,
        "getBatchStatus": int(dispatch.getBatchStatus(hourly.uid)),
        "getDispatchBatch": batch.xpath("//*[local-name()='resourceId']/text()"),
        "getBatchHeader": _document(dispatch.getBatchHeader(hourly.uid)).get("batchUID"),
        "isNewTrajData": bool(dispatch.isNewTrajData("-1")),
        "getTrajectoryData": len(_document(dispatch.getTrajectoryData("-1")).xpath("//@batchUID")),
        "validateDispatchBatch": dispatch.validateDispatchBatch(hourly.uid) or None,
        "submitMSSLFRequest": _document(dispatch.submitMSSLFRequest(_request(("STNLKE_7_HYDRO1", 15)))).xpath(
            "//*[local-name()='validated']/text()"
        ),
        "declineInstruction": int(response.declineInstruction(hourly.uid, instruction, 11)),
        "partialAcceptInstruction": int(response.partialAcceptInstruction(hourly.uid, instruction, 1.5, 11)),
        "acceptInstruction": int(response.acceptInstruction(hourly.uid, instruction)),
    }


@pytest.mark.parametrize("version", ["v7", "v8"])
@pytest.mark.parametrize("connect", [_zeep, _suds], ids=["zeep", "suds"])
async def test_a_foreign_client_uses_all_eleven_operations(connect: Connect, version: str, tmp_path: Path) -> None:
    async with AdsSimulator(clock=HandClock(OPEN), directory=tmp_path) as ads:
        kit = write_kit(tmp_path, ads.url, ads.response_url, ads.fleet, modbus_port=5020, poll_interval_s=1)
        hourly = ads.market.newest(BatchType.HOURLY_PRE_DISPATCH)
        assert hourly is not None
        seen = await asyncio.to_thread(_use_everything, ads, kit, connect, version)
    assert seen == {
        "getDispatchBatchesSinceUID": [entry.uid for entry in ads.market.dispatches],
        "getBatchStatus": 1,
        "getDispatchBatch": ["NORTIE_5_IMPRT1"],
        "getBatchHeader": hourly.uid,
        "isNewTrajData": True,
        "getTrajectoryData": len(ads.market.trajectories),
        "validateDispatchBatch": None,
        "submitMSSLFRequest": ["true"],
        "declineInstruction": 0,
        "partialAcceptInstruction": 0,
        "acceptInstruction": 0,
    }
    assert set(seen) == set(OPERATIONS)
    assert {r.operation for r in ads.ledger if r.common_name == OPERATOR} == {*OPERATIONS, RESPONSE}
    row = next(i for i in hourly.full().instructions if i.resource_id == "NORTIE_5_IMPRT1")
    assert (row.accept_status, row.api_validated_by) == ("ACCEPT", OPERATOR)


async def test_suds_understands_the_encoded_wsdl(tmp_path: Path) -> None:
    switches = Switches(wsdl_use="encoded")
    async with AdsSimulator(clock=HandClock(OPEN), directory=tmp_path, switches=switches) as ads:
        kit = write_kit(tmp_path, ads.url, ads.response_url, ads.fleet, modbus_port=5020, poll_interval_s=1)
        seen = await asyncio.to_thread(_use_everything, ads, kit, _suds, "v8")
    assert seen["getBatchStatus"] == 1
    assert len(seen["getDispatchBatchesSinceUID"]) > 700
    assert seen["acceptInstruction"] == 0


async def test_a_fault_is_a_fault_for_zeep(tmp_path: Path) -> None:
    def refused(ads: AdsSimulator, kit: KitPaths) -> str:
        with pytest.raises(zeep.exceptions.Fault) as caught:
            _zeep(kit, ads.url).getBatchStatus("TRAJ-0")
        return str(caught.value)

    async with AdsSimulator(clock=HandClock(OPEN), directory=tmp_path) as ads:
        kit = write_kit(tmp_path, ads.url, ads.response_url, ads.fleet, modbus_port=5020, poll_interval_s=1)
        assert "TRAJ-0" in await asyncio.to_thread(refused, ads, kit)
