"""The eleven operations of the web service and its versions: the one table. Client, simulator and WSDL read it.

Rule: an operation's name, service, arguments in order and kind of result stand here and nowhere else.
Spec: ADS API v7 §2 and §3; the namespaces and paths of v8 as its clients use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Literal, TypeAlias

Service: TypeAlias = Literal["dispatch", "response"]
WireType: TypeAlias = Literal["string", "int", "double"]

PAYLOAD_NAMESPACE = "http://ads.caiso.com"
"""Namespace of all documents as seen on the wire in v7 and v8; readers ignore it, writers use it."""


class ResultKind(Enum):
    """What the text of ``result`` means; the value is the XML Schema type a WSDL declares, empty for no part."""

    LIST = ("list", "string")
    BATCH = ("batch", "string")
    HEADER = ("header", "string")
    TRAJECTORY = ("trajectory", "string")
    STATUS = ("status", "int")
    FLAG = ("flag", "boolean")
    NOTHING = ("nothing", "")
    RESULT_CODE = ("result code", "int")
    MSS = ("mss", "string")

    @property
    def wire_type(self) -> str:
        """XML Schema type of the ``result`` part: string, int or boolean; empty when the answer has no part."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Argument:
    """One part of a request: its name and XML Schema type."""

    name: str
    type: WireType = "string"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of one of the two services."""

    name: str
    service: Service
    arguments: tuple[Argument, ...]
    result: ResultKind

    @property
    def packed(self) -> bool:
        """Whether the ISO writes the result as Base64 of gzip; readers look for themselves."""
        return self.result in (ResultKind.BATCH, ResultKind.TRAJECTORY)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the web service: its two namespaces and two paths."""

    name: str
    dispatch_namespace: str
    response_namespace: str
    dispatch_path: str
    response_path: str

    def namespace(self, operation: Operation) -> str:
        """Namespace of the request and response wrapper of an operation."""
        return self.dispatch_namespace if operation.service == "dispatch" else self.response_namespace

    def path(self, operation: Operation) -> str:
        """URL path an operation is posted to."""
        return self.dispatch_path if operation.service == "dispatch" else self.response_path


_BATCH = Argument("batchUID")
_INSTRUCTION = Argument("instructionUID")
_REASON = Argument("reasonCode", "int")

_TABLE = (
    Operation("getDispatchBatchesSinceUID", "dispatch", (_BATCH,), ResultKind.LIST),
    Operation("getBatchStatus", "dispatch", (_BATCH,), ResultKind.STATUS),
    Operation("getDispatchBatch", "dispatch", (_BATCH,), ResultKind.BATCH),
    Operation("getBatchHeader", "dispatch", (_BATCH,), ResultKind.HEADER),
    Operation("isNewTrajData", "dispatch", (_BATCH,), ResultKind.FLAG),
    Operation("getTrajectoryData", "dispatch", (_BATCH,), ResultKind.TRAJECTORY),
    Operation("validateDispatchBatch", "dispatch", (_BATCH,), ResultKind.NOTHING),
    Operation("submitMSSLFRequest", "dispatch", (Argument("request"),), ResultKind.MSS),
    Operation("acceptInstruction", "response", (_BATCH, _INSTRUCTION), ResultKind.RESULT_CODE),
    Operation("declineInstruction", "response", (_BATCH, _INSTRUCTION, _REASON), ResultKind.RESULT_CODE),
    Operation(
        "partialAcceptInstruction",
        "response",
        (_BATCH, _INSTRUCTION, Argument("acceptDOT", "double"), _REASON),
        ResultKind.RESULT_CODE,
    ),
)

OPERATIONS: Mapping[str, Operation] = MappingProxyType({operation.name: operation for operation in _TABLE})
"""All operations by name."""


def _version(name: str) -> Version:
    return Version(
        name,
        f"http://ads.caiso.com/api/webservices/dispatch/{name}",
        f"http://ads.caiso.com/api/webservices/response/{name}",
        f"/ADS/APIWebService/{name}",
        f"/ADS/APIResponseWebService/{name}",
    )


VERSIONS: Mapping[str, Version] = MappingProxyType({name: _version(name) for name in ("v7", "v8")})
"""Known versions by name. Interpretation: the v8 response service is named after its v7 one."""
