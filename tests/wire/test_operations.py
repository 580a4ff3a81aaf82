"""The table of operations says what the specification says."""

import pytest

from caiso_ads.wire.operations import OPERATIONS, VERSIONS, ResultKind


def test_all_eleven_operations_are_there() -> None:
    assert len(OPERATIONS) == 11
    assert [name for name, operation in OPERATIONS.items() if operation.service == "response"] == [
        "acceptInstruction",
        "declineInstruction",
        "partialAcceptInstruction",
    ]


def test_only_batches_and_trajectories_are_packed() -> None:
    assert [name for name, operation in OPERATIONS.items() if operation.packed] == [
        "getDispatchBatch",
        "getTrajectoryData",
    ]


def test_arguments_are_in_the_order_of_the_specification() -> None:
    partial = OPERATIONS["partialAcceptInstruction"]
    assert [(argument.name, argument.type) for argument in partial.arguments] == [
        ("batchUID", "string"),
        ("instructionUID", "string"),
        ("acceptDOT", "double"),
        ("reasonCode", "int"),
    ]


@pytest.mark.parametrize(
    ("kind", "wire_type"),
    [(ResultKind.FLAG, "boolean"), (ResultKind.STATUS, "int"), (ResultKind.NOTHING, ""), (ResultKind.LIST, "string")],
)
def test_a_result_has_its_schema_type(kind: ResultKind, wire_type: str) -> None:
    assert kind.wire_type == wire_type


@pytest.mark.parametrize("name", ["v7", "v8"])
def test_a_version_knows_namespace_and_path_of_both_services(name: str) -> None:
    version = VERSIONS[name]
    dispatch, response = OPERATIONS["getDispatchBatch"], OPERATIONS["acceptInstruction"]
    assert version.namespace(dispatch) == f"http://ads.caiso.com/api/webservices/dispatch/{name}"
    assert version.namespace(response) == f"http://ads.caiso.com/api/webservices/response/{name}"
    assert version.path(dispatch) == f"/ADS/APIWebService/{name}"
    assert version.path(response) == f"/ADS/APIResponseWebService/{name}"
