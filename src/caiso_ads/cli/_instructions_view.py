"""How an instruction that takes answers is shown to people: as a row, and in full before one answers it.

Rule: what is shown is as it was stored last, with that time; a window is counted down to its end and then called over,
whatever status is stored. What is not known stays empty, never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from caiso_ads.cli._ads_tables import cell_table, output, pacific, utc
from caiso_ads.cli._errors import one_line
from caiso_ads.core.answering import closes_at, period_refusal, reason_word
from caiso_ads.core.answers import Answer, AnswerState
from caiso_ads.core.codes import ReasonCode
from caiso_ads.store.hourly import AllAsked, Asked

_HOUR = timedelta(hours=1)


def countdown(row: Asked, now: datetime) -> str:
    """Return how long it may be answered: ``12:34``, or why not now."""
    end = closes_at(row.batch)
    if period_refusal(row.batch, now, margin_s=0.0) is not None:
        return "over" if end is not None else "closed"
    left = int(((end or row.batch.start_time) - now).total_seconds())
    return f"{left // 3600}:{left % 3600 // 60:02}:{left % 60:02}" if left >= _HOUR.seconds else _short(left)


def _short(left: int) -> str:
    return f"{left // 60:02}:{left % 60:02}"


def said(answer: Answer) -> str:
    """Return an answer in one line."""
    what = answer.kind.value if answer.mw is None else f"{answer.kind.value} {answer.mw:g} MW"
    why = "" if answer.reason_code is None else f", {reason(answer.reason_code)}"
    second = f", agreed by {answer.seconded_by}" if answer.seconded_by else ""
    number = f"#{answer.answer_id} " if answer.state is AnswerState.PROPOSED else ""
    older = f" (revision {answer.revision_no})"
    return f"{number}{what}{why} by {answer.who}{second}: {answer.state.value}{older}"


def reason(code: ReasonCode) -> str:
    """Return a reason as number and word."""
    return f"{int(code)} {reason_word(code)}"


def _of_iso(row: Asked) -> str:
    told = row.instruction
    if not told.accept_status:
        return ""
    mw = "" if told.accept_dot_mw is None else f" {told.accept_dot_mw:g} MW"
    by = f" by {told.responder}" if told.responder else ""
    why = "" if told.reason_code is None else f", {int(told.reason_code)} {told.reason_code.label}"
    return f"ISO: {told.accept_status}{mw}{by}{why}"


def answered(row: Asked) -> str:
    """Return who answered what: the ISO's word, then ours, the newest of each revision last."""
    return "; ".join(part for part in (_of_iso(row), *(said(each) for each in row.answers)) if part)


def show(found: AllAsked, rows: Sequence[Asked], now: datetime) -> None:
    """Print the table."""
    console = output()
    if rows:
        heads = (
            *("instruction", "resource", "hour Pacific", "hour UTC", "DOT MW", "schedule MW", "min accept MW"),
            *("rev", "status", "left", "answers"),
        )
        console.print(cell_table(f"{len(rows)} instructions", heads, [_cells(row, now) for row in rows]))
        newest = max(row.stored_at for row in rows)
        console.print(one_line(f"as the gateway stored it, the newest at {utc(newest)}; now {utc(now)}"))
    else:
        console.print("no instruction that takes answers")
    if found.damaged:
        console.print(one_line(f"{found.damaged} batches in the store cannot be read: caiso-ads intervals shows when"))


def _cells(row: Asked, now: datetime) -> Sequence[object]:
    told, start = row.instruction, row.instruction.start_time or row.batch.start_time
    return (
        told.instruction_uid,
        told.resource_id,
        pacific(start),
        utc(start),
        told.dot_mw,
        told.hourly_mw,
        told.min_accept_mw,
        told.revision_number,
        row.batch.batch_status,
        countdown(row, now),
        answered(row),
    )


def in_full(row: Asked, now: datetime) -> list[str]:
    """Return what one must see before one answers, a line each."""
    told = row.instruction
    start = told.start_time or row.batch.start_time
    amounts = (("DOT", told.dot_mw), ("schedule", told.hourly_mw), ("min accept", told.min_accept_mw))
    lines = [
        f"{told.instruction_uid}, revision {told.revision_number}, as stored {utc(row.stored_at)}",
        f"{told.resource_id}, hour from {pacific(start)} ({utc(start)})",
        ", ".join(f"{name} {'not given' if mw is None else f'{mw:g} MW'}" for name, mw in amounts),
        f"window: {countdown(row, now)} left, until {utc(closes_at(row.batch)) or 'an end that is not told'}",
    ]
    return [one_line(line) for line in (*lines, *filter(None, [answered(row)]))]


def end(row: Asked) -> datetime:
    """Return the end of its window, or the start of its hour where that is not told; to sort by."""
    return closes_at(row.batch) or row.batch.start_time
