"""How evidence is written: lines for people, CSV or JSON. Rule: a name from outside is data only, wherever it is shown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from caiso_ads.cli._errors import one_line
from caiso_ads.sinks.words import safe_text, utc_text

if TYPE_CHECKING:
    from caiso_ads.store.chain import AuditRow
    from caiso_ads.store.evidence_reader import Found
    from caiso_ads.store.life import Step

COLUMNS = ("row", "at_utc", "kind", "who", "resource", "text", "detail", "previous_hash", "hash")


def life_lines(found: Found, steps: list[Step]) -> Iterator[str]:
    """Yield the life of an instruction as a table."""
    yield f"{one_line(found.instruction_uid)} of batch {one_line(found.batch_uid)}"
    said = next((version.said for version in reversed(found.versions) if version.said is not None), None)
    if said is not None and said.start_time is not None:
        yield f"for {one_line(said.resource_id)}, from {utc_text(said.start_time)}"
    if not found.rows:
        yield "note: no evidence was kept for this batch; what follows is from the payload and the outbox only"
    yield ""
    yield f"{'time (UTC)':<24}  {'after receipt':>13}  {'since before':>12}  {'what':<18}  {'who':<16}  what it says"
    before = None
    for step in steps:
        since = "" if before is None else _span((step.at - before).total_seconds())
        after = "" if step.after_s is None else _span(step.after_s)
        bad = "" if step.intact else "ALTERED: "
        yield (
            f"{utc_text(step.at):<24}  {after:>13}  {since:>12}  {one_line(step.what):<18}  {one_line(step.who):<16}"
            f"  {bad}{one_line(step.text)}  [{step.source}]"
        )
        before = step.at


def life_json(found: Found, steps: list[Step]) -> str:
    """Return the life of an instruction as one JSON object."""
    made = {
        "instruction_uid": found.instruction_uid,
        "batch_uid": found.batch_uid,
        "evidence_kept": bool(found.rows),
        "steps": [
            {
                "at_utc": utc_text(step.at), "what": step.what, "who": step.who, "text": step.text,
                "source": step.source, "after_receipt_s": step.after_s, "intact": step.intact, "detail": step.detail,
            }
            for step in steps
        ],
    }  # fmt: skip
    return json.dumps(made, indent=1, allow_nan=False)


def rows_csv(rows: Iterable[AuditRow]) -> Iterator[str]:
    """Yield CSV, line by line."""
    yield _line(COLUMNS)
    for row in rows:
        values = _values(row)
        yield _line(["" if value is None else safe_text(str(value)) for value in values.values()])


def rows_json(rows: Iterable[AuditRow]) -> Iterator[str]:
    """Yield one JSON object for each row, one a line; ``detail`` is the text that was hashed."""
    for row in rows:
        yield json.dumps(_values(row))


def _values(row: AuditRow) -> dict[str, Any]:
    values = (
        *(row.row, _when(row), row.kind, row.who, row.resource, row.text, row.detail),
        *(row.previous_hash.hex(), row.hash.hex()),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _when(row: AuditRow) -> str | None:
    try:
        return utc_text(row.at)
    except (TypeError, OverflowError):
        return None  # altered; verify tells


def _line(cells: Iterable[str]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()


def _span(seconds: float) -> str:
    return f"{seconds:+.3f} s" if abs(seconds) < 3600 else f"{seconds / 3600:+.2f} h"
