"""Any answer of OASIS -> typed rows, prices or lists, or a typed error: the face of this package for reading.

Rule: judged by content. What does not begin as a zip is never data; in a zip, CSV and XML are both read whichever was
asked for; an error document raises from wherever it stands. Spec: OASIS 5.1.8 (formats, error codes).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import date, datetime
from itertools import chain

from caiso_ads.core.price import AffectedHour, FailedCheck, Market, NodeInfo
from caiso_ads.errors import ThrottledError, WireError
from caiso_ads.wire.oasis import checks, csv_rows, tables, xml_rows
from caiso_ads.wire.oasis.checks import Failures as _Failures
from caiso_ads.wire.oasis.checks import Prices as Prices  # noqa: PLC0414 - part of this module's face
from caiso_ads.wire.oasis.reports import CURRENT, HISTORY
from caiso_ads.wire.oasis.row import EVERYTHING as EVERYTHING  # noqa: PLC0414 - as above
from caiso_ads.wire.oasis.row import Block as Block  # noqa: PLC0414 - as above
from caiso_ads.wire.oasis.row import LmpRow as LmpRow  # noqa: PLC0414 - as above
from caiso_ads.wire.oasis.row import Refuse
from caiso_ads.wire.oasis.row import Wanted as Wanted  # noqa: PLC0414 - as above
from caiso_ads.wire.oasis.zips import MAGIC, Member, members

_TOO_MANY_REQUESTS = 429
_LONGEST_REASON = 2000
_POLICY = b"acceptable use policy"
_NAMED_KIND = re.compile(r"_(LMP|MC[ECL]|MGHG)_\d{8}_")
_BLANKS = b"\xef\xbb\xbf \t\r\n"


def rows(body: bytes, wanted: Wanted = EVERYTHING) -> Iterator[LmpRow]:
    """Yield the wanted rows of a price report as they are unpacked; nothing but the fields themselves is checked.

    Raises, also while iterating: OasisError, ThrottledError, or WireError for anything else that cannot be read.
    """
    for block in blocks(body, wanted):
        yield from block.rows()


def blocks(body: bytes, wanted: Wanted = EVERYTHING) -> Iterator[Block]:
    """Yield the same rows as columns, some thousands at a time; raises as ``rows``."""
    yield from _blocks(body, wanted, None, _raise)


def read_prices(body: bytes, market: Market, nodes: Collection[str] | None, status: int = 200) -> Prices:
    """Return the checked prices of an answer for these nodes (None: all). ``status`` is the HTTP status.

    Checked: numbers, names and times; the market; the grid; node asked for; LMP the sum of its components.
    Raises OasisError, ThrottledError or WireError.
    """
    check_zip(body, status)
    failures = _Failures()
    found = _blocks(body, EVERYTHING, market, failures.note)
    return checks.assemble(chain.from_iterable(block.rows() for block in found), market, nodes, failures)


def read_catalogue(body: bytes, kind: str, status: int = 200) -> list[NodeInfo]:
    """Return a list of nodes, ``kind`` as in ``reports.CATALOGUES``; raises as ``read_prices``."""
    return [info for text in _texts(body, status) for info in tables.catalogue(text, kind)]


def read_affected(body: bytes, trade_date: date, status: int = 200) -> list[AffectedHour]:
    """Return which hours of a Pacific trade date the ISO corrected; raises as ``read_prices``.

    An hour is named once for each market, with the reasons of all its rows: a further correction changes that text.
    """
    found: dict[tuple[Market, datetime], AffectedHour] = {}
    texts: dict[tuple[Market, datetime], Counter[str]] = defaultdict(Counter)
    for text in _texts(body, status):
        for hour in tables.affected(text, trade_date):
            key = (hour.market, hour.start)
            found[key] = hour
            texts[key][hour.text] += 1
    told = [replace(hour, text=_reasons(texts[key])) for key, hour in found.items()]
    return sorted(told, key=lambda hour: (hour.market, hour.start))


def _reasons(texts: Counter[str]) -> str:
    told = (text if rows == 1 else f"{text} ({rows} rows)" for text, rows in sorted(texts.items()))
    return " | ".join(told)[:_LONGEST_REASON]


def check_zip(body: bytes, status: int = 200) -> None:
    """Raise ThrottledError for the page that says we ask too often, WireError for anything else that is no zip."""
    is_zip = body.startswith(MAGIC)
    if status == _TOO_MANY_REQUESTS or (not is_zip and _POLICY in body[:4096].lower()):
        raise ThrottledError("the price service refuses us for a while: too many requests from this address")
    if not is_zip:
        raise WireError(f"the answer is no zip; it begins with {body[:80]!r}")


def _raise(check: FailedCheck) -> None:
    raise WireError(check.text)


def _blocks(body: bytes, wanted: Wanted, market: Market | None, refuse: Refuse) -> Iterator[Block]:
    memory = csv_rows.Memory()
    for member in _content(body):
        beginning = member.beginning()
        if _is_xml(member, beginning):
            yield from xml_rows.blocks(member.chunks(), wanted, _reports(market), refuse)
        elif not _skipped(member, beginning, wanted):
            run = HISTORY[market].run if market else ""
            yield from csv_rows.blocks(member.chunks(), wanted, run, refuse, memory)


def _content(body: bytes) -> list[Member]:
    check_zip(body)
    found = members(body)
    if not found:
        raise WireError("the zip is empty")
    return found


def _is_xml(member: Member, beginning: bytes) -> bool:
    """Tell XML from CSV; raises WireError for neither."""
    content = beginning.lstrip(_BLANKS)
    if not content:
        raise WireError("the member is empty", where=member.name)
    if content.startswith(MAGIC):
        raise WireError("a zip within the zip is not read", where=member.name)
    return content.startswith(b"<")


def _skipped(member: Member, beginning: bytes, wanted: Wanted) -> bool:
    """Whether name and first row both say that a member holds only a component that is not wanted."""
    match = _NAMED_KIND.search(member.name)
    if wanted.kinds is None or match is None or match[1] in wanted.kinds:
        return False
    return csv_rows.only_kind(beginning) == match[1]


def _reports(market: Market | None) -> frozenset[str]:
    if market is None:
        return frozenset()
    current = {CURRENT.query} if market is CURRENT.market else set()
    return frozenset({HISTORY[market].query} | current)


def _texts(body: bytes, status: int) -> Iterator[tables.Table]:
    check_zip(body, status)
    for member in _content(body):
        is_xml = _is_xml(member, member.beginning())
        yield tables.read(member, is_xml=is_xml)
