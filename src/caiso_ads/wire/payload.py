"""The documents inside the SOAP result: text -> nouns here, nouns -> bytes in writing.py, both offered from here.

Rule: root and UID of an answer must match the question. In a list of batches one unreadable item becomes a BadItem
and its neighbours are read; inside one batch nothing is dropped: it is read whole or refused.
Spec: ADS API v7 §2 (what each operation returns) and §5 (documents).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from lxml.etree import _Element as Element

from caiso_ads.core.codes import BatchStatus, ResponseResult
from caiso_ads.core.model import DispatchBatch, MssLfRequest, MssLfResponse, TrajectoryBatch
from caiso_ads.errors import WireError
from caiso_ads.wire.fields import BATCH_LIST, ROOTS, TRAJECTORIES, ListDocument, plan_of
from caiso_ads.wire.operations import OPERATIONS, ResultKind
from caiso_ads.wire.packing import unpack
from caiso_ads.wire.reading import Memos, NounReader
from caiso_ads.wire.scalars import BLANKS, read_bool, read_int
from caiso_ads.wire.tree import attribute_text, local, parse, within
from caiso_ads.wire.writing import PayloadStyle, encode, encode_batch_list, encode_header, encode_trajectories

__all__ = [
    "BadItem",
    "PayloadStyle",
    "decode_batch",
    "decode_batch_list",
    "decode_bool",
    "decode_header",
    "decode_int",
    "decode_mss_request",
    "decode_mss_response",
    "decode_trajectories",
    "encode",
    "encode_batch_list",
    "encode_header",
    "encode_trajectories",
    "read_result",
]


@dataclass(frozen=True, slots=True)
class BadItem:
    """One item of a list that cannot be read, while its neighbours can. ``uid`` where at least that was readable."""

    uid: str | None
    error: WireError


def decode_batch_list(text: str) -> tuple[DispatchBatch | BadItem, ...]:
    """Read an APIDispatchResponse, in the ISO's order. An empty text is an empty list.

    Raises WireError when the document as a whole cannot be read.
    """
    return _decode_list(text, BATCH_LIST)


def decode_trajectories(text: str) -> tuple[TrajectoryBatch | BadItem, ...]:
    """Read an APITrajectoryResponse, in the ISO's order. An empty text is an empty list.

    Raises WireError when the document as a whole cannot be read.
    """
    return _decode_list(text, TRAJECTORIES)


def decode_batch(text: str, *, expected_uid: str | None = None) -> DispatchBatch:
    """Read a DispatchBatch; raises WireError also when it is another batch than ``expected_uid`` (blanks aside)."""
    batch: DispatchBatch = _decode_one(text, DispatchBatch)
    if expected_uid is not None and batch.batch_uid != expected_uid.strip(BLANKS):
        raise WireError(f"{batch.batch_uid!r} is not the batch asked for, {expected_uid!r}", where="DispatchBatch")
    return batch


def decode_header(text: str, *, expected_uid: str | None = None) -> DispatchBatch:
    """Read the answer to getBatchHeader: a DispatchBatch that usually has no instructions. Errors as decode_batch."""
    return decode_batch(text, expected_uid=expected_uid)


def decode_mss_request(text: str) -> MssLfRequest:
    """Read an MSSLFRequest, for the simulator; raises WireError."""
    request: MssLfRequest = _decode_one(text, MssLfRequest)
    return request


def decode_mss_response(text: str) -> MssLfResponse:
    """Read an MSSLFResponse; raises WireError."""
    response: MssLfResponse = _decode_one(text, MssLfResponse)
    return response


def decode_int(text: str) -> int:
    """Read a result of type xsd:int; raises WireError."""
    number: int = _scalar(read_int, text)
    return number


def decode_bool(text: str) -> bool:
    """Read a result of type xsd:boolean; raises WireError."""
    flag: bool = _scalar(read_bool, text)
    return flag


def read_result(operation_name: str, text: str, argument: str = "") -> Any:
    """Return the typed content of an operation's result; ``argument`` is the UID that was asked with, if any.

    Raises WireError for an unreadable result or an operation that does not exist.
    """
    operation = OPERATIONS.get(operation_name)
    if operation is None:
        raise WireError(f"no operation {operation_name!r}")
    return _READERS[operation.result](text, argument or None)


_READERS: Mapping[ResultKind, Callable[[str, str | None], Any]] = MappingProxyType(
    {
        ResultKind.LIST: lambda text, _uid: decode_batch_list(text),
        ResultKind.BATCH: lambda text, uid: decode_batch(text, expected_uid=uid),
        ResultKind.HEADER: lambda text, uid: decode_header(text, expected_uid=uid),
        ResultKind.TRAJECTORY: lambda text, _uid: decode_trajectories(text),
        ResultKind.STATUS: lambda text, _uid: BatchStatus(decode_int(text)),
        ResultKind.FLAG: lambda text, _uid: decode_bool(text),
        ResultKind.NOTHING: lambda _text, _uid: None,
        ResultKind.RESULT_CODE: lambda text, _uid: ResponseResult(decode_int(text)),
        ResultKind.MSS: lambda text, _uid: decode_mss_response(text),
    }
)


def _decode_one(text: str, noun: type[Any]) -> Any:
    root = _root(text, ROOTS[noun])
    try:
        return NounReader(plan_of(noun), Memos()).read(root)
    except WireError as error:
        raise within(ROOTS[noun], error) from None


def _decode_list(text: str, document: ListDocument) -> tuple[Any, ...]:
    if not text.strip(BLANKS):
        return ()
    root = _root(text, document.root)
    plan = plan_of(document.noun)
    reader = NounReader(plan, Memos())
    name = plan.attribute.wire if plan.attribute else ""
    return tuple(_item(reader, element, path, name) for path, element in _found(root, document))


def _found(root: Element, document: ListDocument) -> Iterator[tuple[str, Element]]:
    """Yield the items with their paths: those in the list element, and any that lie beside it."""
    at = 0
    for child in root:
        inside = list(child) if local(child.tag) == document.wrapper else [child]
        for element in inside:
            if local(element.tag) == document.item:
                at += 1
                yield f"{document.root}/{document.wrapper}[{at}]", element


def _item(reader: NounReader, element: Element, path: str, identifier: str) -> Any:
    try:
        return reader.read(element)
    except WireError as error:
        uid = (attribute_text(element, identifier) or "").strip(BLANKS)
        return BadItem(uid or None, within(path, error))


def _root(text: str, expected: str) -> Element:
    if not text.strip(BLANKS):
        raise WireError("the result is empty", where=expected)
    try:
        root = parse(unpack(text))
    except WireError as error:
        raise within(expected, error) from None
    if local(root.tag) != expected:
        raise WireError(f"the document is a {local(root.tag)[:60]!r}", where=expected)
    return root


def _scalar(read: Callable[[str], Any], text: str) -> Any:
    try:
        return read(text)
    except WireError as error:
        raise within("result", error) from None
