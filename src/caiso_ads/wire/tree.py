"""Bytes -> an XML tree within fixed bounds. Every document of this package, SOAP or payload, passes here.

Rule: size, number, depth and attributes of elements are limited; a DOCTYPE is refused before anything is expanded, so
there are no entities and nothing is fetched; bytes are decoded as their label says, without replacement characters.
What the parser sees is always UTF-8.
"""

from __future__ import annotations

import codecs
import re

from lxml import etree
from lxml.etree import _Element as Element

from caiso_ads.errors import WireError
from caiso_ads.wire.packing import MAX_UNPACKED

MAX_DEPTH = 32
MAX_ATTRIBUTES = 64
MAX_ELEMENTS = 1_000_000
_SMALLEST_ELEMENT = len(b"<a/>")

_DECLARED = re.compile(rb"""<\?xml\b[^>]*?\bencoding\s*=\s*["']([^"'>]*)""")
_CODECS = {"utf-8", "ascii", "iso8859-1", "cp1252"}
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16", b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
_TAG = re.compile(rb"<[^<>]*>")
_NAMESPACE = re.compile(rb"""(\sxmlns(?::[\w.\-]{1,99})?\s{0,9}=\s{0,9}["'])([^"'<]*)""")
_MANY_EQUALS = re.compile(rb"=(?:[^<=]*=){64}")
_TOO_MANY_ATTRIBUTES = etree.XPath(f"boolean(//*[@*[{MAX_ATTRIBUTES + 1}]])")
_TOO_DEEP = etree.XPath(f"boolean({'/*' * (MAX_DEPTH + 1)})")


def parse(data: bytes) -> Element:
    """Return the root element of a document; raises WireError when it is not well-formed or beyond a bound."""
    xml = to_utf8(data)
    _check_before(xml)
    try:
        root = _tree(xml)
    except WireError:
        # The specification's own sample has a blank in a namespace, which the parser takes for an error.
        trimmed = _TAG.sub(lambda tag: _NAMESPACE.sub(lambda each: each[1] + each[2].strip(), tag[0]), xml)
        if trimmed == xml:
            raise
        root = _tree(trimmed)
    _check_after(xml, root)
    return root


def to_utf8(data: bytes) -> bytes:
    """Return a document as UTF-8 bytes without a byte order mark or leading blanks; raises WireError if undecodable.

    A label that the first bytes disprove (``utf-16`` on bytes that start with ``<?xml``) is ignored.
    """
    if len(data) > MAX_UNPACKED:
        raise WireError(f"the document is larger than {MAX_UNPACKED} bytes")
    body = data.removeprefix(codecs.BOM_UTF8).lstrip()
    codec = _UTF16.get(body[:2]) or _declared(body)
    try:
        text = body.decode(codec)
    except UnicodeDecodeError as error:
        raise WireError(f"byte {error.start} is not valid in {codec}") from None
    return body if codec == "utf-8" else text.encode("utf-8")


def local(tag: str) -> str:
    """Return the local part of an lxml tag; namespaces differ between versions and mean nothing here."""
    return tag.rpartition("}")[2]


def _tree(xml: bytes) -> Element:
    # A parser of its own for each document: decoding runs in threads, and a parser keeps the errors of its last one.
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
    )
    try:
        return etree.fromstring(xml, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise WireError(f"not well-formed XML: {error}") from None


def _declared(body: bytes) -> str:
    match = _DECLARED.match(body)
    label = match[1].decode("ascii", "replace") if match else "utf-8"
    try:
        codec = codecs.lookup(label).name
    except (LookupError, ValueError):
        raise WireError(f"unknown encoding {label[:40]!r}") from None
    if codec.startswith("utf-16"):
        return "utf-8"
    if codec not in _CODECS:
        raise WireError(f"encoding {label[:40]!r} is not supported")
    return codec


def _check_before(xml: bytes) -> None:
    if b"<!DOCTYPE" in xml:
        raise WireError("a document type declaration is not accepted")
    if len(xml) > _SMALLEST_ELEMENT * MAX_ELEMENTS and xml.count(b"<") - xml.count(b"</") > MAX_ELEMENTS:
        raise WireError(f"more than {MAX_ELEMENTS} elements")


def _check_after(xml: bytes, root: Element) -> None:
    """Check the tree. The regular expression only spares most documents the walk over all attributes."""
    if _TOO_DEEP(root):
        raise WireError(f"elements are nested deeper than {MAX_DEPTH}")
    if _MANY_EQUALS.search(xml) and _TOO_MANY_ATTRIBUTES(root):
        raise WireError(f"an element has more than {MAX_ATTRIBUTES} attributes")


def children_of(element: Element) -> list[Element]:
    """Return the child elements at once; lxml slices faster than it iterates."""
    children: list[Element] = element[:]  # type: ignore[index,assignment]  # the stubs do not know slices
    return children


def attribute_text(element: Element, name: str) -> str | None:
    """Return an attribute by its local name, or None."""
    return next((str(text) for key, text in element.items() if local(str(key)) == name), None)


def text_within(element: Element) -> str:
    """Return all text of an element and of what is in it."""
    return "".join(str(text) for text in element.itertext())


def within(step: str, error: WireError) -> WireError:
    """Return the same error, seen from one element further out."""
    return WireError(error.problem, where=f"{step}/{error.where}" if error.where else step)
