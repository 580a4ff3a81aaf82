"""Readable tables of ADS documents. Rule: every time in UTC and in Pacific time, every MW with its unit in the head.

Text from the ISO is printed as text: it can neither style nor steer the terminal.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich.console import Console
from rich.table import Table
from rich.text import Text

from caiso_ads.cli._errors import one_line
from caiso_ads.core.codes import Code
from caiso_ads.core.model import DispatchBatch, Instruction, TrajectoryBatch, Unknown
from caiso_ads.wire.payload import BadItem

_PIPE_WIDTH = 240  # wide enough that nothing is cut when the output goes to a file or another program


def output() -> Console:
    """Return the terminal, or standard output at a width at which nothing is cut."""
    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)


def utc(at: datetime | None) -> str:
    """Return a time in UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if at else ""


def pacific(at: datetime | None) -> str:
    """Return a time on California's clocks with PST or PDT; ``?`` where the machine has no time zone data (Windows)."""
    try:
        return at.astimezone(ZoneInfo("America/Los_Angeles")).strftime("%m-%d %H:%M:%S %Z") if at else ""
    except ZoneInfoNotFoundError:
        return "?"


def _cell(value: object) -> Text:
    if value is None:
        return Text("")
    if isinstance(value, Code):
        return Text(f"{int(value)} {value.label}" if value.is_known else str(int(value)))
    if isinstance(value, float):
        return Text(f"{value:.3f}".rstrip("0").rstrip("."), justify="right")
    return Text(one_line(str(value)))


def cell_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """Return a table whose cells say values as people read them; None is an empty cell."""
    table = Table(title=Text(title), title_justify="left")
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(each) for each in row))
    return table


def show_headers(items: Sequence[DispatchBatch | BadItem]) -> None:
    """Print batch headers, one row each; items that cannot be read are named below."""
    console = output()
    good = [each for each in items if not isinstance(each, BadItem)]
    heads = ("batch UID", "type", "status", "start UTC", "start Pacific", "received UTC", "rev", "binding")
    rows = [
        (
            each.batch_uid,
            each.batch_type,
            each.batch_status,
            utc(each.start_time),
            pacific(each.start_time),
            utc(each.batch_received),
            each.revision_no,
            each.binding_flag,
        )
        for each in good
    ]
    console.print(cell_table(f"{len(good)} dispatch batches", heads, rows) if good else "no dispatch batches")
    _say_bad(console, items)


def show_status(batch: DispatchBatch) -> None:
    """Print status and revision of one batch in one row."""
    heads = ("batch UID", "status", "rev", "sent UTC", "sent Pacific", "expires UTC", "expires Pacific")
    row = (
        batch.batch_uid,
        batch.batch_status,
        batch.revision_no,
        utc(batch.batch_sent),
        pacific(batch.batch_sent),
        utc(batch.batch_expires),
        pacific(batch.batch_expires),
    )
    output().print(cell_table("batch status", heads, [row]))


def show_batch(batch: DispatchBatch) -> None:
    """Print one batch and its instructions."""
    show_headers([batch])
    console = output()
    if not batch.instructions:
        console.print("no instruction in this batch is visible to this certificate")
        return
    heads = ("resource", "what", "start UTC", "start Pacific", "DOT MW", "before MW", "status", "answer", "segments MW")
    rows = [
        (
            each.resource_id,
            each.instruction_type,
            utc(each.start_time),
            pacific(each.start_time),
            each.dot_mw,
            each.pre_goto_mw,
            each.status_code,
            each.accept_status,
            _segments(each),
        )
        for each in batch.instructions
    ]
    console.print(cell_table(f"{len(rows)} instructions", heads, rows))
    _say_unknown(console, [*batch.unknown, *(unknown for each in batch.instructions for unknown in each.unknown)])


def _segments(instruction: Instruction) -> str:
    return " ".join(f"{each.service_type}={each.mw:g}" for each in instruction.detail if each.mw)


def show_trajectories(items: Sequence[TrajectoryBatch | BadItem]) -> None:
    """Print operating points and compliance of each trajectory batch."""
    console = output()
    good = [each for each in items if not isinstance(each, BadItem)]
    if not good:
        console.print("no trajectory batches")
    for batch in good:
        title = f"{batch.batch_uid}  received {utc(batch.batch_received)}  binding {batch.binding_flag or 'not given'}"
        points = [
            (each.resource_id, utc(each.target_time), pacific(each.target_time), each.dop_mw, each.sequence_number)
            for each in batch.dops
        ]
        console.print(cell_table(title, ("resource", "target UTC", "target Pacific", "DOP MW", "sequence"), points))
        if batch.compliance:
            intervals = [
                (
                    each.resource_id,
                    utc(each.start_time),
                    pacific(each.start_time),
                    each.expected_energy_mwh,
                    each.compl_flag,
                )
                for each in batch.compliance
            ]
            heads = ("resource", "interval UTC", "interval Pacific", "expected MWh", "in compliance")
            console.print(cell_table("compliance", heads, intervals))
    _say_bad(console, items)


def _say_bad(console: Console, items: Sequence[object]) -> None:
    for each in items:
        if isinstance(each, BadItem):
            console.print(one_line(f"cannot be read: {each.uid or 'item without UID'}: {each.error}"))


def _say_unknown(console: Console, unknown: Sequence[Unknown]) -> None:
    if unknown:
        names = sorted({each.name for each in unknown})
        console.print(one_line(f"elements not in our table: {', '.join(names)} (shown by --json and --xml)"))
