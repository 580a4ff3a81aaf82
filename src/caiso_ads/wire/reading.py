"""XML elements -> nouns, by the plans of fields.py. Local names count; order, namespace and extra elements do not.

Rule: a value is read once and strictly or the noun is refused with the path of the element; an element that is not in
the table is kept in ``unknown``. A path counts items from 1: ``instructions[3]/dot`` is the third instruction's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from lxml.etree import _Element as Element

from caiso_ads.core.model import Unknown
from caiso_ads.errors import WireError
from caiso_ads.wire.fields import Items, Plan, Read
from caiso_ads.wire.scalars import BLANKS, read_identifier
from caiso_ads.wire.tree import local


class _Memo(dict[str | None, Any]):
    """Texts of one type already read in this document: most times, codes and zeros repeat hundreds of times."""

    def __init__(self, read: Read) -> None:
        self._read = read

    def __missing__(self, text: str | None) -> Any:
        value = self[text] = self._read(text or "")
        return value


class _Entry(NamedTuple):
    """What to do with one tag: ``values`` for a scalar, else ``items`` for a list, else it is unknown."""

    name: str
    values: _Memo | None
    items: Items | None


class _Memos(dict[Read, _Memo]):
    """One memo for each way to read a text."""

    def __missing__(self, read: Read) -> _Memo:
        memo = self[read] = _Memo(read)
        return memo


class _Tags(dict[str, _Entry]):
    """The tags one plan met in this document, with their namespace as it came; and its identifying attribute."""

    def __init__(self, plan: Plan, memos: _Memos) -> None:
        self._plan, self._memos = plan, memos
        self.identifiers = memos[plan.attribute.read if plan.attribute else read_identifier]

    def __missing__(self, tag: str) -> _Entry:
        field = self._plan.elements.get(local(tag))
        if field is None:
            entry = _Entry("", None, None)
        elif isinstance(field, Items):
            entry = _Entry(field.name, None, field)
        else:
            entry = _Entry(field.name, self._memos[field.read], None)
        self[tag] = entry
        return entry


class Reader:
    """Reads the nouns of one document. Make a new one for each document: it remembers what it has read."""

    def __init__(self) -> None:
        self._memos = _Memos()
        self._tags: dict[type[Any], _Tags] = {}

    def read(self, element: Element, plan: Plan) -> Any:
        """Return the noun in an element; raises WireError with the path below that element."""
        tags = self._tags.get(plan.noun)
        if tags is None:
            tags = self._tags[plan.noun] = _Tags(plan, self._memos)
        values: dict[str, Any] = {}
        if plan.attribute is not None:
            wire = plan.attribute.wire
            try:
                values[plan.attribute.name] = tags.identifiers[element.get(wire) or attribute_text(element, wire)]
            except WireError as error:
                raise within(f"@{wire}", error) from None
        unknown: list[Unknown] = []
        for child in element:
            name, memo, items = tags[child.tag]
            if name in values:
                raise WireError("given twice", where=local(child.tag))
            if memo is not None:
                if len(child):
                    raise WireError("holds elements where a value was expected", where=local(child.tag))
                try:
                    values[name] = memo[child.text]
                except WireError as error:
                    raise within(local(child.tag), error) from None
            elif items is not None:
                values[name] = self._items(child, items, unknown)
            else:
                unknown.append(_unknown(child))
        if unknown:
            values["unknown"] = tuple(unknown)
        try:
            return plan.noun(**values)
        except TypeError:  # asking forgiveness: comparing names for each of thousands of segments costs more
            raise WireError("missing", where=_first_missing(plan, values)) from None

    def _items(self, element: Element, field: Items, unknown: list[Unknown]) -> tuple[Any, ...]:
        """Read the children of a list element; strangers among them go to the owner's ``unknown``."""
        found: list[Any] = []
        item_tag = ""
        for child in element:
            if child.tag != item_tag:
                if local(child.tag) != field.item:
                    unknown.append(_unknown(child))
                    continue
                item_tag = child.tag
            try:
                found.append(self.read(child, field.plan))
            except WireError as error:
                raise within(f"{field.wire}[{len(found) + 1}]", error) from None
        return tuple(found)


def within(step: str, error: WireError) -> WireError:
    """Return the same error, seen from one element further out."""
    return WireError(error.problem, where=f"{step}/{error.where}" if error.where else step)


def attribute_text(element: Element, name: str) -> str | None:
    """Return an attribute by its local name, or None."""
    return next((text for key, text in element.items() if local(key) == name), None)


def _first_missing(plan: Plan, values: dict[str, Any]) -> str:
    return next(field.wire for field in plan.elements.values() if field.name in plan.required - values.keys())


def _unknown(element: Element) -> Unknown:
    return Unknown(local(element.tag), "".join(element.itertext()).strip(BLANKS))
