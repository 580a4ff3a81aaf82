"""From the bytes of one SOAP request to the bytes of its answer, with the faults that change content.

Rule: every call leaves one line in the ledger before its answer leaves, saying what was served and which fault hit it.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace

from caiso_ads.errors import CaisoAdsError
from caiso_ads.simulator.faults import Fault, FaultKind, Faults
from caiso_ads.simulator.fleet import Fleet, Identity
from caiso_ads.simulator.ledger import Ledger
from caiso_ads.simulator.service import AdsService, Call, ServiceFault
from caiso_ads.simulator.switches import Switches
from caiso_ads.simulator.transport import Reply
from caiso_ads.wire.operations import OPERATIONS, Service, Version
from caiso_ads.wire.soap import SoapRequest, decode_request, encode_fault, encode_response

FAULT_TEXT = "simulated fault: the text of real ones is unknown"


class Answering:
    """Answers SOAP requests for one simulator."""

    def __init__(self, service: AdsService, fleet: Fleet, faults: Faults, ledger: Ledger, switches: Switches) -> None:
        self._service, self._fleet, self._faults = service, fleet, faults
        self._ledger, self._switches = ledger, switches

    def answer(self, body: bytes, common_name: str, service: Service, version: Version) -> tuple[Reply, Fault | None]:
        """Return the answer and the fault its transport still has to make."""
        who = self._fleet.identity(common_name)
        if who is None and self._switches.stranger == "forbidden":
            return Reply(b"Forbidden: this certificate is not registered (simulated)", 403, "text/plain"), None
        try:
            request = _known(decode_request(body), service)
        except (CaisoAdsError, ServiceFault) as error:
            return self._fault("Client", str(error)), None
        if who is None and self._switches.stranger == "fault":
            return self._fault("Client", "this certificate is not registered"), None
        fault = self._faults.take(request.operation)
        return self._served(request, who or Identity(common_name), version, fault), fault

    def _served(self, request: SoapRequest, who: Identity, version: Version, fault: Fault | None) -> Reply:
        operation, kind = OPERATIONS[request.operation], fault.kind if fault else ""
        arguments = {name: text or "" for name, text in request.arguments.items()}
        first, *others = (*arguments.values(), "")
        if operation.name == "submitMSSLFRequest":
            first, others = "", []
        if kind == FaultKind.LOST_REQUEST:
            self._ledger.record(operation.name, first, common_name=who.common_name, arguments=others, fault=kind)
            return Reply(b"")
        try:
            if kind == FaultKind.SOAP_FAULT:
                raise ServiceFault("Server", FAULT_TEXT)  # noqa: TRY301 - one way out for all faults
            result = _damaged(self._service.answer(Call(who, version.name, operation, arguments, kind)), kind)
        except ServiceFault as error:
            self._ledger.record(
                operation.name, first, common_name=who.common_name, arguments=others, fault=kind or "soap-fault"
            )
            return self._fault(error.code, error.text)
        short = operation.result.wire_type not in {"string", ""}
        self._ledger.record(
            operation.name,
            first.strip(),
            common_name=who.common_name,
            payload="" if short else result or "",
            fault=kind,
            arguments=[text for text in others if text],
            result=(result or "") if short else "",
        )
        name = "getBatchStatus" if kind == FaultKind.WRONG_ANSWER else operation.name
        if kind == FaultKind.WRONG_ANSWER and operation.name == name:
            name = "isNewTrajData"
        form = self._switches.result_form if result and result.lstrip().startswith("<") else "escaped"
        return Reply(encode_response(version.namespace(operation), name, result, form=form))

    def _fault(self, code: str, text: str) -> Reply:
        return replace(Reply(encode_fault(code, text)), status=self._switches.fault_status)


def _known(request: SoapRequest, service: Service) -> SoapRequest:
    operation = OPERATIONS.get(request.operation)
    if operation is None or operation.service != service:
        raise ServiceFault("Client", f"no operation {request.operation} in the {service} service")
    return request


def _damaged(result: str | None, kind: str) -> str | None:
    if kind == FaultKind.NO_RESULT or result is None:
        return None
    if kind == FaultKind.TRUNCATED_BASE64:
        return result[: len(result) // 2 // 4 * 4 + 1]  # one sign more than whole groups: never valid base64
    if kind == FaultKind.BAD_GZIP:
        return _with_bad_checksum(result)
    return result


def _with_bad_checksum(packed: str) -> str:
    data = bytearray(base64.b64decode(packed))
    data[-8] ^= 0xFF  # the first byte of the CRC
    return binascii.b2a_base64(bytes(data), newline=False).decode("ascii")
