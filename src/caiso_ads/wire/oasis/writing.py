"""Prices, errors and lists -> the answers OASIS gives, for the simulator, the tests and the benchmark.

Rule: exact where the samples show the layout (order of columns, elements, groups; names of members; decimals); the
reader must not be needed to know that. Version 1 has four components, from version 2 GHG too, from version 3 one
member for each. Same arguments, same bytes.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import groupby
from typing import Literal

from caiso_ads.core.price import AffectedHour, Market, NodeInfo, Price
from caiso_ads.wire.oasis import trade_day
from caiso_ads.wire.oasis.reports import CATALOGUES, DATA_ITEMS, ERROR_CODES, Report
from caiso_ads.wire.oasis.writing_rows import CSV_BREAK, csv_lines, error_document, xml_document

Form = Literal["csv", "xml"]
Answer = tuple[str, bytes]

THROTTLE_HTML = (
    b"<html><body><p>CAISO Acceptable Use Policy Violation."
    b" Please retry your request after 5 seconds.</p></body></html>"
)
"""What the edge answers under 429, and under 200 as one observer says."""

_FIRST_WITH_GHG, _FIRST_SPLIT = 2, 3
_ANY_TIME = datetime(2020, 1, 1, tzinfo=UTC)
_TEXTS = {
    1000: "No data returned for the specified selection",
    1001: "Invalid Parameters of the given report name",
    1004: "Data can be requested for period of 31 days only",
    1015: "GroupZip DownLoad is in Processing, Please Submit request after Sometime",
}
_COMPONENTS = {
    "LMP": "lmp_usd_per_mwh",
    "MCC": "congestion_usd_per_mwh",
    "MCE": "energy_usd_per_mwh",
    "MCL": "loss_usd_per_mwh",
    "MGHG": "ghg_usd_per_mwh",
}
"""In the order in which a CSV gives them."""


def price_zip(
    report: Report, version: int, prices: Iterable[Price], *, form: Form = "csv", made_at: datetime
) -> Answer:
    """Return the name for Content-Disposition and the zip of a price report; an answer without prices is empty XML.

    Prices stand by trade day, by node's name, and in their own order within a node.
    """
    by_node: dict[str, list[Price]] = {}
    for price in prices:
        by_node.setdefault(price.node, []).append(price)
    if not by_node:
        return empty_zip(report, version, made_at=made_at)
    stem, tail = _names(report, version, by_node, made_at)
    kinds = [kind for kind in _COMPONENTS if kind != "MGHG" or version >= _FIRST_WITH_GHG]
    parts = [(f"{kind}_", [kind]) for kind in kinds] if version >= _FIRST_SPLIT else [("", kinds)]
    members = [
        (f"{stem}{part}{tail}.{form}", _content(report, version, by_node, of, form, made_at)) for part, of in parts
    ]
    return f"{stem}{tail}{'_csv' if form == 'csv' else ''}.zip", _zip(members, made_at)


def empty_zip(report: Report, version: int, *, made_at: datetime) -> Answer:
    """Return what comes for a report that is not posted yet: XML without rows and without an error."""
    run = report.run or "RTM"
    day = f"{trade_day.day_of(made_at):%Y%m%d}"
    stem = f"{day}_{day}_{report.query}_{run}_{made_at:%Y%m%d_%H_%M_%S}_v{version}"
    return f"{stem}.zip", _zip([(f"{stem}.xml", xml_document(report, version, (), made_at))], made_at)


def error_zip(code: int, text: str | None = None, *, made_at: datetime = _ANY_TIME) -> Answer:
    """Return the answer with an error code; ``text`` is what the service says, by default its own words."""
    known = ERROR_CODES.get(code)
    said = text if text is not None else _TEXTS.get(code) or (known[1] if known else "unknown")
    return "INVALID_REQUEST.xml.zip", _zip([("INVALID_REQUEST.xml", [error_document(code, said, made_at)])], made_at)


def catalogue_zip(kind: str, rows: Iterable[NodeInfo], *, made_at: datetime = _ANY_TIME) -> Answer:
    """Return a reference report. Interpretation: its columns are not documented; the reader takes near spellings."""
    report = CATALOGUES[kind]
    header = [f"{kind}_ID", *(["PNODE_ID"] if kind == "RESOURCE" else []), "START_DATE_GMT", "END_DATE_GMT"]
    lines = [
        [row.name, *([row.node] if kind == "RESOURCE" else []), _stamp(row.start), _stamp(row.end)] for row in rows
    ]
    return _table(f"{made_at:%Y%m%d}_{made_at:%Y%m%d}_{report.query}_N_N_v1", header, lines, made_at)


def corrections_zip(trade_date: date, hours: Iterable[AffectedHour], *, made_at: datetime = _ANY_TIME) -> Answer:
    """Return the correction report of a trade date; without hours it holds the placeholder row."""
    header = [
        "TRADE_DATE", "HOUR_ENDING", "INTERVAL", "MARKET", "AFFECTED_AREA", "CORRECTION_METHOD", "CORRECTION_COUNT",
        "ENERGY_TYPECODE", "CORRECTION_REASON", "REPORT_GENERATED",
    ]  # fmt: skip
    made = f"{made_at.astimezone(trade_day.pacific()):%Y-%m-%d %H:%M:%S}"
    day = trade_date.isoformat()
    names = {Market.RTD: "RTD", Market.FMM: "RTPD", Market.HASP: "HASP", Market.DAM: "DAM"}
    lines = [
        [day, str(trade_day.hour_ending(each.start)), "1", names[each.market], "", "", "1", "", each.text, made]
        for each in hours
    ] or [[day, "", "", "DAM", "", "", "", "", "No records found for report.", made]]
    return _table(f"{trade_date:%Y%m%d}_{trade_date:%Y%m%d}_PRC_CORR_GRP_N_N_v1", header, lines, made_at)


def _names(report: Report, version: int, by_node: Mapping[str, Sequence[Price]], made_at: datetime) -> tuple[str, str]:
    first = min(price.start for prices in by_node.values() for price in prices)
    last = max(price.start for prices in by_node.values() for price in prices)
    days = f"{trade_day.day_of(first):%Y%m%d}_{trade_day.day_of(last):%Y%m%d}"
    return f"{days}_{report.query}_{report.run or 'RTM'}_", f"{made_at:%Y%m%d_%H_%M_%S}_v{version}"


def _content(
    report: Report,
    version: int,
    by_node: Mapping[str, Sequence[Price]],
    kinds: Sequence[str],
    form: Form,
    made: datetime,
) -> Iterator[str]:
    items = {kind: item for item, kind in DATA_ITEMS.items()}
    ordered = kinds if form == "csv" else sorted(kinds, key=items.__getitem__)
    groups = ((node, kind, _values(kind, prices)) for node, prices in _by_day(by_node) for kind in ordered)
    return csv_lines(report, version, groups) if form == "csv" else xml_document(report, version, groups, made)


def _by_day(by_node: Mapping[str, Sequence[Price]]) -> Iterator[tuple[str, list[Price]]]:
    """Yield each node's prices of each trade day, nodes by name and one day of all of them after the other, as in the real file."""
    days: dict[date, dict[str, list[Price]]] = {}
    for node, prices in by_node.items():
        for price in prices:
            days.setdefault(_day(price.start), {}).setdefault(node, []).append(price)
    for day in sorted(days):
        yield from sorted(days[day].items())


def _values(kind: str, prices: Sequence[Price]) -> list[tuple[datetime, datetime, float]]:
    attribute = _COMPONENTS[kind]
    return [(price.start, price.end, value) for price in prices if (value := getattr(price, attribute)) is not None]


def _table(stem: str, header: Sequence[str], lines: Iterable[Sequence[str]], made_at: datetime) -> Answer:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=CSV_BREAK)
    writer.writerow(header)
    writer.writerows(lines)
    return f"{stem}_csv.zip", _zip([(f"{stem}.csv", [text.getvalue()])], made_at)


@lru_cache(maxsize=4096)
def _day(start: datetime) -> date:
    return trade_day.day_of(start)


def _stamp(value: datetime | None) -> str:
    return "" if value is None else f"{value:%Y-%m-%dT%H:%M:%S}-00:00"


def _zip(members: Iterable[tuple[str, Iterable[str]]], made_at: datetime) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, pieces in members:
            info = zipfile.ZipInfo(name, date_time=(max(1980, made_at.year), *made_at.timetuple()[1:6]))
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w") as member:
                for _, some in groupby(enumerate(pieces), key=lambda each: each[0] // 1000):
                    member.write("".join(piece for _, piece in some).encode())
    return buffer.getvalue()
