"""From a file of load following to what the gateway sends: CSV with a head, or the XML of the ISO's own schema.

Rule: a file is read whole or refused whole, naming line and column; a number or a time is never guessed.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from caiso_ads.core.model import MssLfRequest
from caiso_ads.errors import CommandError, WireError
from caiso_ads.loop.loadfollowing import MOST_ROWS, read_request
from caiso_ads.wire.payload import decode_mss_request

COLUMNS = ("id", "resource", "start", "end", "mw")
LARGEST_BYTES = 1024 * 1024


def said(path: Path, batch: str | None) -> dict[str, object]:
    """Return the command for a file; ``batch`` is the coordinator's id of it. Raises CommandError naming file and line."""
    text = _text(path)
    if path.suffix.lower() == ".xml":
        return _of_xml(path, text, batch)
    if path.suffix.lower() != ".csv":
        raise CommandError(f"{path.name}: must end in .csv or .xml", field="file")
    if batch is None:
        raise CommandError("give --batch: your own id of this request", field="batch")
    command: dict[str, object] = {"kind": "mss", "batch": batch, "rows": _rows(path, text)}
    _checked(path, command)
    return command


def _checked(path: Path, command: dict[str, object]) -> MssLfRequest:
    try:
        return read_request(command)
    except CommandError as refused:
        raise CommandError(f"{path.name}: {refused.problem}", field=refused.field, cure=refused.cure) from refused


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            body = file.read(LARGEST_BYTES + 1)
    except OSError as problem:
        raise CommandError(f"{path}: cannot be read: {problem.strerror}", field="file") from problem
    if len(body) > LARGEST_BYTES:
        raise CommandError(f"{path}: larger than {LARGEST_BYTES} bytes", field="file")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise CommandError(f"{path}: not UTF-8: {problem.reason}", field="file") from problem


def _rows(path: Path, text: str) -> list[dict[str, object]]:
    lines = csv.reader(io.StringIO(text), strict=True)
    try:
        head = tuple(name.strip().lower() for name in next(lines, []))
        if sorted(head) != sorted(COLUMNS):
            raise CommandError(f"{path.name}: the first line must name {','.join(COLUMNS)}", field="file")
        rows = []
        for cells in lines:
            if any(cell.strip() for cell in cells):
                rows.append(_row(f"{path.name} line {lines.line_num}", head, cells))
            if len(rows) > MOST_ROWS:
                raise CommandError(f"{path.name}: more than {MOST_ROWS} rows", field="file")
    except csv.Error as problem:
        raise CommandError(f"{path.name} line {lines.line_num}: {problem}", field="file") from problem
    return rows


def _row(where: str, head: tuple[str, ...], cells: list[str]) -> dict[str, object]:
    if len(cells) != len(head):
        raise CommandError(f"{where}: has {len(cells)} columns, not {len(head)}", field="file")
    row: dict[str, object] = {name: cell.strip() for name, cell in zip(head, cells, strict=True)}
    try:
        return row | {"mw": float(str(row["mw"]))}
    except ValueError as problem:
        raise CommandError(f"{where}: {row['mw']!r} is no number of MW", field="mw") from problem


def _of_xml(path: Path, text: str, batch: str | None) -> dict[str, object]:
    try:
        request = decode_mss_request(text)
    except WireError as problem:
        raise CommandError(f"{path.name}: {problem}", field="file") from problem
    if batch is not None and batch != request.sc_mss_batch_id:
        raise CommandError(f"{path.name} says {request.sc_mss_batch_id!r}", field="batch")
    strange = [row for row in request.requests if row.sc_mss_batch_id != request.sc_mss_batch_id or row.unknown]
    if strange or request.unknown:
        raise CommandError(f"{path.name}: has rows of another batch, or elements that would not be sent", field="file")
    rows = [
        {
            "id": row.sc_instruction_id,
            "resource": row.resource_id,
            "start": row.start_time.isoformat(),
            "end": row.end_time.isoformat(),
            "mw": row.load_following_mw,
        }
        for row in request.requests
    ]
    command: dict[str, object] = {"kind": "mss", "batch": request.sc_mss_batch_id, "rows": rows}
    _checked(path, command)
    return command
