"""XML elements -> nouns, by the plans of fields.py. Local names count; order, namespace and extra elements do not.

Rule: a value is read once and strictly or the noun is refused with the path of the element; an element that is not in
the table is kept in ``unknown``. A path counts items from 1: ``instructions[3]/dot`` is the third instruction's.
"""

from __future__ import annotations

from typing import Any

from lxml.etree import _Element as Element

from caiso_ads.core.model import Unknown
from caiso_ads.errors import WireError
from caiso_ads.wire.fields import Items, Plan, Read, Scalar
from caiso_ads.wire.scalars import BLANKS
from caiso_ads.wire.tree import local


class _Memo(dict[str | None, Any]):
    """Texts of one type already read in this document: most times, codes and zeros repeat hundreds of times."""

    def __init__(self, read: Read) -> None:
        self._read = read

    def __missing__(self, text: str | None) -> Any:
        value = self[text] = self._read(text or "")
        return value


class _Memos(dict[Read, _Memo]):
    """One memo for each way to read a text."""

    def __missing__(self, read: Read) -> _Memo:
        memo = self[read] = _Memo(read)
        return memo


class _Shape:
    """One sequence of tags under a noun, understood once: most nouns of a document share very few shapes.

    ``scalars``, ``lists`` and ``strangers`` are positions among the children; the identifying attribute, where the
    noun has one, comes after the last scalar in ``names``, ``steps`` and ``memos``.
    """

    __slots__ = ("lists", "memos", "names", "scalars", "steps", "strangers")

    def __init__(self, plan: Plan, tags: tuple[str, ...], memos: _Memos) -> None:
        fields = [plan.elements.get(local(tag)) for tag in tags]
        _check_complete(plan, [field for field in fields if field is not None])
        scalars = [(at, field) for at, field in enumerate(fields) if isinstance(field, Scalar)]
        self.scalars = [at for at, _ in scalars]
        self.lists = [(at, field) for at, field in enumerate(fields) if isinstance(field, Items)]
        self.strangers = [at for at, field in enumerate(fields) if field is None]
        ordered = [field for _, field in scalars]
        self.steps = [field.wire for field in ordered]
        if plan.attribute is not None:
            ordered.append(plan.attribute)
            self.steps.append(f"@{plan.attribute.wire}")
        self.names = [field.name for field in ordered]
        self.memos = [memos[field.read] for field in ordered]


class _Shapes(dict[tuple[str, ...], _Shape]):
    """The shapes one noun had in this document."""

    def __init__(self, plan: Plan, memos: _Memos) -> None:
        self._plan, self._memos = plan, memos

    def __missing__(self, tags: tuple[str, ...]) -> _Shape:
        shape = self[tags] = _Shape(self._plan, tags, self._memos)
        return shape


class Reader:
    """Reads the nouns of one document. Make a new one for each document: it remembers what it has read."""

    def __init__(self) -> None:
        self._memos = _Memos()
        self._shapes: dict[type[Any], _Shapes] = {}
        self._nouns: dict[tuple[Any, ...], Any] = {}

    def read(self, element: Element, plan: Plan) -> Any:
        """Return the noun in an element; raises WireError with the path below that element."""
        shapes = self._shapes.get(plan.noun)
        if shapes is None:
            shapes = self._shapes[plan.noun] = _Shapes(plan, self._memos)
        children = element[:]
        shape = shapes[tuple([child.tag for child in children])]
        scalars = [children[at] for at in shape.scalars] if shape.lists or shape.strangers else children
        if any(map(len, scalars)):
            raise _nested(scalars)
        texts = [child.text for child in scalars]
        if plan.attribute is not None:
            texts.append(_identifier(element, plan.attribute.wire))
        values = _values(shape, texts)
        if shape.lists or shape.strangers:
            values |= self._others(shape, children)
        return plan.noun(**values)

    def _repeated(self, element: Element, plan: Plan) -> Any:
        """Do the same for a noun that may be equal to one read before, as most segments without energy are."""
        children = element[:]
        key = (*element.items(), *[child.tag for child in children], *[child.text for child in children])
        noun = self._nouns.get(key)
        if noun is None or any(map(len, children)):
            noun = self._nouns[key] = self.read(element, plan)
        return noun

    def _others(self, shape: _Shape, children: list[Element]) -> dict[str, Any]:
        """Return the values that are not scalars: lists, and what is not in the table."""
        strangers = [children[at] for at in shape.strangers]
        values: dict[str, Any] = {field.name: self._items(children[at], field, strangers) for at, field in shape.lists}
        values["unknown"] = tuple([_unknown(child) for child in strangers])
        return values

    def _items(self, element: Element, field: Items, strangers: list[Element]) -> tuple[Any, ...]:
        """Read the children of a list element; strangers among them are left to the owner."""
        found: list[Any] = []
        item_tag = ""
        read = self._repeated if field.plan.repeats else self.read
        for child in element[:]:
            if child.tag != item_tag:
                if local(child.tag) != field.item:
                    strangers.append(child)
                    continue
                item_tag = child.tag
            try:
                found.append(read(child, field.plan))
            except WireError as error:
                raise within(f"{field.wire}[{len(found) + 1}]", error) from None
        return tuple(found)


def within(step: str, error: WireError) -> WireError:
    """Return the same error, seen from one element further out."""
    return WireError(error.problem, where=f"{step}/{error.where}" if error.where else step)


def attribute_text(element: Element, name: str) -> str | None:
    """Return an attribute by its local name, or None."""
    return next((text for key, text in element.items() if local(key) == name), None)


def _identifier(element: Element, name: str) -> str:
    text = element.get(name) or attribute_text(element, name)
    if text is None:
        raise WireError("missing", where=f"@{name}")
    return text


def _values(shape: _Shape, texts: list[str | None]) -> dict[str, Any]:
    try:
        return dict(zip(shape.names, [memo[text] for memo, text in zip(shape.memos, texts)]))
    except WireError:
        for step, memo, text in zip(shape.steps, shape.memos, texts):
            try:
                memo[text]
            except WireError as error:
                raise within(step, error) from None
        raise


def _nested(scalars: list[Element]) -> WireError:
    step = next(local(child.tag) for child in scalars if len(child))
    return WireError("holds elements where a value was expected", where=step)


def _check_complete(plan: Plan, fields: list[Scalar | Items]) -> None:
    """Check that every required element is there, and none twice."""
    seen: set[str] = set()
    for field in fields:
        if field.name in seen:
            raise WireError("given twice", where=field.wire)
        seen.add(field.name)
    for field in plan.elements.values():
        if field.name in plan.required - seen:
            raise WireError("missing", where=field.wire)


def _unknown(element: Element) -> Unknown:
    return Unknown(local(element.tag), "".join(element.itertext()).strip(BLANKS))
