"""One point list as a table, CSV, Markdown or JSON: what ``caiso-ads points`` prints for a sink that has objects.

Rule: the same cells in each form; a remark stands where it breaks no columns.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

Rows = Sequence[Sequence[object]]


def listed(form: str, where: str, columns: Sequence[str], rows: Rows) -> str:
    """Return the list as text of that form: table, csv, md or json."""
    return _FORMATS[form](where, columns, rows)


def _lines(rows: Rows) -> list[list[str]]:
    return [[str(cell) for cell in row] for row in rows]


def _table(where: str, columns: Sequence[str], rows: Rows) -> str:
    lines = [list(columns), *_lines(rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(columns))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([where, "", *text]) + "\n"


def _csv(where: str, columns: Sequence[str], rows: Rows) -> str:  # noqa: ARG001 - a remark would break the columns
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def _markdown(where: str, columns: Sequence[str], rows: Rows) -> str:
    lines = [columns, ["---"] * len(columns), *_lines(rows)]
    return f"- {where}\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _json(where: str, columns: Sequence[str], rows: Rows) -> str:
    points = [dict(zip(columns, row, strict=True)) for row in rows]
    return json.dumps({"notes": [where], "points": points}, indent=2) + "\n"


_FORMATS = {"table": _table, "csv": _csv, "md": _markdown, "json": _json}
