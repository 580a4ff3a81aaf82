"""Reference and correction reports -> nodes and affected hours. They are small, so each is read as a whole.

Rule: columns are found by name. A report that has rows but not the column that names them raises.
Interpretation: the specification names no columns of these reports. Names of columns are third-party observations with
near spellings accepted; a time without an offset is Pacific; one that cannot be read is None, since it only informs.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from caiso_ads.core.price import AffectedHour, Market, NodeInfo
from caiso_ads.errors import OasisError, WireError
from caiso_ads.wire import tree
from caiso_ads.wire.oasis import trade_day
from caiso_ads.wire.oasis.row import name
from caiso_ads.wire.oasis.zips import Member

MAX_TABLE = 32 * 1024 * 1024
"""Most bytes of one such report; the list of all nodes has about 3 MB."""

Table = Sequence[dict[str, str]]

_NAMES = {
    "PNODE": ("PNODE_ID", "PNODE_NAME", "PNODE", "NODE_ID"),
    "APNODE": ("APNODE_ID", "APNODE_NAME", "APNODE", "NODE_ID"),
    "RESOURCE": ("RESOURCE_ID", "RESOURCE_NAME", "RESOURCE"),
}
_NODE = ("PNODE_ID", "NODE_ID", "NODE", "PNODE", "PNODE_RESMRID", "APNODE_ID")
_START = ("START_DATE_GMT", "STARTTIME_GMT", "START_DATE", "EFFECTIVE_START_DATE")
_END = ("END_DATE_GMT", "ENDTIME_GMT", "END_DATE", "EFFECTIVE_END_DATE")
_MARKETS: dict[str, tuple[Market, ...]] = {
    "DAM": (Market.DAM,), "IFM": (Market.DAM,), "RTD": (Market.RTD,), "RTPD": (Market.FMM,), "FMM": (Market.FMM,),
    "HASP": (Market.HASP,), "RTM": (Market.RTD, Market.FMM), "RUC": (),
}  # fmt: skip
"""What a correction report may name -> the prices to read again. RUC makes no price that is read here."""
_NO_ROW = "no records found"
_NOT_ROWS = {"MessageHeader", "REPORT_HEADER", "DISCLAIMER_ITEM", "RTO", "MessagePayload", "OASISReport"}


def read(member: Member, *, is_xml: bool) -> Table:
    """Return a report's rows, column names in upper case; raises OasisError and WireError."""
    pieces, size = [], 0
    for piece in member.chunks():
        size += len(piece)
        if size > MAX_TABLE:
            raise WireError(f"the report is larger than {MAX_TABLE} bytes", where=member.name)
        pieces.append(piece)
    content = b"".join(pieces)
    return list(_xml(content)) if is_xml else list(_csv(content))


def catalogue(table: Table, kind: str) -> Iterator[NodeInfo]:
    """Yield the nodes of a catalogue; raises WireError when the names' column is missing or a name is none."""
    for number, row in enumerate(table, 1):
        text = _first(row, _NAMES[kind])
        if text is None:
            raise WireError(f"no column {_NAMES[kind][0]}, only {', '.join(row)[:200]}", where=f"row {number}")
        node = _first(row, _NODE) if kind == "RESOURCE" else None
        try:
            yield NodeInfo(
                kind, name(text), name(node) if node else "", _time(_first(row, _START)), _time(_first(row, _END))
            )
        except ValueError as error:
            raise WireError(str(error), where=f"row {number}") from None


def affected(table: Table, trade_date: date) -> Iterator[AffectedHour]:
    """Yield the hours of a trade date that a correction report names.

    Interpretation: RTM may mean both real-time markets, a market unknown here any, an hour not given the whole day:
    reading prices again that were not corrected changes nothing.
    """
    for number, row in enumerate(table, 1):
        if any(_NO_ROW in text.lower() for text in row.values()):
            continue
        market = row.get("MARKET")
        if market is None:
            raise WireError(f"no column MARKET, only {', '.join(row)[:200]}", where=f"row {number}")
        count = row.get("CORRECTION_COUNT")
        told = (
            row.get("AFFECTED_AREA"),
            row.get("CORRECTION_REASON"),
            f"count {count}" if count not in {None, "", "1"} else "",
        )
        text = "; ".join(filter(None, told))[:500]
        for start in _hours(row.get("HOUR_ENDING", ""), trade_date, number):
            for each in _MARKETS.get(market.upper(), tuple(Market)):
                yield AffectedHour(each, start, start + timedelta(hours=1), text)


def _hours(text: str, day: date, number: int) -> list[datetime]:
    if text.isascii() and text.isdigit() and len(text) < 4:
        try:
            return [trade_day.hour_start(day, int(text))]
        except ValueError as error:
            raise WireError(str(error), where=f"row {number}") from None
    start, _ = trade_day.bounds(day)
    return [start + timedelta(hours=hour) for hour in range(trade_day.hours(day))]


def _csv(content: bytes) -> Iterator[dict[str, str]]:
    lines = csv.reader(io.StringIO(_text(content), newline=""), strict=True)
    try:
        header = [each.strip().upper() for each in next(lines, [])]
        for fields in lines:
            if not any(each.strip() for each in fields):
                continue
            if len(fields) != len(header):
                raise WireError(
                    f"{len(fields)} fields where the header has {len(header)}", where=f"line {lines.line_num}"
                )
            yield dict(zip(header, (each.strip() for each in fields), strict=True))
    except csv.Error as error:
        raise WireError(f"damaged CSV: {error}", where=f"line {lines.line_num}") from None


def _text(content: bytes) -> str:
    for codec in ("utf-8-sig", "cp1252"):  # free text of operators; nothing but UTF-8 was seen
        try:
            return content.decode(codec)
        except UnicodeDecodeError:
            continue
    raise WireError("the report is neither UTF-8 nor Windows text")


def _xml(content: bytes) -> Iterator[dict[str, str]]:
    root = tree.parse(content)
    if tree.local(str(root.tag)) != "OASISReport":
        raise WireError(f"the document is {tree.local(str(root.tag))[:40]!r}, not OASISReport")
    for element in root.iter("*"):
        children = tree.children_of(element)
        local = tree.local(str(element.tag))
        if not children or local in _NOT_ROWS or any(len(child) for child in children):
            continue
        row = {tree.local(str(child.tag)).upper(): (child.text or "").strip() for child in children}
        if local == "ERROR":
            code = row.get("ERR_CODE", "")
            if not (code.isascii() and code.isdigit() and len(code) < 10):
                raise WireError(f"an error without a code: {code[:40]!r}", where="ERROR")
            raise OasisError(int(code), row.get("ERR_DESC", ""))
        yield row


def _first(row: dict[str, str], choices: Sequence[str]) -> str | None:
    return next((row[choice] for choice in choices if choice in row), None)


def _time(text: str | None) -> datetime | None:
    try:
        value = datetime.fromisoformat(text or "")
        return (value if value.tzinfo else value.replace(tzinfo=trade_day.pacific())).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
