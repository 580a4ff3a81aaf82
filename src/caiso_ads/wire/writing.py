"""Nouns -> XML bytes, by the plans of fields.py: what the simulator sends and what submitMSSLFRequest takes.

Rule: exact out. Elements come in the schema's order, absent values are left out, and what cannot be carried by XML
(a control character, NaN, a time without a zone) is a WireError and never written differently.
``PayloadStyle`` varies what the documents leave open, so that a reader can be shown every variant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from caiso_ads.core.model import DispatchBatch, MssLfRequest, MssLfResponse, TrajectoryBatch, Unknown
from caiso_ads.errors import WireError
from caiso_ads.wire.fields import BATCH_LIST, ROOTS, TRAJECTORIES, Items, ListDocument, Plan, Scalar, plan_of
from caiso_ads.wire.operations import PAYLOAD_NAMESPACE
from caiso_ads.wire.scalars import TimeFormat
from caiso_ads.wire.tree import within

_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class PayloadStyle:
    """How documents are written where the specification leaves room.

    ``namespace``: of all elements, empty for none. ``time_format``: ``Z`` as v8, ``offset7`` as the v7 samples.
    ``stray_spaces``: blanks around every value. ``extra_elements``: elements no table knows in every noun.
    """

    namespace: str = PAYLOAD_NAMESPACE
    time_format: TimeFormat = "Z"
    stray_spaces: bool = False
    extra_elements: bool = False


_DEFAULT = PayloadStyle()


def encode(
    document: DispatchBatch | TrajectoryBatch | MssLfRequest | MssLfResponse, *, style: PayloadStyle = _DEFAULT
) -> bytes:
    """Write one noun as a document of its own. Raises WireError for a value XML cannot carry."""
    root = ROOTS[type(document)]
    return _document(root, _noun(document, plan_of(type(document)), root, style, _declared(style)))


def encode_header(batch: DispatchBatch, *, style: PayloadStyle = _DEFAULT) -> bytes:
    """Write a batch without its instructions, as getBatchHeader returns it. Errors as encode."""
    return encode(replace(batch, instructions=()), style=style)


def encode_batch_list(batches: Sequence[DispatchBatch], *, style: PayloadStyle = _DEFAULT) -> bytes:
    """Write an APIDispatchResponse: the headers of these batches in this order. Errors as encode."""
    return _list([replace(batch, instructions=()) for batch in batches], BATCH_LIST, style)


def encode_trajectories(batches: Sequence[TrajectoryBatch], *, style: PayloadStyle = _DEFAULT) -> bytes:
    """Write an APITrajectoryResponse with these batches in this order. Errors as encode."""
    return _list(batches, TRAJECTORIES, style)


def escaped(text: str) -> str:
    """Return text for an element's content; raises WireError for a character XML cannot carry."""
    return escape(_legal(text), {"\r": "&#13;"})


def _list(nouns: Sequence[Any], document: ListDocument, style: PayloadStyle) -> bytes:
    items = Items("", document.wrapper, document.item, plan_of(document.noun))
    content = "".join(_items(nouns, items, style)) or f"<{document.wrapper}/>"
    return _document(document.root, [f"<{document.root}{_declared(style)}>", content, f"</{document.root}>"])


def _document(root: str, parts: Iterable[str]) -> bytes:
    try:
        return (_DECLARATION + "".join(parts)).encode("utf-8")
    except WireError as error:
        raise within(root, error) from None


def _noun(noun: Any, plan: Plan, tag: str, style: PayloadStyle, declared: str) -> Iterator[str]:
    yield f"<{tag}{declared}{_identifier(noun, plan.attribute, style)}>"
    if style.extra_elements:
        yield "<addedLater><name>x</name><value>1</value></addedLater>"
    for field in plan.elements.values():
        value = getattr(noun, field.name)
        if isinstance(field, Items):
            yield from _items(value, field, style)
        elif value is not None:
            try:
                text = _spaced(escaped(field.write(value, style.time_format)), style)
            except WireError as error:
                raise within(field.wire, error) from None
            yield f"<{field.wire}>{text}</{field.wire}>"
    for stranger in noun.unknown:
        yield _stranger(stranger)
    yield f"</{tag}>"


def _identifier(noun: Any, attribute: Scalar | None, style: PayloadStyle) -> str:
    if attribute is None:
        return ""
    try:
        text = _legal(_spaced(attribute.write(getattr(noun, attribute.name), style.time_format), style))
    except WireError as error:
        raise within(f"@{attribute.wire}", error) from None
    return f" {attribute.wire}={quoteattr(text, {chr(13): '&#13;', chr(10): '&#10;', chr(9): '&#9;'})}"


def _items(nouns: Sequence[Any], field: Items, style: PayloadStyle) -> Iterator[str]:
    if nouns:
        yield f"<{field.wire}>"
        for at, noun in enumerate(nouns, 1):
            try:
                yield from _noun(noun, field.plan, field.item, style, "")
            except WireError as error:
                raise within(f"{field.wire}[{at}]", error) from None
        yield f"</{field.wire}>"


def _stranger(unknown: Unknown) -> str:
    """Write an element of no table, as it was kept."""
    try:
        name = etree.QName(None, unknown.name).localname
    except ValueError:
        raise WireError(f"{unknown.name!r} is not a name of an element") from None
    return f"<{name}>{escaped(unknown.text)}</{name}>"


def _declared(style: PayloadStyle) -> str:
    return f" xmlns={quoteattr(_legal(style.namespace))}" if style.namespace else ""


def _spaced(text: str, style: PayloadStyle) -> str:
    return f" {text} " if style.stray_spaces else text


def _legal(text: str) -> str:
    match = _ILLEGAL.search(text)
    if match:
        raise WireError(f"character {match[0]!r} cannot be written in XML")
    return text
