"""XML of prices or of an error -> rows or OasisError, element by element, without a tree.

Rule: elements are known by their local names, whatever the namespace and prefix; a row is known by DATA_ITEM and
RESOURCE_NAME, never by its place. Depth and text are bounded, a DOCTYPE is refused, entities do not exist.
Interpretation: a report without rows and without an error is one not posted yet; but only when it has no element that
is unknown here, since a changed schema must not pass for silence. Documents are UTF-8, as all known ones are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lxml import etree

from caiso_ads.errors import OasisError, WireError
from caiso_ads.wire.oasis.csv_rows import kind_of
from caiso_ads.wire.oasis.row import Block, LmpRow, Refuse, Wanted, failed, instant, name, number

MAX_DEPTH = 32
MAX_TEXT = 64 * 1024
"""Most characters between two tags."""
_MAX_REMEMBERED = 1000
_ROOT = "OASISReport"
_ROW = ("RESOURCE_NAME", "INTERVAL_START_GMT", "INTERVAL_END_GMT", "DATA_ITEM", "VALUE")
_SHELL = {
    "OASISReport", "MessageHeader", "TimeDate", "Source", "Version", "MessagePayload", "RTO", "name", "REPORT_ITEM",
    "REPORT_HEADER", "SYSTEM", "TZ", "REPORT", "MKT_TYPE", "EXECUTION_TYPE", "UOM", "INTERVAL", "SEC_PER_INTERVAL",
    "DISCLAIMER_ITEM", "DISCLAIMER",
}  # fmt: skip
"""Everything a report may hold beside rows."""


class _Target:
    """What the parser calls. ``rows`` fills and is emptied by the reader."""

    def __init__(self, wanted: Wanted, reports: frozenset[str], refuse: Refuse) -> None:
        self.rows: list[LmpRow] = []
        self.any_row = False
        self.strange = ""
        self._wanted, self._reports, self._refuse = wanted, reports, refuse
        self._depth = 0
        self._text: list[str] = []
        self._length = 0
        self._fields: dict[str, str] = {}
        self._locals: dict[str, str] = {}
        self._report = ""

    def start(self, tag: str, _: Any) -> None:
        """Begin an element."""
        local = self._local(tag)
        if self._depth == 0 and local != _ROOT:
            raise WireError(f"the document is {local[:40]!r}, not {_ROOT}")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise WireError(f"elements are nested deeper than {MAX_DEPTH}")
        self._text, self._length = [], 0
        if local in {"REPORT_DATA", "ERROR"}:
            self._fields = {}

    def data(self, text: str) -> None:
        """Take text."""
        self._length += len(text)
        if self._length > MAX_TEXT:
            raise WireError(f"text is longer than {MAX_TEXT} characters")
        self._text.append(text)

    def end(self, tag: str) -> None:
        """End an element."""
        self._depth -= 1
        local = self._local(tag)
        if local == "REPORT_DATA":
            self._row()
        elif local == "ERROR":
            raise _error(self._fields)
        elif local in _SHELL:
            if local == "REPORT":
                self._report = "".join(self._text).strip()
        elif len(self._fields) < 64:
            self._fields[local] = "".join(self._text).strip()
            self.strange = self.strange or local
        self._text, self._length = [], 0

    def doctype(self, *_: Any) -> None:
        """Refuse a document type."""
        raise WireError("a document type declaration is not accepted")

    def close(self) -> None:
        """End the document."""

    def _local(self, tag: str) -> str:
        known = self._locals.get(tag)
        if known is None:
            if len(self._locals) >= _MAX_REMEMBERED:
                self._locals.clear()
            known = self._locals[tag] = tag.rpartition("}")[2]
        return known

    def _check_report(self) -> None:
        if self._reports and self._report and self._report not in self._reports:
            raise ValueError(f"report {self._report[:40]!r} where {' or '.join(sorted(self._reports))} was asked for")

    def _row(self) -> None:
        fields, self._fields = self._fields, {}
        self.any_row = True
        missing = [each for each in _ROW if each not in fields]
        if missing:
            raise WireError(f"a row has no {', '.join(missing)}", where="REPORT_DATA")
        try:
            self._check_report()
            node, start, end, item, value = (fields[each] for each in _ROW)
            row = LmpRow(name(node), instant(start), instant(end), kind_of(item), number(value))
        except ValueError as error:
            node, start = fields["RESOURCE_NAME"], fields["INTERVAL_START_GMT"]
            self._refuse(failed(node, start, f"{node[:40]} {start[:40]}: {error}"))
            return
        if self._wanted.holds(row):
            self.rows.append(row)


def blocks(chunks: Iterable[bytes], wanted: Wanted, reports: frozenset[str], refuse: Refuse) -> Iterator[Block]:
    """Yield the wanted rows; ``reports`` are the names of reports they may be of, none is any.

    Raises OasisError for an error document, WireError for one that cannot be read.
    """
    target = _Target(wanted, reports, refuse)
    parser = etree.XMLParser(
        target=target,  # type: ignore[arg-type]  # the stubs ask for methods and bytes that lxml does not
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        collect_ids=False,
    )
    before = b""
    try:
        for chunk in chunks:
            if b"<!DOCTYPE" in before + chunk:
                raise WireError("a document type declaration is not accepted")
            before = chunk[-len("<!DOCTYPE") :]
            parser.feed(chunk)
            if target.rows:
                found, target.rows = target.rows, []
                yield Block.of(found)
        parser.close()
    except (etree.LxmlError, ValueError, AssertionError) as error:
        raise WireError(f"not well-formed XML: {str(error)[:200]}") from None
    yield Block.of(target.rows)
    if not target.any_row and target.strange:
        raise WireError(f"a report without rows, with an element {target.strange[:40]!r} that is not known")


def _error(fields: dict[str, str]) -> OasisError | WireError:
    code, text = fields.get("ERR_CODE", ""), fields.get("ERR_DESC", "")
    if not (code.isascii() and code.isdigit() and len(code) < 10):
        return WireError(f"an error without a code: {code[:40]!r} {text[:200]!r}", where="ERROR")
    return OasisError(int(code), text)
