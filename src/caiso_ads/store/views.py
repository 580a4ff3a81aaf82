"""What an engineer queries with the ``sqlite3`` shell: readable names, ISO-8601 UTC times, one row for each thing.

Rule: views hold no data and follow the program, not the migrations: when the text of one differs from the database,
all are made anew. Columns ending in ``_us`` are the stored microseconds, for fast searches in time. SQLite only.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, Table

from caiso_ads.core.codes import (
    BatchStatus,
    BatchType,
    Code,
    DispatchMode,
    InstructionType,
    ReasonCode,
    ResponseResult,
)
from caiso_ads.core.quality import Directive
from caiso_ads.store import answers_schema, audit_schema, lived_schema, prices_schema, schema
from caiso_ads.store.evidence import Form

_CODES: dict[str, type[Code]] = {
    "batch_status": BatchStatus,
    "batch_type": BatchType,
    "dispatch_mode": DispatchMode,
    "instruction_type": InstructionType,
    "status_code": BatchStatus,
    "reason_code": ReasonCode,
    "opr_reason_code": ReasonCode,
}


def iso(value: str) -> str:
    """Return SQL for stored microseconds as 2026-07-21T23:16:04.000Z."""
    return f"strftime('%Y-%m-%dT%H:%M:%fZ', {value} / 1000000.0, 'unixepoch')"


def _named(value: str, codes: type[Code]) -> str:
    cases = " ".join(f"WHEN {code.value} THEN '{code.label}'" for code in codes)
    return f"CASE {value} {cases} ELSE 'unknown ' || {value} END"


def _named_directive(value: str) -> str:
    cases = " ".join(f"WHEN {word.value} THEN '{word.name}'" for word in Directive)
    return f"CASE {value} {cases} END"


def _shown(alias: str, column: Column[Any]) -> str:
    source = f"{alias}.{column.name}"
    if isinstance(column.type, schema.Utc):
        return f"{iso(source)} AS {column.name}"
    if column.name in _CODES:
        return f"{source} AS {column.name}, {_named(source, _CODES[column.name])} AS {column.name}_name"
    return f"{source} AS {column.name}"


def _all(alias: str, table: Table, *without: str) -> tuple[str, ...]:
    return tuple(_shown(alias, column) for column in table.columns if column.name not in without)


_STREAM = "CASE p.stream WHEN 1 THEN 'dispatch' WHEN 2 THEN 'trajectory' ELSE 'list' END"
_UID = "coalesce(i.instruction_uid, b.batch_uid || '-I' || i.instruction_no)"
_START = f"CASE WHEN i.start_given THEN {iso('i.start_time')} END"
_NOT_SHOWN = (
    "resource",
    "batch",
    "n",
    "start_time",
    "start_given",
    "instruction_no",
    "instruction_uid",
    "layout",
    "detail",
)

_TRAJECTORY = (
    *("t.batch_uid AS batch_uid", "t.effective AS effective", "t.conflict AS conflict"),
    *(f"{iso('t.batch_received')} AS batch_received", f"{iso('t.batch_sent')} AS batch_sent"),
    "t.binding_flag AS binding_flag",
)
_INSTRUCTION = (
    *("b.batch_uid AS batch_uid", "b.revision_no AS revision_no", "b.effective AS effective", "b.conflict AS conflict"),
    *(f"{_UID} AS instruction_uid", "r.resource_id AS resource_id", f"{_START} AS start_time"),
)
_OF_INSTRUCTION = "instruction i JOIN resource r ON r.id = i.resource JOIN batch b ON b.id = i.batch"
_SAME_KEY = " AND ".join(f"m.{name} = i.{name}" for name in ("resource", "start_time", "batch", "n"))

_MARKET = " ".join(f"WHEN {number} THEN '{market.value}'" for market, number in prices_schema.MARKETS.items())
_INTERVAL = (
    *(f"CASE p.market {_MARKET} END AS market", "n.name AS node", f"{iso('p.start_time')} AS start_time"),
    f"{iso('(p.start_time + p.length_s * 1000000)')} AS end_time",
)
_NUMBERED = ("market", "node", "start_time", "request")
_NAMED_NODE = "JOIN price_node n ON n.id = p.node JOIN price_request q ON q.id = p.request"

_SELECTED: dict[str, tuple[tuple[str, ...], str]] = {
    "v_batch": (
        (
            *_all("b", schema.batch, "id"),
            *(f"{iso('p.received_at')} AS stored_at", "p.received_at AS stored_us", "b.start_time AS start_us"),
            "b.id AS payload",
        ),
        "batch b JOIN payload p ON p.id = b.id",
    ),
    "v_instruction": (
        (
            *_INSTRUCTION,
            *_all("i", schema.instruction, *_NOT_SHOWN),
            *_all("m", schema.instruction_more, "resource", "start_time", "batch", "n"),
            *("i.start_time AS start_us", "i.batch AS payload"),
        ),
        f"{_OF_INSTRUCTION} LEFT JOIN instruction_more m ON {_SAME_KEY}",
    ),
    "v_instruction_detail": (
        (
            *_INSTRUCTION,
            "json_extract(l.segments, '$[' || d.key || '][0]') AS seg_no",
            "json_extract(l.segments, '$[' || d.key || '][1]') AS service_type",
            *("CAST(d.value AS REAL) AS mw", "i.start_time AS start_us"),
        ),
        f"{_OF_INSTRUCTION} JOIN detail_layout l ON l.id = i.layout JOIN json_each(i.detail) d",
    ),
    "v_trajectory": (
        (
            *_TRAJECTORY,
            "coalesce(d.dop_uid, t.batch_uid || '-D' || d.dop_no) AS dop_uid",
            "r.resource_id AS resource_id",
            *_all("d", schema.dop, "resource", "trajectory", "n", "dop_no", "dop_uid"),
            "d.target_time AS target_us",
        ),
        "dop d JOIN resource r ON r.id = d.resource JOIN trajectory t ON t.id = d.trajectory",
    ),
    "v_compliance": (
        (
            *_TRAJECTORY,
            "coalesce(c.compliance_uid, t.batch_uid || '-C' || c.compliance_no) AS compliance_uid",
            "r.resource_id AS resource_id",
            *_all("c", schema.compliance, "resource", "trajectory", "n", "compliance_no", "compliance_uid"),
            "c.start_time AS start_us",
        ),
        "compliance c JOIN resource r ON r.id = c.resource JOIN trajectory t ON t.id = c.trajectory",
    ),
    "v_payload": (
        (
            *("p.id AS payload", f"{_STREAM} AS stream"),
            *_all("p", schema.payload, "id", "stream", "sha256", "form"),
            *("lower(hex(p.sha256)) AS sha256", f"p.form = {Form.BASE64.value} AS was_base64"),
            "p.received_at AS received_us",
        ),
        "payload p",
    ),
    "v_outbox": (_all("o", schema.outbox), "outbox o"),
    "v_outage": (
        (
            *_all("g", schema.outage, "id"),
            *("(g.end_at - g.start_at) / 1000000.0 AS seconds", "g.start_at AS start_us", "g.end_at AS end_us"),
        ),
        "outage g",
    ),
    "v_disturbance": (
        (*_all("d", lived_schema.disturbance, "id"), "d.start_at AS start_us", "d.end_at AS end_us"),
        "disturbance d",
    ),
    "v_decoded_later": (
        (
            *("p.uid AS uid", f"{_STREAM} AS stream", f"{iso('p.received_at')} AS received_at"),
            *_all("l", lived_schema.decoded_later),
        ),
        "decoded_later l JOIN payload p ON p.id = l.payload",
    ),
    "v_audit": (
        (
            *_all("a", audit_schema.audit, "previous_hash", "hash"),
            *("lower(hex(a.previous_hash)) AS previous_hash", "lower(hex(a.hash)) AS hash", "a.at AS at_us"),
        ),
        "audit a",
    ),
    "v_answer": (
        (
            *_all("w", answers_schema.answer),
            f"CASE WHEN w.result IS NOT NULL THEN {_named('w.result', ResponseResult)} END AS result_name",
            "w.given_at AS given_us",
        ),
        "answer w",
    ),
    "v_override": (
        (
            *_all("f", audit_schema.operator_override, "directive", "ended_by"),
            f"{_named_directive('f.directive')} AS directive",
            *(f"{iso('e.at')} AS ended_at", "e.who AS ended_by", "e.kind AS ended_how", "e.text AS ended_why"),
            *("f.since AS since_us", "f.until AS until_us"),
        ),
        "operator_override f LEFT JOIN audit e ON e.id = f.ended_by",
    ),
    "v_price": (
        (
            *_INTERVAL,
            *_all("p", prices_schema.price, *_NUMBERED, "length_s"),
            *("q.request AS request", "p.start_time AS start_us"),
        ),
        f"price p {_NAMED_NODE}",
    ),
    "v_price_correction": (
        (
            *_INTERVAL[:3],
            *_all("p", prices_schema.price_correction, *_NUMBERED),
            *("q.request AS request", "p.start_time AS start_us", "p.seen_at AS seen_us"),
        ),
        f"price_correction p {_NAMED_NODE}",
    ),
    "v_price_asked": (
        (*_INTERVAL[:2], *_all("p", prices_schema.price_asked, "market", "node")),
        "price_asked p JOIN price_node n ON n.id = p.node",
    ),
    "v_node": (
        (*_all("r", prices_schema.price_catalogue_row, "catalogue", "n"), f"{iso('c.fetched_at')} AS fetched_at"),
        "price_catalogue_row r JOIN price_catalogue c ON c.kind = r.catalogue",
    ),
}

VIEWS = {
    name: f"CREATE VIEW {name} AS SELECT {', '.join(columns)} FROM {source}"  # noqa: S608 - constants of this module
    for name, (columns, source) in _SELECTED.items()
}
"""The statement that makes each view."""


def drop_views(db: Connection) -> None:
    """Remove all views; a migration must not trip over them."""
    for name in _present(db):
        db.exec_driver_sql(f"DROP VIEW {name}")


def ensure_views(db: Connection) -> None:
    """Make the views of this program, unless the database has exactly these."""
    if db.dialect.name != "sqlite" or _present(db) == VIEWS:
        return
    drop_views(db)
    for statement in VIEWS.values():
        db.exec_driver_sql(statement)


def _present(db: Connection) -> dict[str, str]:
    rows = db.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE type = 'view' AND name LIKE 'v\\_%' ESCAPE '\\'"
    )
    return {str(name): str(statement) for name, statement in rows}
