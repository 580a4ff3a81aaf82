"""One group of one node and component -> its lines of CSV or its elements of XML, laid out as the samples are.

Rule: lines and documents come in pieces, so that an hour of all nodes is never one text. Values have up to five
decimals and no needless zeros.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from xml.sax.saxutils import escape

from caiso_ads.core.price import Market
from caiso_ads.wire.oasis import trade_day
from caiso_ads.wire.oasis.reports import DATA_ITEMS, Report

CSV_BREAK = "\n"
Value = tuple[datetime, datetime, float]
Group = tuple[str, str, Sequence[Value]]

_ITEMS = {kind: item for item, kind in DATA_ITEMS.items()}
_LEFT = "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,OPR_DT,OPR_HR"
_MIDDLE = "NODE_ID_XML,NODE_ID,NODE,MARKET_RUN_ID,LMP_TYPE,XML_DATA_ITEM,PNODE_RESMRID,GRP_TYPE,POS"
_SCHEMAS = {1: 1, 2: 2}
_NEWEST_SCHEMA = 5


def csv_lines(report: Report, version: int, groups: Iterable[Group]) -> Iterator[str]:
    """Yield the header and the lines. Day-ahead and version 1 have the interval before the node, others after."""
    early = report.market is Market.DAM or version == 1
    column = _price_column(report, version)
    yield (
        f"{_LEFT},OPR_INTERVAL,{_MIDDLE},{column},GROUP\n"
        if early
        else f"{_LEFT},{_MIDDLE},{column},OPR_INTERVAL,GROUP\n"
    )
    run = report.run or "RTM"
    for number, (node, kind, values) in enumerate(groups, 1):
        nodes = "ALL_APNODES" if node.endswith("-APND") else "ALL"
        middle = f"{node},{node},{node},{run},{kind},{_ITEMS[kind]},{node},{nodes},0"
        for start, end, value in values:
            left, interval = _left(start, end, report.interval_s)
            shown = decimals(value)
            if early:
                yield f"{left},{interval},{middle},{shown},{number}\n"
            else:
                yield f"{left},{middle},{shown},{interval},{number}\n"


def decimals(value: float) -> str:
    """Write a price as OASIS does: at most five decimals, none where none is needed."""
    text = f"{value:.5f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def xml_document(report: Report, version: int, groups: Iterable[Group], made_at: datetime) -> Iterator[str]:
    """Yield a report; a document without groups has no item."""
    schema = _SCHEMAS.get(version, _NEWEST_SCHEMA)
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<OASISReport xmlns="http://www.caiso.com/soa/OASISReport_v{schema}.xsd">\n'
        f"<MessageHeader>\n<TimeDate>{_stamp(made_at)}</TimeDate>\n<Source>OASIS</Source>\n"
        "<Version>v20131201</Version>\n</MessageHeader>\n<MessagePayload>\n<RTO>\n<name>CAISO</name>\n"
    )
    header = (
        f"<REPORT_ITEM>\n<REPORT_HEADER>\n<SYSTEM>OASIS</SYSTEM>\n<TZ>PPT</TZ>\n<REPORT>{report.query}</REPORT>\n"
        f"<MKT_TYPE>{report.run or 'RTM'}</MKT_TYPE>\n<UOM>US$/MWh</UOM>\n<INTERVAL>ENDING</INTERVAL>\n"
        f"<SEC_PER_INTERVAL>{report.interval_s}</SEC_PER_INTERVAL>\n</REPORT_HEADER>\n"
    )
    for node, kind, values in groups:
        yield header
        for start, end, value in values:
            day = trade_day.day_of(start)
            interval = (start - trade_day.bounds(day)[0]) // timedelta(seconds=report.interval_s) + 1
            yield (
                f"<REPORT_DATA>\n<DATA_ITEM>{_ITEMS[kind]}</DATA_ITEM>\n<RESOURCE_NAME>{escape(node)}</RESOURCE_NAME>\n"
                f"<OPR_DATE>{day}</OPR_DATE>\n<INTERVAL_NUM>{interval}</INTERVAL_NUM>\n"
                f"<INTERVAL_START_GMT>{_stamp(start)}</INTERVAL_START_GMT>\n"
                f"<INTERVAL_END_GMT>{_stamp(end)}</INTERVAL_END_GMT>\n<VALUE>{decimals(value)}</VALUE>\n</REPORT_DATA>\n"
            )
        yield "</REPORT_ITEM>\n"
    yield (
        "<DISCLAIMER_ITEM>\n<DISCLAIMER>The contents of these pages are subject to change without notice.</DISCLAIMER>\n"
        "</DISCLAIMER_ITEM>\n</RTO>\n</MessagePayload>\n</OASISReport>\n"
    )


def error_document(code: int, text: str, made_at: datetime) -> str:
    """Return the document of an error code, with the prefix that such documents have."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<m:OASISReport xmlns:m="http://www.caiso.com/soa/OASISReport_v1.xsd">\n<m:MessageHeader>\n'
        f"<m:TimeDate>{made_at:%Y-%m-%dT%H:%M:%S}.{made_at.microsecond // 1000:03d}Z</m:TimeDate>\n"
        "<m:Source>OASIS</m:Source>\n<m:Version>v20131201</m:Version>\n</m:MessageHeader>\n<m:MessagePayload>\n<m:RTO>\n"
        f"<m:name>CAISO</m:name>\n<m:ERROR>\n<m:ERR_CODE>{code}</m:ERR_CODE>\n<m:ERR_DESC>{escape(text)}</m:ERR_DESC>\n"
        "</m:ERROR>\n</m:RTO>\n</m:MessagePayload>\n</m:OASISReport>\n"
    )


def _price_column(report: Report, version: int) -> str:
    if report.market is Market.FMM:
        return "PRC"
    return "VALUE" if report.market is Market.RTD and version > 1 else "MW"


@lru_cache(maxsize=4096)
def _left(start: datetime, end: datetime, interval_s: int) -> tuple[str, int]:
    """Return the first four fields, and the interval's number within its hour (0 for hourly prices)."""
    hourly = interval_s >= 3600
    hour = f"{trade_day.hour_ending(start):{'' if hourly else '02'}}"  # 01 in real time, 1 a day ahead
    within = 0 if hourly else (start.minute * 60 + start.second) // interval_s + 1
    return f"{_stamp(start)},{_stamp(end)},{trade_day.day_of(start)},{hour}", within


@lru_cache(maxsize=4096)
def _stamp(value: datetime) -> str:
    return f"{value:%Y-%m-%dT%H:%M:%S}-00:00"
