"""XML elements -> nouns, by the plans of fields.py. Local names count; order, namespace and extra elements do not.

Rule: a value is read once and strictly or the noun is refused with the path of the element; an element that is not in
the table is kept in ``unknown``. A path counts items from 1: ``instructions[3]/dot`` is the third instruction's.
For speed everything that repeats within a document is understood once: a text, a sequence of tags, a DOT's segment.
"""

from __future__ import annotations

from operator import attrgetter, getitem
from typing import Any

from lxml import etree
from lxml.etree import _Element as Element

from caiso_ads.core.model import Unknown
from caiso_ads.errors import WireError
from caiso_ads.wire.fields import Items, Plan, Read, Scalar
from caiso_ads.wire.scalars import BLANKS
from caiso_ads.wire.tree import attribute_text, children_of, local, text_within, within

_tag_of = attrgetter("tag")
_text_of = attrgetter("text")


class _Memo(dict[str | None, Any]):
    """Texts of one type read in this document: most times, codes and zeros repeat hundreds of times."""

    def __init__(self, read: Read) -> None:
        self._read = read

    def __missing__(self, text: str | None) -> Any:
        value = self[text] = self._read(text or "")
        return value


class Memos(dict[Read, _Memo]):
    """What one document's texts mean: a memo for each way to read a text. Make a new one for each document."""

    def __missing__(self, read: Read) -> _Memo:
        memo = self[read] = _Memo(read)
        return memo


class NounReader:
    """Reads the nouns of one plan in one document."""

    def __init__(self, plan: Plan, memos: Memos) -> None:
        self._identifier = plan.attribute.wire if plan.attribute else ""
        self._shapes = _Shapes(plan, memos)

    def read(self, element: Element) -> Any:
        """Return the noun in an element; raises WireError with the path below that element."""
        children = children_of(element)
        shape = self._shapes[tuple(map(_tag_of, children))]
        scalars = children if shape.is_plain else [children[at] for at in shape.scalars]
        if any(map(len, scalars)):
            raise _nested(scalars)
        if self._identifier:
            identifier = element.get(self._identifier) or attribute_text(element, self._identifier)
            texts = (*map(_text_of, scalars), identifier)
        else:
            texts = tuple(map(_text_of, scalars))
        return shape.noun(texts, children)


class _Shape:
    """One sequence of tags under a noun. ``scalars``, ``_lists`` and ``_strangers`` are positions among the children.

    The identifying attribute, where the noun has one, comes after the last scalar.
    """

    def __init__(self, plan: Plan, tags: tuple[str, ...], memos: Memos) -> None:
        fields = [plan.elements.get(local(tag)) for tag in tags]
        _check_complete(plan, [field for field in fields if field is not None])
        self._make = plan.make
        self.scalars = [at for at, field in enumerate(fields) if isinstance(field, Scalar)]
        self._strangers = [at for at, field in enumerate(fields) if field is None]
        self._lists = [(at, _list_reader(field, memos)) for at, field in enumerate(fields) if isinstance(field, Items)]
        texts = [field for field in fields if isinstance(field, Scalar)]
        self._steps = [field.wire for field in texts]
        if plan.attribute is not None:
            texts.append(plan.attribute)
            self._steps.append(f"@{plan.attribute.wire}")
        self._names = [field.name for field in texts]
        self._memos = [memos[field.read] for field in texts]
        self.is_plain = len(self.scalars) == len(fields)

    def noun(self, texts: tuple[str | None, ...], children: list[Element]) -> Any:
        """Build the noun from the texts of its scalars and, for the rest, from the elements."""
        try:
            values = dict(zip(self._names, map(getitem, self._memos, texts), strict=True))
        except WireError:
            raise self._blamed(texts) from None
        if not self.is_plain:
            strangers = [children[at] for at in self._strangers]
            for at, reader in self._lists:
                values[reader.name] = reader.read(children[at], strangers)
            values["unknown"] = tuple([_unknown(child) for child in strangers])
        return self._make(**values)

    def _blamed(self, texts: tuple[str | None, ...]) -> WireError:
        """Return the error of the first text that cannot be read, with its element."""
        for step, memo, text in zip(self._steps, self._memos, texts, strict=True):
            try:
                memo[text]
            except WireError as error:
                return within(step, error)
        raise AssertionError("reading the same texts again went well")


class _Shapes(dict[tuple[str, ...], _Shape]):
    """The shapes one noun had in this document."""

    def __init__(self, plan: Plan, memos: Memos) -> None:
        self._plan, self._memos = plan, memos

    def __missing__(self, tags: tuple[str, ...]) -> _Shape:
        shape = self[tags] = _Shape(self._plan, tags, self._memos)
        return shape


class _Items:
    """Reads one list element."""

    def __init__(self, field: Items, memos: Memos) -> None:
        self.name = field.name
        self._wire, self._item = field.wire, field.item
        self._reader = NounReader(field.plan, memos)

    def read(self, element: Element, strangers: list[Element]) -> tuple[Any, ...]:
        """Return the nouns in a list element; strangers among its children are left to the owner."""
        found: list[Any] = []
        item_tag = ""
        for child in children_of(element):
            if child.tag != item_tag:
                if local(child.tag) != self._item:
                    strangers.append(child)
                    continue
                item_tag = child.tag
            found.append(self._one(child, len(found)))
        return tuple(found)

    def _one(self, element: Element, at: int) -> Any:
        try:
            return self._reader.read(element)
        except WireError as error:
            raise within(f"{self._wire}[{at + 1}]", error) from None


class _RepeatingItems(_Items):
    """Reads a list whose items recur between lists, as most segments of a DOT carry no energy.

    The same XML is the same noun: writing the list out and looking its pieces up costs a third of walking through it.
    """

    def __init__(self, field: Items, memos: Memos) -> None:
        super().__init__(field, memos)
        self._known: dict[str, Any] = {}

    def read(self, element: Element, strangers: list[Element]) -> tuple[Any, ...]:
        """Return the nouns in a list element; strangers among its children are left to the owner."""
        *pieces, _ = etree.tostring(element, encoding="unicode", with_tail=False).split(f"{self._item}>")
        found = [self._known.get(piece) for piece in pieces]
        if len(pieces) != len(element):
            return super().read(element, strangers)
        for at in [at for at, noun in enumerate(found) if noun is None]:
            # A piece that is new must be one whole item and nothing else, or it would be learnt wrongly.
            child, piece = element[at], pieces[at]
            if piece.count(self._item) != 1 or local(child.tag) != self._item:
                return super().read(element, strangers)
            found[at] = self._known[piece] = self._one(child, at)
        return tuple(found)


def _list_reader(field: Items, memos: Memos) -> _Items:
    return _RepeatingItems(field, memos) if field.plan.repeats else _Items(field, memos)


def _unknown(element: Element) -> Unknown:
    return Unknown(local(element.tag), text_within(element).strip(BLANKS))


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
